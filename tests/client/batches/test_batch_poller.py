"""
The poller by itself, on sockets; tests/triggers/test_batch.py has triggers that share one.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.client.batches import batches_api
from apache_airflow_provider_ovhcloud_ai.client.batches.batch_poller import BatchPoller
from apache_airflow_provider_ovhcloud_ai.client.http.http_response import parse
from apache_airflow_provider_ovhcloud_ai.client.http.sync_client import Client
from apache_airflow_provider_ovhcloud_ai.client.settings import ClientSettings
from apache_airflow_provider_ovhcloud_ai.errors import AuthenticationError
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from support.scripted_server import Received, Server, Wire, message

ROW = {
    "custom_id": "a",
    "method": "POST",
    "url": "/v1/chat/completions",
    "body": {"model": "gpt-oss-20b", "messages": [{"role": "user", "content": "Hi"}]},
}
Serve = Callable[..., Sandbox]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Run a sandbox as long as the test."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(Sandbox(**options))


def settings_for(service: Sandbox | Server, **changes: Any) -> ClientSettings:
    return ClientSettings(**{"base_url": service.base_url, "token": "sandbox-token", **changes})


def start(sandbox: Sandbox, folder: Path, count: int = 1) -> list[str]:
    """Start batches of one row, and forget the requests for that."""
    (folder / "rows.jsonl").write_text(json.dumps(ROW))
    settings = settings_for(sandbox)
    with Client(settings) as client:

        def ask(request: Any) -> str:
            return str(parse(client.send(request), request, settings)["id"])

        file_id = ask(batches_api.upload(folder / "rows.jsonl", "rows.jsonl"))
        batch_ids = [ask(batches_api.create(file_id, "/v1/chat/completions")) for _ in range(count)]
    sandbox.requests.clear()
    return batch_ids


async def follow(poller: BatchPoller, batch_ids: list[str], interval: float = 0.05) -> list[dict[str, Any]]:
    return [batch async for batch in poller.poll(batch_ids, interval)]


def run(service: Sandbox | Server, *groups: list[str], **settings: Any) -> list[list[dict[str, Any]]]:
    """Return the summaries that each waiter gets."""

    async def live() -> list[list[dict[str, Any]]]:
        poller = BatchPoller(settings_for(service, **settings))
        return await asyncio.gather(*(follow(poller, group) for group in groups))

    return asyncio.run(live())


def test_waiters_share_the_list_of_batches(serve: Serve, tmp_path: Path) -> None:
    sandbox = serve(batch_seconds=0.5)
    batch_ids = start(sandbox, tmp_path, 20)
    updates = run(sandbox, *([batch_id] for batch_id in batch_ids))
    assert [summaries[-1] for summaries in updates] == [
        {"id": batch_id, "status": "completed", "completed": 1, "failed": 0, "total": 1} for batch_id in batch_ids
    ]
    assert {request.path for request in sandbox.requests} == {"/v1/batches"}
    assert len(sandbox.requests) < 20


def test_summary_comes_again_only_if_it_changes(serve: Serve, tmp_path: Path) -> None:
    sandbox = serve(batch_seconds=0.5)
    (summaries,) = run(sandbox, start(sandbox, tmp_path))
    assert all(before != after for before, after in pairwise(summaries))


def test_batch_that_is_far_down_the_list_is_read_by_itself(serve: Serve, tmp_path: Path) -> None:
    sandbox = serve()
    batch_ids = start(sandbox, tmp_path, 250)
    run(sandbox, batch_ids[:1])
    assert [request.path for request in sandbox.requests] == ["/v1/batches", f"/v1/batches/{batch_ids[0]}"]


def test_list_that_repeats_its_page_is_not_followed() -> None:
    def answer(wire: Wire, request: Received) -> bool:
        batch_id = request.path.partition("/batches/")[2]
        page = {"data": [{"id": "a", "status": "completed"}], "has_more": True}
        wire.send(message(200, {"id": batch_id, "status": "completed"} if batch_id else page))
        return True

    with Server(answer) as server:
        (batches,) = run(server, ["a", "b", "c"])
    assert sorted(each["id"] for each in batches) == ["a", "b", "c"]
    assert [each.path.removeprefix("/v1/batches") for each in server.requests[:2]] == [
        "?limit=100",
        "?limit=100&after=a",
    ]
    assert {each.path.removeprefix("/v1/batches") for each in server.requests[2:4]} == {"/b", "/c"}


def test_outage_is_waited_for(serve: Serve, tmp_path: Path) -> None:
    sandbox = serve()
    batch_ids = start(sandbox, tmp_path)
    sandbox.fail_next(503, headers={"Retry-After": "0"}, times=5)
    (summaries,) = run(sandbox, batch_ids)
    assert summaries[-1]["status"] == "completed"


def test_error_that_is_final_ends_the_wait_of_all(serve: Serve, tmp_path: Path) -> None:
    sandbox = serve(batch_seconds=600)
    batch_ids = start(sandbox, tmp_path, 2)

    async def live() -> list[Any]:
        poller = BatchPoller(settings_for(sandbox, token="another-token"))
        waiters = (follow(poller, batch_ids), follow(poller, batch_ids[:1]))
        return await asyncio.gather(*waiters, return_exceptions=True)

    assert [type(error) for error in asyncio.run(live())] == [AuthenticationError, AuthenticationError]


def test_cancelled_batch_is_final(serve: Serve, tmp_path: Path) -> None:
    sandbox = serve(batch_seconds=600)
    (batch_id,) = start(sandbox, tmp_path)

    async def live() -> tuple[list[dict[str, Any]], set[str]]:
        poller = BatchPoller(settings_for(sandbox))
        await poller.cancel(batch_id)
        summaries = await follow(poller, [batch_id])
        return summaries, {str(task) for task in asyncio.all_tasks() - {asyncio.current_task()}}

    summaries, tasks = asyncio.run(live())
    assert summaries[-1]["status"] == "cancelled"
    assert tasks == set()
