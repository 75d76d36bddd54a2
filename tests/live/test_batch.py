"""
Batches under a real scheduler and a real triggerer, whatever ends either of them, or whoever ends the task.
"""

from __future__ import annotations

import json
import os
import signal
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.client.batches.batches_api import FINAL_STATUSES as ENDED_BATCHES
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from local_airflow import LocalAirflow, installed_release
from support.releases import oldest_and_newest

from .rest import ENDED, Rest, eventually

pytestmark = pytest.mark.airflow


@pytest.fixture(scope="module")
def triggerer(airflow: LocalAirflow, scheduled: Rest) -> Iterator[LocalAirflow]:
    airflow.start("triggerer")
    yield airflow
    airflow.end("triggerer")


def count_requests(sandbox: Sandbox, method: str, path: str) -> int:
    return sum((each.method, each.path) == (method, path) for each in list(sandbox.requests))


def call(sandbox: Sandbox, path: str, method: str = "GET") -> Any:
    headers = {"Authorization": f"Bearer {sandbox.token}"}
    request = urllib.request.Request(sandbox.base_url + path, headers=headers, method=method)
    with urllib.request.urlopen(request) as response:
        return json.load(response)


def list_batches(sandbox: Sandbox, dag: str) -> list[dict[str, Any]]:
    """The batches of a DAG, the earliest first."""
    batches = call(sandbox, "/batches?limit=100")["data"][::-1]
    return [batch for batch in batches if batch["metadata"]["airflow_dag_id"] == dag]


def statuses(sandbox: Sandbox, dag: str) -> list[str]:
    return [batch["status"] for batch in list_batches(sandbox, dag)]


def deferred(rest: Rest, dag: str, run: str) -> bool:
    return rest.task(dag, run, "work")["state"] == "deferred"


@oldest_and_newest
def test_a_triggerer_waits_and_may_be_restarted_and_killed(
    triggerer: LocalAirflow, scheduled: Rest, batch_sandbox: Sandbox, bulk_folder: Path
) -> None:
    def look_again(looks: int) -> int:
        return eventually(lambda: count_requests(batch_sandbox, "GET", "/v1/batches"), lambda more: more > looks)

    run = scheduled.run("batch")
    eventually(lambda: deferred(scheduled, "batch", run), bool)
    looks = look_again(2)
    for end in (triggerer.end, triggerer.kill):
        end("triggerer")
        triggerer.start("triggerer")
        looks = look_again(looks)
        (status,) = statuses(batch_sandbox, "batch")
        assert status not in ENDED_BATCHES
    assert eventually(lambda: scheduled.state("batch", run), ENDED.__contains__) == "success"
    assert statuses(batch_sandbox, "batch") == ["completed"]
    assert not [each for each in batch_sandbox.requests if each.path.endswith("/cancel")]
    assert list_answered(bulk_folder / "batch") == list(range(30))
    assert scheduled.task("batch", run, "work")["try_number"] == 1


def list_answered(folder: Path) -> list[int]:
    """The rows of a folder that have answers, each to its own question."""
    manifest = json.loads((folder / "_manifest.json").read_text())
    rows = [json.loads(line) for part in manifest["parts"] for line in (folder / part["name"]).open()]
    assert len(rows) == 30
    assert manifest["failed"] == sum(row["answer"] is None for row in rows)
    return [number for number, row in enumerate(rows) if f"Question {number}" in (row["answer"] or "")]


def test_clear_starts_again_and_mark_cancels(triggerer: LocalAirflow, scheduled: Rest, batch_sandbox: Sandbox) -> None:
    def watched() -> None:
        """A trigger that no triggerer has taken up yet is never told of anything."""
        eventually(lambda: deferred(scheduled, "batch_deferred", run), bool)
        looks = count_requests(batch_sandbox, "GET", "/v1/batches")
        eventually(lambda: count_requests(batch_sandbox, "GET", "/v1/batches"), lambda more: more > looks)

    run = scheduled.run("batch_deferred")
    watched()
    scheduled.clear("batch_deferred", run, "work")
    eventually(lambda: statuses(batch_sandbox, "batch_deferred")[:1], lambda first: first == ["cancelled"])
    eventually(lambda: len(list_batches(batch_sandbox, "batch_deferred")), lambda count: count == 2)
    watched()
    assert statuses(batch_sandbox, "batch_deferred")[1] not in ENDED_BATCHES
    scheduled.mark("batch_deferred", run, "work", "failed")
    eventually(lambda: statuses(batch_sandbox, "batch_deferred"), lambda all_: all_ == ["cancelled"] * 2)


