"""
A hook that was used before its process is forked, or sent to a new one: the two share no connection.
"""

from __future__ import annotations

import gc
import json
import multiprocessing
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.client.http import attempt_timer, session
from apache_airflow_provider_ovhcloud_ai.client.ratelimit import pacer as pacer_module
from apache_airflow_provider_ovhcloud_ai.client.settings import ClientSettings
from apache_airflow_provider_ovhcloud_ai.hooks import base
from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook

from .echo_server import Answering, answer_to

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="other systems do not fork, or not with threads"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork"),
]

AT_A_TIME = 8
CALLS = 200

#: Seconds after which a process that has not ended hangs: one that starts anew imports Airflow first.
HANGS = 60

Answers = list[tuple[str, str]]


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[OVHCloudAIEndpointsHook]:
    with Answering() as service:
        monkeypatch.setenv("AIRFLOW_CONN_PROCESSES", json.dumps(service.connection))
        yield OVHCloudAIEndpointsHook("processes")


def ask(hook: OVHCloudAIEndpointsHook, prompt: str) -> tuple[str, str]:
    """
    The answer, and the port on this side of the connection that it came on.
    """
    response = hook.chat_completion("m", [{"role": "user", "content": prompt}])
    return response["choices"][0]["message"]["content"], response["id"]


def ask_all(hook: OVHCloudAIEndpointsHook, who: str) -> Answers:
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        return list(pool.map(lambda number: ask(hook, f"{who} {number}"), range(CALLS)))


def answers_for(who: str) -> list[str]:
    return [answer_to(f"{who} {number}") for number in range(CALLS)]


def work(hook: OVHCloudAIEndpointsHook, together: Barrier, answers: Queue[Answers]) -> None:
    together.wait(HANGS)
    answers.put(ask_all(hook, "child"))


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_parent_and_child_ask_at_the_same_time(hook: OVHCloudAIEndpointsHook, method: str) -> None:
    before = {port for _, port in ask_all(hook, "parent")}
    context: Any = multiprocessing.get_context(method)
    together, answers = context.Barrier(2), context.Queue()
    child = context.Process(target=work, args=(hook, together, answers))
    child.start()
    together.wait(HANGS)
    parents, childs = ask_all(hook, "parent"), answers.get(timeout=HANGS)
    child.join(HANGS)
    assert child.exitcode == 0
    assert [answer for answer, _ in parents] == answers_for("parent")
    assert [answer for answer, _ in childs] == answers_for("child")
    assert not {port for _, port in childs} & (before | {port for _, port in parents})


def the_pool_s(hook: OVHCloudAIEndpointsHook) -> Any:
    """
    The lock of the queue in which urllib3 keeps connections.
    """
    adapter = hook.get_conn()._session._open().get_adapter("http://")
    return adapter.poolmanager.connection_from_url(hook.settings.client.base_url).pool.mutex


LOCKS: dict[str, Callable[[OVHCloudAIEndpointsHook], Any]] = {
    "of the hooks' clients": lambda _: base._creation_lock,
    "of the sessions": lambda _: session._lock,
    "of the pace": lambda _: pacer_module._lock,
    "of the deadlines": lambda _: attempt_timer._lock,
    "of the connections": the_pool_s,
}


@pytest.mark.parametrize("name", LOCKS)
def test_a_process_is_forked_while_a_thread_holds_a_lock(hook: OVHCloudAIEndpointsHook, name: str) -> None:
    """
    That thread is not there in the child, which asks nevertheless and is answered.
    """
    ask(hook, "before")
    lock, held, other = LOCKS[name](hook), threading.Event(), OVHCloudAIEndpointsHook("processes")

    def hold() -> None:
        with lock:
            held.set()
            time.sleep(0.5)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    child = multiprocessing.get_context("fork").Process(target=check_hooks, args=(hook, other))
    child.start()
    child.join(HANGS)
    hung = child.is_alive()
    child.kill()
    child.join()
    holder.join()
    assert not hung
    assert child.exitcode == 0
    assert ask(hook, "after")[0] == answer_to("after")


def check_hooks(*hooks: OVHCloudAIEndpointsHook) -> None:
    for each in hooks:
        assert ask(each, "child")[0] == answer_to("child")
    gc.collect()


def test_what_ran_where_a_process_was_forked_does_not_run_in_the_child(hook: OVHCloudAIEndpointsHook) -> None:
    settings = hook.settings.client
    with pacer_module.find_pacer(settings, "m") as pacer:
        assert pacer._running == 1
        child = multiprocessing.get_context("fork").Process(target=finds_nothing_running, args=(settings,))
        child.start()
        child.join(HANGS)
    assert child.exitcode == 0


def finds_nothing_running(settings: ClientSettings) -> None:
    assert pacer_module.find_pacer(settings, "m")._running == 0
