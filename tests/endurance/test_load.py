"""
Many callers of one hook at a time: each gets the answer to its own question, and the process stays as small as it was.

``make test`` sends 2,000 requests from threads, and ``make soak`` 20,000 ($LOAD_CALLS); from an event loop, whose HTTP
library takes some ten times as long for one where 64 are under way, a quarter of that.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.client.chat import chat_request
from apache_airflow_provider_ovhcloud_ai.client.http.async_client import AsyncClient
from apache_airflow_provider_ovhcloud_ai.client.http.sync_client import Client
from apache_airflow_provider_ovhcloud_ai.client.settings import ClientSettings
from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook

from .echo_server import Answering, answer_to
from .memory_usage import Footprint, footprint

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="what a process holds is read from /proc")

AT_A_TIME = 64
CALLS = int(os.environ.get("LOAD_CALLS", "2000"))

#: Megabytes. A response that was kept would be 1 kB at least: 15 MB and more in the last 15,000 calls of ``make soak``.
#: The ups and downs of the allocator, which keeps memory for each thread, were 3.
SLACK = 8.0


def messages(number: int) -> list[dict[str, str]]:
    return [{"role": "user", "content": f"Question {number}"}]


def is_right(number: int, response: Any) -> bool:
    return response["choices"][0]["message"]["content"] == answer_to(f"Question {number}")


@dataclass(frozen=True)
class Run:
    """
    Which questions were answered rightly, and what the process held before, after a quarter of them and at the end.
    """

    right: list[int]
    cold: Footprint
    warm: Footprint
    end: Footprint


@pytest.fixture
def service() -> Iterator[Answering]:
    with Answering() as running:
        yield running


@pytest.fixture
def hook(service: Answering, monkeypatch: pytest.MonkeyPatch) -> Iterator[OVHCloudAIEndpointsHook]:
    monkeypatch.setenv("AIRFLOW_CONN_LOAD", json.dumps(service.connection))
    hook = OVHCloudAIEndpointsHook("load")
    # pytest keeps every line, which would be the memory that is measured here.
    monkeypatch.setattr(hook, "_log", logging.Logger("discarded", logging.CRITICAL))
    yield hook
    hook.get_conn().close()


def check(run: Run, count: int, counts: dict[str, int]) -> None:
    print(f"{run.warm} after {count // 4} calls, {run.end} after {count}; at the service {counts}")
    assert sorted(run.right) == list(range(count))
    assert counts["requests"] == count
    assert counts["most"] <= AT_A_TIME + 1  # the look at the service has one of its own
    assert max(run.warm.files, run.end.files) <= run.cold.files + AT_A_TIME
    # Those of the pool, which starts them as it needs them, and the one that watches deadlines.
    assert run.end.threads <= run.cold.threads + AT_A_TIME + 1
    assert run.end.megabytes <= run.warm.megabytes + SLACK


def test_threads_that_come_first_together_read_one_connection_and_get_one_client(
    hook: OVHCloudAIEndpointsHook, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads, together = [], threading.Barrier(AT_A_TIME)
    read = hook.get_connection

    def slowly(conn_id: str) -> Any:
        reads.append(conn_id)
        time.sleep(0.1)
        return read(conn_id)

    def get_conn(_: int) -> Client:
        together.wait()
        return hook.get_conn()

    monkeypatch.setattr(hook, "get_connection", slowly)
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        clients = {id(client) for client in list(pool.map(get_conn, range(AT_A_TIME)))}
    assert (len(reads), len(clients)) == (1, 1)


def test_threads_that_share_a_hook(service: Answering, hook: OVHCloudAIEndpointsHook) -> None:
    def work(numbers: Iterator[int]) -> list[int]:
        return [number for number in numbers if is_right(number, hook.chat_completion("m", messages(number)))]

    def ask_all(numbers: range) -> list[int]:
        # Each takes the next one: nothing waits in a queue, whose memory would be measured.
        return list(chain.from_iterable(pool.map(work, [iter(numbers)] * AT_A_TIME)))

    hook.get_conn()
    cold = footprint()
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        right = ask_all(range(CALLS // 4))
        warm = footprint()
        right += ask_all(range(CALLS // 4, CALLS))
        run = Run(right, cold, warm, footprint())
    counts = service.read_counts()
    check(run, CALLS, counts)
    # One for each thread at most, and kept.
    assert counts["accepted"] <= AT_A_TIME + 1


def test_tasks_of_an_event_loop_that_share_a_client(service: Answering, hook: OVHCloudAIEndpointsHook) -> None:
    async def run(settings: ClientSettings, count: int) -> Run:
        async def work(numbers: Iterator[int]) -> list[int]:
            return [number for number in numbers if is_right(number, await ask(number))]

        async def ask(number: int) -> Any:
            return json.loads((await client.send(chat_request.chat("m", messages(number)))).body)

        async def ask_all(numbers: range) -> list[int]:
            left = iter(numbers)
            return list(chain.from_iterable(await asyncio.gather(*(work(left) for _ in range(AT_A_TIME)))))

        cold = footprint()
        async with AsyncClient(settings) as client:
            right = await ask_all(range(count // 4))
            warm = footprint()
            right += await ask_all(range(count // 4, count))
            return Run(right, cold, warm, footprint())

    done = asyncio.run(run(hook.settings.client, CALLS // 4))
    counts = service.read_counts()
    check(done, CALLS // 4, counts)
    # httpx closes what nobody used for 5 s; with fewer kept than used it was two connections in three requests.
    assert counts["accepted"] <= AT_A_TIME + 1 + counts["requests"] // 4