def test_who_marks_cancels_what_a_worker_waits_for(scheduled: Rest, batch_sandbox: Sandbox) -> None:
    run = scheduled.run("batch_waited_for")
    eventually(lambda: statuses(batch_sandbox, "batch_waited_for"), lambda all_: all_ == ["in_progress"])
    scheduled.mark("batch_waited_for", run, "work", "failed")
    eventually(lambda: statuses(batch_sandbox, "batch_waited_for"), lambda all_: all_ == ["cancelled"])


def test_a_worker_that_is_killed_leaves_nothing_to_be_paid_for_twice(
    scheduled: Rest, quick_batch_sandbox: Sandbox, bulk_folder: Path
) -> None:
    """Once between upload and start, and once between end and download."""
    steps = [("POST", "/v1/files"), ("GET", "/v1/files/")]
    for path in ("/v1/files", "/v1/files/*"):
        quick_batch_sandbox.delay_next(600, path=path)
    run = scheduled.run("batch_killed")
    for tries, (method, path) in enumerate(steps, 1):
        eventually(
            lambda method=method, path=path: [
                each.method for each in list(quick_batch_sandbox.requests) if each.path.startswith(path)
            ],
            lambda states, method=method: method in states,
        )
        os.kill(scheduled.task("batch_killed", run, "work")["pid"], signal.SIGKILL)
        if installed_release() == (3, 0):
            assert eventually(lambda: scheduled.state("batch_killed", run), ENDED.__contains__) == "failed"
            scheduled.clear("batch_killed", run, "work")
        eventually(
            lambda: scheduled.task("batch_killed", run, "work")["try_number"], lambda now, tries=tries: now > tries
        )
    assert eventually(lambda: scheduled.state("batch_killed", run), ENDED.__contains__) == "success"
    assert count_requests(quick_batch_sandbox, "POST", "/v1/files") == 2
    assert count_requests(quick_batch_sandbox, "POST", "/v1/batches") == 1
    assert list_answered(bulk_folder / "batch_killed") == list(range(30))


@oldest_and_newest
def test_any_final_state_of_a_batch(
    triggerer: LocalAirflow, scheduled: Rest, batch_sandbox: Sandbox, bulk_folder: Path
) -> None:
    run = scheduled.run("batch_ends")
    eventually(lambda: scheduled.task("batch_ends", run, "expired")["state"], ENDED.__contains__)
    (status,) = statuses(batch_sandbox, "batch_ends")
    assert status not in ENDED_BATCHES
    (batch,) = list_batches(batch_sandbox, "batch_ends")
    call(batch_sandbox, f"/batches/{batch['id']}/cancel", "POST")
    assert eventually(lambda: scheduled.state("batch_ends", run), ENDED.__contains__) == "success"
    rows = {name: list_answered(bulk_folder / "batch_ends" / name) for name in ("expired", "refused", "shuffled")}
    assert rows == {"expired": [], "refused": [], "shuffled": list(range(10, 30))}
    # What it had answered by then is kept.
    assert list_answered(bulk_folder / "batch_ends" / "cancelled") == list(
        range(list_batches(batch_sandbox, "batch_ends")[0]["request_counts"]["completed"])
    )


@oldest_and_newest
def test_many_at_once(triggerer: LocalAirflow, scheduled: Rest, many_batches_sandbox: Sandbox) -> None:
    run = scheduled.run("batch_many")
    assert eventually(lambda: scheduled.state("batch_many", run), ENDED.__contains__, 600) == "success"
    batches = list_batches(many_batches_sandbox, "batch_many")
    assert {batch["status"] for batch in batches} == {"completed"}
    assert sorted(int(batch["metadata"]["airflow_map_index"]) for batch in batches) == list(range(6))
