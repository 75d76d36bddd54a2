"""
The trigger on an event loop, against the sandbox; see tests/live for real triggerers.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from types import SimpleNamespace
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.client.batches.batch_poller import BatchPoller
from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from apache_airflow_provider_ovhcloud_ai.triggers import batch as trigger_module
from apache_airflow_provider_ovhcloud_ai.triggers.batch import OVHCloudAIEndpointsBatchTrigger as Trigger

pytestmark = pytest.mark.airflow

CONN_ID = "ovh_ai_endpoints_default"


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run a sandbox behind the connection, and close it in the end."""
    running: list[Sandbox] = []

    def make(**options: Any) -> Sandbox:
        sandbox = Sandbox(**options)
        sandbox.start()
        running.append(sandbox)
        monkeypatch.setenv(f"AIRFLOW_CONN_{CONN_ID.upper()}", sandbox.connection_json)
        return sandbox

    yield make
    for sandbox in running:
        sandbox.close()


def start(count: int = 1) -> list[str]:
    hook = OVHCloudAIEndpointsHook()
    body = {"model": "gpt-oss-20b", "messages": [{"role": "user", "content": "Hi"}]}
    line = {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": body}
    file = hook.upload_batch_input([line])["id"]
    return [hook.create_batch(file)["id"] for _ in range(count)]


async def fired(trigger: Trigger) -> Any:
    async with aclosing(trigger.run()) as events:
        return (await anext(events)).payload


def looks(sandbox: Sandbox) -> int:
    return sum(each.method == "GET" for each in sandbox.requests)


def test_it_fires_when_the_batches_have_ended(serve: Callable[..., Sandbox]) -> None:
    sandbox = serve(batch_seconds=0.5)
    ids = start(3)
    assert asyncio.run(fired(Trigger(ids, CONN_ID, 0.05))) == {"batch_ids": ids, "error": None}
    assert {OVHCloudAIEndpointsHook().get_batch(each)["status"] for each in ids} == {"completed"}
    assert looks(sandbox) > 3


def test_it_carries_ids_alone_and_can_be_made_again(serve: Callable[..., Sandbox]) -> None:
    sandbox = serve()
    name, fields = Trigger(["batch-1"], CONN_ID, 7.0).serialize()
    assert name == f"{Trigger.__module__}.{Trigger.__name__}"
    assert fields == {
        "batch_ids": ["batch-1"],
        "ovh_conn_id": CONN_ID,
        "poll_interval": 7.0,
        "cancel_on_kill": False,
    }
    assert sandbox.token not in json.dumps(fields)
    assert Trigger(**fields).serialize() == (name, fields)


def test_all_that_wait_share_one_look(serve: Callable[..., Sandbox]) -> None:
    sandbox = serve(batch_seconds=0.6)
    ids = start(20)
    sandbox.requests.clear()

    async def wait() -> list[Any]:
        return await asyncio.gather(*(fired(Trigger([each], CONN_ID, 0.1)) for each in ids))

    assert [event["batch_ids"] for event in asyncio.run(wait())] == [[each] for each in ids]
    assert looks(sandbox) < 12
    assert {each.path for each in sandbox.requests} == {"/v1/batches"}


def test_pages_are_read_as_long_as_they_are_worth_it(serve: Callable[..., Sandbox]) -> None:
    """One that is far down the list is looked at by itself, many are read page by page."""
    sandbox = serve()
    ids = start(350)

    def list_paths(*places: int) -> list[str]:
        sandbox.requests.clear()
        asyncio.run(fired(Trigger([ids[place] for place in places], CONN_ID, 0.05)))
        return [each.path for each in sandbox.requests]

    assert list_paths(-1) == ["/v1/batches"]
    assert list_paths(0) == ["/v1/batches", f"/v1/batches/{ids[0]}"]
    assert list_paths(*range(0, 350, 7)) == ["/v1/batches"] * 4
    pages, singly = list_paths(0, 1, 2)[:3], list_paths(0, 1, 2)[3:]
    assert pages == ["/v1/batches"] * 3
    assert sorted(singly) == [f"/v1/batches/{each}" for each in ids[:3]]


def test_an_outage_is_waited_for(serve: Callable[..., Sandbox]) -> None:
    sandbox = serve()
    ids = start()
    sandbox.fail_next(503, headers={"Retry-After": "0"}, times=7)
    assert asyncio.run(fired(Trigger(ids, CONN_ID, 0.01))) == {"batch_ids": ids, "error": None}


def test_a_refused_token_fails_all_waiting_triggers(
    serve: Callable[..., Sandbox], monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox = serve(batch_seconds=600)
    ids = start(2)
    wrong = {**sandbox.connection, "password": "another-token"}
    monkeypatch.setenv(f"AIRFLOW_CONN_{CONN_ID.upper()}", json.dumps(wrong))

    async def wait() -> list[Any]:
        return await asyncio.gather(fired(Trigger(ids, CONN_ID, 0.1)), fired(Trigger(ids[:1], CONN_ID, 0.1)))

    for event in asyncio.run(wait()):
        assert "403 Forbidden" in event["error"]
        assert "another-token" not in event["error"]


async def soon(done: Callable[[], bool]) -> None:
    while not done():
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("has_on_kill", [True, False], ids=["on_kill", "cancelled alone"])
@pytest.mark.parametrize(
    ("state", "mine", "status"),
    [
        # A triggerer that restarts ends its triggers, and calls their cleanup.
        ("deferred", True, "in_progress"),
        (None, True, "in_progress"),
        ("scheduled", True, "in_progress"),
        ("unknown", True, "in_progress"),
        ("failed", True, "cancelled"),
        ("success", True, "cancelled"),
        ("removed", True, "cancelled"),
        # A sensor's: somebody else waits for it.
        ("failed", False, "in_progress"),
    ],
)
def test_only_a_task_that_is_over_cancels(
    serve: Callable[..., Sandbox],
    monkeypatch: pytest.MonkeyPatch,
    has_on_kill: bool,
    state: str | None,
    mine: bool,
    status: str,
) -> None:
    async def read_state_now(_: Any) -> str | None:
        return state

    monkeypatch.setattr(trigger_module, "read_state", read_state_now)
    if has_on_kill:
        monkeypatch.setattr(trigger_module.BaseTrigger, "on_kill", None, raising=False)
    else:
        monkeypatch.delattr(trigger_module.BaseTrigger, "on_kill", raising=False)
    sandbox = serve(batch_seconds=1_000)
    (batch_id,) = start()
    sandbox._service._routes[-1].endpoint.__self__._batches[batch_id].started -= 500

    async def live() -> None:
        trigger = Trigger([batch_id], CONN_ID, 0.01, cancel_on_kill=mine)
        trigger.task_instance = None
        task: Awaitable[Any] = asyncio.ensure_future(fired(trigger))
        before = looks(sandbox)
        await asyncio.wait_for(soon(lambda: looks(sandbox) > before), 30)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        if has_on_kill:
            await trigger.on_kill()
        await trigger.cleanup()

    asyncio.run(live())
    assert OVHCloudAIEndpointsHook().get_batch(batch_id)["status"] == status


def test_a_triggerer_that_cancels_again_does_not_stop_it(
    serve: Callable[..., Sandbox], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it does each second, until the trigger has ended."""
    serve(batch_seconds=1_000)
    (batch_id,) = start()

    async def live() -> None:
        question, answer = asyncio.Event(), asyncio.Event()

        async def read_state_now(_: Any) -> str:
            question.set()
            await answer.wait()
            return "failed"

        monkeypatch.setattr(trigger_module, "read_state", read_state_now)
        trigger = Trigger([batch_id], CONN_ID, 0.01, cancel_on_kill=True)
        trigger.task_instance = None
        task = asyncio.ensure_future(trigger.on_kill())
        await question.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        answer.set()
        await asyncio.gather(*trigger_module._cancelling)

    asyncio.run(live())
    assert OVHCloudAIEndpointsHook().get_batch(batch_id)["status"] == "cancelled"


def test_an_error_of_the_poller_is_raised_in_all_waiting_triggers(
    serve: Callable[..., Sandbox], monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(batch_seconds=1_000)

    async def look(_: Any) -> None:
        raise RuntimeError("nobody thought of this")

    monkeypatch.setattr(BatchPoller, "_poll_once", look)
    with pytest.raises(RuntimeError, match="nobody thought"):
        asyncio.run(fired(Trigger(start(), CONN_ID, 0.01)))


def test_how_far_they_are_is_logged_when_it_changes(
    serve: Callable[..., Sandbox], monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(batch_seconds=0.5)
    ids = start(2)
    lines: list[str] = []
    monkeypatch.setattr(Trigger, "log", SimpleNamespace(info=lines.append))
    asyncio.run(fired(Trigger(ids, CONN_ID, 0.02)))
    for batch_id in ids:
        mine = [line for line in lines if batch_id in line]
        assert mine[-1] == f"AI Endpoints batch {batch_id}: completed, 1 of 1 done, 0 failed"
        assert len(set(mine)) == len(mine)
        assert not [line for line in mine if "validating" in line]


def test_nothing_is_left_without_a_waiting_trigger(serve: Callable[..., Sandbox]) -> None:
    serve()
    ids = start()

    async def live() -> set[str]:
        for _ in range(3):
            await fired(Trigger(ids, CONN_ID, 0.01))
        await asyncio.sleep(0)
        return {str(task.get_coro()) for task in asyncio.all_tasks() - {asyncio.current_task()}}

    assert asyncio.run(live()) == set()
