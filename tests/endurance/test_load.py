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
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.client import requests
from apache_airflow_provider_ovhcloud_ai.client.blocking import Client
from apache_airflow_provider_ovhcloud_ai.client.non_blocking import AsyncClient
from apache_airflow_provider_ovhcloud_ai.client.settings import ClientSettings
from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook

from .answering import Answering, answer_to
from .footprint import Footprint, footprint

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="what a process holds is read from /proc")

AT_A_TIME = 64
CALLS = int(os.environ.get("LOAD_CALLS", "2000"))

#: Megabytes. A reply that was kept would be 1 kB at least: 15 MB and more in the last 15,000 calls of ``make soak``.
#: The ups and downs of the allocator, which keeps memory for each thread, were 3.
SLACK = 8.0


def prompts(count: int) -> list[str]:
    return [f"Question {number}" for number in range(count)]


@dataclass(frozen=True)
class Run:
    """
    What came of so many calls, and what the process held before them, after a quarter of them and at the end.
    """

    answers: list[str]
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


def check(run: Run, count: int, seen: dict[str, int]) -> None:
    print(f"{run.warm} after {count // 4} calls, {run.end} after {count}; at the service {seen}")
    assert run.answers == [answer_to(prompt) for prompt in prompts(count)]
    assert seen["requests"] == count
    assert seen["most"] <= AT_A_TIME + 1  # the look at the service has one of its own
    assert max(run.warm.files, run.end.files) <= run.cold.files + AT_A_TIME
    assert run.end.threads <= run.warm.threads
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
    def ask(prompt: str) -> str:
        response = hook.chat_completion("m", [{"role": "user", "content": prompt}])
        return response["choices"][0]["message"]["content"]

    hook.get_conn()
    cold = footprint()
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        answers = list(pool.map(ask, prompts(CALLS)[: CALLS // 4]))
        warm = footprint()
        answers += pool.map(ask, prompts(CALLS)[CALLS // 4 :])
        run = Run(answers, cold, warm, footprint())
    seen = service.seen()
    check(run, CALLS, seen)
    # One for each thread at most, and kept.
    assert seen["accepted"] <= AT_A_TIME + 1


def test_tasks_of_an_event_loop_that_share_a_client(service: Answering, hook: OVHCloudAIEndpointsHook) -> None:
    async def run(settings: ClientSettings, count: int) -> Run:
        async def work(client: AsyncClient, left: Iterator[str]) -> None:
            for prompt in left:
                reply = await client.send(requests.chat("m", [{"role": "user", "content": prompt}]))
                answers[prompt] = json.loads(reply.body)["choices"][0]["message"]["content"]

        async def ask_all(client: AsyncClient, some: list[str]) -> None:
            left = iter(some)
            await asyncio.gather(*(work(client, left) for _ in range(AT_A_TIME)))

        answers: dict[str, str] = {}
        cold = footprint()
        async with AsyncClient(settings) as client:
            await ask_all(client, prompts(count)[: count // 4])
            warm = footprint()
            await ask_all(client, prompts(count)[count // 4 :])
            return Run([answers[prompt] for prompt in prompts(count)], cold, warm, footprint())

    done = asyncio.run(run(hook.settings.client, CALLS // 4))
    seen = service.seen()
    check(done, CALLS // 4, seen)
    # httpx closes what nobody used for 5 s, which with fewer kept than used was two connections in three requests.
    assert seen["accepted"] <= AT_A_TIME + 1 + seen["requests"] // 4
