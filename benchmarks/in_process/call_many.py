"""
What a chat call costs with one client, beside a bare ``requests.Session`` in the same process at the same time.

    python call_many.py ours|reference|openai ADDRESS CALLS
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time

import requests

TOKEN = "bench-token-0123456789"
MODEL = "gpt-oss-120b"
MESSAGES = [
    {"role": "system", "content": "You are a helpful assistant."},
    {"role": "user", "content": "What is the capital of France?"},
]


def bare(address):
    """A session, and nothing else."""
    session = requests.Session()
    headers = {"Authorization": f"Bearer {TOKEN}"}
    body = {"model": MODEL, "messages": MESSAGES}

    def call():
        response = session.post(f"{address}/chat/completions", json=body, headers=headers, timeout=60)
        response.raise_for_status()
        return response.json()

    return call


def ours(address):
    """This provider's hook."""
    from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook

    store_connection("ovh_ai_endpoints", address)
    hook = OVHCloudAIEndpointsHook("bench")
    return lambda: hook.chat_completion(MODEL, MESSAGES)


def reference(_):
    """The hook of apache-airflow-provider-ovhcloud-ai, which lacks a setting for the address."""
    from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook

    store_connection("generic", None)
    OVHCloudAIEndpointsHook.BASE_URL = sys.argv[2]
    hook = OVHCloudAIEndpointsHook("bench")
    return lambda: hook.chat_completion(MODEL, MESSAGES, temperature=None)


def openai(address):
    """The client that the openai provider is built on."""
    from openai import OpenAI

    client = OpenAI(base_url=address, api_key=TOKEN)
    return lambda: client.chat.completions.create(model=MODEL, messages=MESSAGES).model_dump()


def store_connection(kind, address):
    """Where Airflow looks first."""
    os.environ["AIRFLOW_CONN_BENCH"] = json.dumps({"conn_type": kind, "host": address, "password": TOKEN})


def timed(call):
    """Seconds of one call, whose answer must be whole."""
    started = time.perf_counter()
    answer = call()
    seconds = time.perf_counter() - started
    assert answer["usage"]["total_tokens"] == 52
    return seconds


def main(name, address, calls):
    """Call both in turn; the first calls, which connect and import, do not count."""
    pair = {"client": globals()[name](address), "bare": bare(address)}
    spent = {which: [] for which in pair}
    for number in range(int(calls) + 3):
        for which in sorted(pair, reverse=number % 2 == 0):
            spent[which].append(timed(pair[which]))
    print(json.dumps({which: statistics.median(times[3:]) for which, times in spent.items()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
