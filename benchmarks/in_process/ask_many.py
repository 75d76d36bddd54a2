"""
Many prompts against a limit, with clocks that run faster: python ask_many.py ours|openai ADDRESS PROMPTS SPEED

Prints how many failed. What was refused on the way, and how long it took, the service knows.
"""

from __future__ import annotations

import json
import os
import sys
import time

TOKEN = "bench-token-0123456789"
MODEL = "gpt-oss-120b"
CONCURRENCY = 8


def hurry(speed):
    """
    Let all clocks run faster, and all sleep be shorter.

    Called before anything else is imported, so that modules that import a clock have this one. What waits on a
    lock with a time limit does not hurry: here only the watch over attempts, whose limit is never reached.
    """
    begin, slowly = time.time(), {name: getattr(time, name) for name in ("monotonic", "perf_counter", "time", "sleep")}
    time.monotonic = lambda: slowly["monotonic"]() * speed
    time.perf_counter = lambda: slowly["perf_counter"]() * speed
    time.time = lambda: begin + (slowly["time"]() - begin) * speed
    time.sleep = lambda seconds: slowly["sleep"](seconds / speed)


def ours(address, conversations):
    """This provider's hook."""
    from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook

    os.environ["AIRFLOW_CONN_BENCH"] = json.dumps({"conn_type": "ovh_ai_endpoints", "host": address, "password": TOKEN})
    hook = OVHCloudAIEndpointsHook("bench")
    answers = hook.chat_completions(conversations, MODEL, concurrency=CONCURRENCY, on_error="skip")
    return len(answers["errors"])


def openai(address, conversations):
    """The client that the openai provider is built on, called by threads, with the retries that it makes itself."""
    from concurrent.futures import ThreadPoolExecutor

    from openai import OpenAI, OpenAIError

    client = OpenAI(base_url=address, api_key=TOKEN)

    def fails(messages):
        try:
            client.chat.completions.create(model=MODEL, messages=messages)
        except OpenAIError:
            return True
        return False

    with ThreadPoolExecutor(CONCURRENCY) as pool:
        return sum(pool.map(fails, conversations))


def main(name, address, prompts, speed):
    """Ask them all."""
    hurry(float(speed))
    conversations = [[{"role": "user", "content": f"What is the square of {n}?"}] for n in range(int(prompts))]
    print(json.dumps({"failed": {"ours": ours, "openai": openai}[name](address, conversations)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
