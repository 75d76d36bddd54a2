"""
Threads and an event loop that ask for ten minutes while things go wrong at random: each call ends in the right answer
or in an error of this provider, and the process holds no more at the end than it did at first.

Not among the tests that run each time: ``make soak`` runs it, for $SOAK_SECONDS, and prints a table. With $SOAK_REPORT
set to a file, the table is written there as the documentation has it. $SEED repeats an order of calls and faults.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.client.chat import chat_request, chat_response
from apache_airflow_provider_ovhcloud_ai.client.http import http_response
from apache_airflow_provider_ovhcloud_ai.client.http.async_client import AsyncClient
from apache_airflow_provider_ovhcloud_ai.errors import AIEndpointsError
from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook

from .echo_server import answer_to
from .flaky_server import Faulty, build_vector
from .memory_usage import Footprint, footprint

SECONDS = float(os.environ.get("SOAK_SECONDS", "600"))
SEED = int(os.environ.get("SEED", random.randrange(1_000_000)))

#: After each round nothing is under way, and what the process holds can be compared. In the first three it warms up:
#: the pace alone remembers a minute.
ROUNDS, WARM = 10, 3

THREADS, TASKS = 24, 8

#: Seconds of an attempt, attempts after the first, and seconds between them all in all.
TIMEOUT, RETRIES, WAITING = 0.5, 2, 1.0

#: Seconds. A call that takes longer hangs: three attempts, the waits between them, and three further turns of each.
HANGS = 20.0

#: Megabytes that the process may grow by in seven rounds: a kilobyte a call would be 30 and more.
SLACK = 10.0

Verb = Callable[[OVHCloudAIEndpointsHook, str], Any]


def ask_model(hook: OVHCloudAIEndpointsHook, prompt: str) -> str:
    # A model of its own for each caller, so that the pace of one, which learns from refusals, does not hold up all.
    response = hook.chat_completion(prompt.partition(",")[0], [{"role": "user", "content": prompt}])
    return response["choices"][0]["message"]["content"]


def streamed(hook: OVHCloudAIEndpointsHook, prompt: str) -> str:
    return "".join(hook.stream_chat_completion(prompt.partition(",")[0], [{"role": "user", "content": prompt}]))


def embedded(hook: OVHCloudAIEndpointsHook, prompt: str) -> list[list[float]]:
    response = hook.create_embedding(prompt.partition(",")[0], [prompt, prompt * 2])
    return [list(each["embedding"]) for each in response["data"]]


async def ask_model_on_a_loop(client: AsyncClient, prompt: str) -> str:
    request = chat_request.chat(prompt.partition(",")[0], [{"role": "user", "content": prompt}])
    response = await client.send(request)
    value = http_response.parse(response, request, client.settings)
    value = chat_response.check_chat(value, response, request, client.settings)
    return value["choices"][0]["message"]["content"]


#: How a thread asks, and what the right answer is.
VERBS: dict[str, tuple[Verb, Callable[[str], Any]]] = {
    "chat": (ask_model, answer_to),
    "streamed chat": (streamed, answer_to),
    "embeddings": (embedded, lambda prompt: [build_vector(prompt), build_vector(prompt * 2)]),
}


@dataclass
class Tally:
    """
    What calls came to, by the way of asking; what must not be; and the slowest.
    """

    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    slowest: tuple[float, str] = (0.0, "")
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, how: str, outcome: Any, right: Any, seconds: float) -> None:
        with self._lock:
            self.slowest = max(self.slowest, (seconds, how))
            if isinstance(outcome, AIEndpointsError):
                self.outcomes[how, type(outcome).__name__] += 1
            elif outcome == right:
                self.outcomes[how, "answer"] += 1
            else:
                self.wrong.append(f"{how}: {outcome!r:.300}")

    @property
    def calls(self) -> int:
        return self.outcomes.total() + len(self.wrong)


@dataclass(frozen=True)
class Round:
    seconds: float
    calls: int
    held: Footprint


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[OVHCloudAIEndpointsHook]:
    # pytest keeps every line, which would be the memory that is measured here.
    monkeypatch.setattr(logging.root, "disabled", True)
    monkeypatch.setattr(logging.root.manager, "disable", logging.CRITICAL)
    with Faulty(SEED) as service:
        stored = {"conn_type": "ovh_ai_endpoints", "host": service.base_url, "password": "some-token"}
        monkeypatch.setenv("AIRFLOW_CONN_SOAK", json.dumps(stored))
        hook = OVHCloudAIEndpointsHook("soak", timeout=TIMEOUT, max_retries=RETRIES)
        monkeypatch.setattr(hook, "_log", logging.Logger("discarded", logging.CRITICAL))
        hook._settings = replace(hook.settings, client=replace(hook.settings.client, max_wait=WAITING))
        yield hook


def ask(hook: OVHCloudAIEndpointsHook, who: str, ends: float, tally: Tally) -> None:
    order, number = random.Random(f"{SEED} {who} {ends}"), 0
    while time.monotonic() < ends:
        how = order.choice([*VERBS])
        verb, right = VERBS[how]
        number, started, prompt = number + 1, time.monotonic(), f"{who}, {number}"
        try:
            outcome: Any = verb(hook, prompt)
        except Exception as error:  # noqa: BLE001  (which it is, is looked at)
            outcome = error
        tally.add(how, outcome, right(prompt), time.monotonic() - started)


async def ask_on_a_loop(client: AsyncClient, who: str, ends: float, tally: Tally) -> None:
    number = 0
    while time.monotonic() < ends:
        number, started, prompt = number + 1, time.monotonic(), f"{who}, {number}"
        try:
            outcome: Any = await ask_model_on_a_loop(client, prompt)
        except Exception as error:  # noqa: BLE001  (likewise)
            outcome = error
        tally.add("chat on a loop", outcome, answer_to(prompt), time.monotonic() - started)


def play(hook: OVHCloudAIEndpointsHook, loop: asyncio.Runner, client: AsyncClient, tally: Tally) -> None:
    """
    One round.
    """
    ends = time.monotonic() + SECONDS / ROUNDS

    async def together() -> None:
        await asyncio.gather(*(ask_on_a_loop(client, f"task {who}", ends, tally) for who in range(TASKS)))

    with ThreadPoolExecutor(THREADS) as pool:
        asking = [pool.submit(ask, hook, f"thread {who}", ends, tally) for who in range(THREADS)]
        loop.run(together())
    for each in asking:
        each.result()


def test_soak(hook: OVHCloudAIEndpointsHook, request: pytest.FixtureRequest) -> None:
    tally, started = Tally(), time.monotonic()
    hook.get_conn()
    with asyncio.Runner() as loop:
        loop.get_loop()
        before = footprint()
        rounds = [Round(0.0, 0, before)]
        client = AsyncClient(hook.settings.client)
        for _ in range(ROUNDS):
            play(hook, loop, client, tally)
            rounds.append(Round(time.monotonic() - started, tally.calls, footprint()))
        loop.run(client.aclose())
        hook.get_conn().close()
        after = footprint()
    text = table(rounds, tally, after)
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        print(f"\n{text}")
    if path := os.environ.get("SOAK_REPORT"):
        Path(path).write_text(text, encoding="utf-8")
    assert not tally.wrong
    assert tally.slowest < (HANGS, "")
    # Whatever went wrong happened, and most calls were answered: what does neither was not soaked.
    assert {"APIConnectionError", "APITimeoutError", "APIStatusError"} <= {name for _, name in tally.outcomes}
    assert sum(count for (_, name), count in tally.outcomes.items() if name == "answer") > tally.calls // 2
    # Between rounds no more is open than the connections that are kept, one for each caller at most.
    assert max(each.held.files for each in rounds) <= before.files + THREADS + TASKS
    assert after.files <= before.files
    # The thread that watches the deadlines stays.
    assert after.threads <= before.threads + 1
    assert after.megabytes <= rounds[WARM].held.megabytes + SLACK


def table(rounds: list[Round], tally: Tally, after: Footprint) -> str:
    """
    Format the figures.

    :return: Markdown
    """
    kinds = [*VERBS, "chat on a loop"]
    lines = [f"| outcome | {' | '.join(kinds)} |", f"|---|{'---|' * len(kinds)}"]
    for name in sorted({name for _, name in tally.outcomes}, key=lambda name: (name != "answer", name)):
        counts = (f"{tally.outcomes[kind, name]:,}" for kind in kinds)
        lines.append(f"| {name if name == 'answer' else f'`{name}`'} | {' | '.join(counts)} |")
    seconds, how = tally.slowest
    figures = (
        f"{tally.calls:,} calls with seed {SEED}, {len(tally.wrong)} wrong; the slowest, {how}, took {seconds:.1f} s."
    )
    lines += ["", figures, ""]
    lines += ["| after | calls | open files | threads | MB |", "|---|---|---|---|---|"]
    for each in rounds:
        lines.append(_row(f"{each.seconds:.0f} s", f"{each.calls:,}", each.held))
    return "\n".join([*lines, _row("all connections closed", f"{tally.calls:,}", after), ""])


def _row(when: str, calls: str, held: Footprint) -> str:
    return f"| {when} | {calls} | {held.files} | {held.threads} | {held.megabytes:.1f} |"
