"""
Many prompts whose answers take seconds, with default settings: python ask_slowly.py ours|openai ADDRESS PROMPTS

Prints how many failed, and the process's highest memory in MB.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import sys

TOKEN = "bench-token-0123456789"
MODEL = "gpt-oss-120b"

#: Requests at a time that users of the openai package most often allow themselves in asyncio.
SEMAPHORE = 20


def ours(address, prompts):
    """This provider's hook."""
    from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook

    os.environ["AIRFLOW_CONN_BENCH"] = json.dumps({"conn_type": "ovh_ai_endpoints", "host": address, "password": TOKEN})
    rows = [{"text": prompt} for prompt in prompts]
    return len(OVHCloudAIEndpointsHook("bench").chat_rows(rows, model=MODEL, on_error="skip")["errors"])


def openai(address, prompts):
    """The asynchronous client of the openai package, with a semaphore and the retries that it makes itself."""
    from openai import AsyncOpenAI, OpenAIError

    async def ask_all():
        client, semaphore = AsyncOpenAI(base_url=address, api_key=TOKEN), asyncio.Semaphore(SEMAPHORE)

        async def fails(prompt):
            async with semaphore:
                try:
                    await client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": prompt}])
                except OpenAIError:
                    return True
                return False

        return sum(await asyncio.gather(*map(fails, prompts)))

    return asyncio.run(ask_all())


def main(name, address, count):
    """Ask them all."""
    prompts = [f"What is the square of {n}?" for n in range(int(count))]
    failed = {"ours": ours, "openai": openai}[name](address, prompts)
    print(json.dumps({"failed": failed, "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


if __name__ == "__main__":
    main(*sys.argv[1:])
