"""
How long it takes to embed the corpus: seconds of the best round, and of how many texts the vector came back wrong.

    python embed_many.py bare|ours|reference|loop|threads|asyncio ADDRESS ROUNDS
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import corpus

TOKEN = "bench-token-0123456789"
MODEL = "bge-m3"
BATCH, CONCURRENCY = 25, 8
TEXTS = [corpus.text(number) for number in range(corpus.TEXTS)]


def batches(texts):
    """What goes into one request each."""
    return [texts[begin : begin + BATCH] for begin in range(0, len(texts), BATCH)]


def read_vectors(data):
    """The vectors of a response as dictionaries."""
    return [item["embedding"] for item in data]


def bare(address):
    """Sockets that send what was written beforehand and drop what they receive: all that the service costs."""
    place = urlsplit(address)

    def request(batch):
        body = json.dumps({"model": MODEL, "input": batch, "encoding_format": "base64"}).encode()
        return b"POST /v1/embeddings HTTP/1.1\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)

    def exchange(connection, message):
        connection.sendall(message)
        received = connection.recv(1_000_000)
        head, _, body = received.partition(b"\r\n\r\n")
        left = int(head.lower().partition(b"content-length: ")[2].split()[0]) - len(body)
        while left:
            left -= len(connection.recv(1_000_000))

    def work(todo):
        with socket.create_connection((place.hostname, place.port)) as connection:
            for message in todo:
                exchange(connection, message)

    def embed(texts):
        messages = prepared if len(texts) == len(TEXTS) else [request(texts)]
        with ThreadPoolExecutor(CONCURRENCY) as pool:
            list(pool.map(work, (messages[first::CONCURRENCY] for first in range(CONCURRENCY))))

    prepared = [request(batch) for batch in batches(TEXTS)]
    return embed


def ours(address):
    """This provider's hook."""
    from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook

    store_connection("ovh_ai_endpoints", address)
    hook = OVHCloudAIEndpointsHook("bench")
    return lambda texts: read_vectors(hook.create_embedding(MODEL, texts, concurrency=CONCURRENCY)["data"])


def reference(address):
    """The hook of apache-airflow-provider-ovhcloud-ai, which lacks a setting for the address."""
    from airflow.exceptions import AirflowException
    from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook

    store_connection("generic", None)
    OVHCloudAIEndpointsHook.BASE_URL = address
    hook = OVHCloudAIEndpointsHook("bench")

    def embed(texts):
        try:
            return read_vectors(hook.create_embedding(MODEL, texts)["data"])
        except AirflowException as error:
            print(json.dumps({"refused": str(error)}))
            sys.exit()

    return embed


def loop(address):
    """The client that the openai provider is built on, called one request after the other."""
    return threads(address, 1)


def threads(address, concurrency=CONCURRENCY):
    """The same client, called by threads."""
    from openai import OpenAI

    client = OpenAI(base_url=address, api_key=TOKEN)

    def embed_batch(batch):
        return [item.embedding for item in client.embeddings.create(model=MODEL, input=batch).data]

    def embed(texts):
        with ThreadPoolExecutor(concurrency) as pool:
            return [vector for vectors in pool.map(embed_batch, batches(texts)) for vector in vectors]

    return embed


def asynchronous(address):
    """The same client's other half, called by tasks."""
    from openai import AsyncOpenAI

    async def embed(texts):
        vectors, todo = {}, iter(enumerate(batches(texts)))
        async with AsyncOpenAI(base_url=address, api_key=TOKEN) as client:

            async def work():
                for number, batch in todo:
                    response = await client.embeddings.create(model=MODEL, input=batch)
                    vectors[number] = [item.embedding for item in response.data]

            await asyncio.gather(*(work() for _ in range(CONCURRENCY)))
        return [vector for number in sorted(vectors) for vector in vectors[number]]

    return lambda texts: asyncio.run(embed(texts))


def store_connection(kind, address):
    """Where Airflow looks first."""
    os.environ["AIRFLOW_CONN_BENCH"] = json.dumps({"conn_type": kind, "host": address, "password": TOKEN})


CLIENTS = {
    "bare": bare,
    "ours": ours,
    "reference": reference,
    "loop": loop,
    "threads": threads,
    "asyncio": asynchronous,
}


def main(name, address, rounds):
    """Embed one text, which imports what that takes, then all of them, some times."""
    embed = CLIENTS[name](address)
    embed(TEXTS[:1])
    best, wrong = float("inf"), 0
    for _ in range(int(rounds)):
        started = time.perf_counter()
        vectors = embed(TEXTS)
        best = min(best, time.perf_counter() - started)
        wrong += 0 if name == "bare" else corpus.missing(vectors)
    print(json.dumps({"seconds": best, "wrong": wrong}))


if __name__ == "__main__":
    main(*sys.argv[1:])
