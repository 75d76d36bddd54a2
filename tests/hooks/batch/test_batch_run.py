"""
Batches of a task at the service: what is uploaded, and what a later try finds.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.errors import InvalidInputError
from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook
from apache_airflow_provider_ovhcloud_ai.hooks.batch import batch_run
from apache_airflow_provider_ovhcloud_ai.hooks.batch.batch_run import BatchRun, Line, build_line, read_digest, wait
from apache_airflow_provider_ovhcloud_ai.hooks.batch.task_identity import BatchTask
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from hypothesis import given
from hypothesis import strategies as st
from support.saved_connections import MODEL, Make, stored

pytestmark = pytest.mark.airflow

ENDPOINT = "/v1/chat/completions"
bodies = st.dictionaries(st.text(max_size=5), st.text(max_size=5) | st.integers(), max_size=4)


@given(bodies, bodies, st.binary(max_size=4), st.binary(max_size=4))
def test_ids_differ_if_requests_or_keys_do(first: Any, second: Any, key: bytes, other: bytes) -> None:
    line = build_line(first, key)
    assert (line == build_line(dict(first), key), line.body) == (True, first)
    same = (list(first.items()), key) == (list(second.items()), other)
    assert (line.custom_id == build_line(second, other).custom_id) == same
    assert line.custom_id == f"row-{read_digest(line.custom_id)}"


@pytest.mark.parametrize(
    ("custom_id", "digest"),
    [("row-00ff", "00ff"), ("7-00ff", "00ff"), ("00ff", "00ff"), (None, "None"), (7, "7"), ("", "")],
)
def test_digest_of_an_id(custom_id: Any, digest: str) -> None:
    assert read_digest(custom_id) == digest


def build_lines(*texts: str) -> list[Line]:
    return [build_line({"model": MODEL, "messages": [{"role": "user", "content": text}]}) for text in texts]


def build_run(hook: OVHCloudAIEndpointsHook, **names: Any) -> BatchRun:
    fields = {"dag_id": "d", "run_id": "r", "task_id": "t", "map_index": -1, "max_tries": 0, "try_number": 1, **names}
    return BatchRun(hook, ENDPOINT, "24h", BatchTask({"ti": SimpleNamespace(**fields)}, 0))


def list_ids(hook: OVHCloudAIEndpointsHook, batch: dict[str, Any]) -> list[str]:
    return [line["custom_id"] for line in hook.read_file(batch["input_file_id"])]


class TestStart:
    def test_lines_are_requests_of_the_endpoint(self, hook_for: Make, sandbox: Sandbox) -> None:
        hook, (line,) = hook_for(stored(sandbox)), build_lines("a")
        (batch,) = build_run(hook).start([line], [])
        (request,) = hook.read_file(batch["input_file_id"])
        assert request == {"custom_id": line.custom_id, "method": "POST", "url": ENDPOINT, "body": line.body}
        assert batch["completion_window"] == "24h"

    def test_requests_that_are_under_way_are_not_sent_again(self, hook_for: Make) -> None:
        with Sandbox(batch_seconds=3_600) as slow:
            hook = hook_for(stored(slow))
            run = build_run(hook)
            first = run.start(build_lines("a", "b"), [])
            (_, second) = run.start(build_lines("c", "b", "a"), first)
            assert list_ids(hook, second) == [build_lines("c")[0].custom_id]
            assert run.start(build_lines("a", "c"), [*first, second]) == [*first, second]

    def test_requests_of_an_older_version_that_are_under_way_are_known(self, hook_for: Make) -> None:
        with Sandbox(batch_seconds=3_600) as slow:
            hook = hook_for(stored(slow))
            run, (line,) = build_run(hook), build_lines("a")
            old = [Line(f"7-{read_digest(line.custom_id)}", line.body)]
            batches = run.start(old, [])
            assert run.start([line], batches) == batches

    def test_no_requests_are_no_batch(self, hook_for: Make, sandbox: Sandbox) -> None:
        assert build_run(hook_for(stored(sandbox))).start([], []) == []
        assert not [each for each in sandbox.requests if each.method == "POST"]

    @pytest.mark.parametrize(("name", "limit"), [("BATCH_LINES", 3), ("BATCH_BYTES", 600)])
    def test_limits_of_a_batch_are_kept(
        self, hook_for: Make, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, name: str, limit: int
    ) -> None:
        monkeypatch.setattr(batch_run.defaults, name, limit)
        hook, lines = hook_for(stored(sandbox)), build_lines(*map(str, range(10)))
        batches = build_run(hook).start(lines, [])
        assert [each for batch in batches for each in list_ids(hook, batch)] == [line.custom_id for line in lines]
        assert len(batches) == 4

    def test_a_request_that_is_too_large_is_refused(
        self, hook_for: Make, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(batch_run.defaults, "MAX_REQUEST_BYTES", 200)
        with pytest.raises(InvalidInputError, match=r"The request of a row is 3,[0-9]+ bytes; the service accepts 200"):
            build_run(hook_for(stored(sandbox))).start(build_lines("x" * 3_000), [])
        assert not [each for each in sandbox.requests if each.path == "/v1/batches"]


class TestFind:
    def test_batches_of_the_same_task_the_earliest_first(self, hook_for: Make, sandbox: Sandbox) -> None:
        hook = hook_for(stored(sandbox))
        for text in "abc":
            build_run(hook).start(build_lines(text), [])
        build_run(hook, task_id="other").start(build_lines("d"), [])
        batches = build_run(hook, try_number=2).find()
        assert [batch["id"] for batch in batches] == ["batch-000001", "batch-000002", "batch-000003"]

    def test_a_cancelled_batch_without_answers_is_left_out(self, hook_for: Make) -> None:
        with Sandbox(batch_seconds=3_600) as slow:
            hook = hook_for(stored(slow))
            (batch,) = build_run(hook).start(build_lines("a"), [])
            hook.cancel_batch(batch["id"])
            assert build_run(hook).find() == []


def test_wait_gives_each_batch_in_its_final_state(hook_for: Make, sandbox: Sandbox) -> None:
    hook, polls = hook_for(stored(sandbox)), []
    batches = [build_run(hook).start(build_lines(text), [])[0] for text in "ab"]
    ended = list(wait(hook, [batch["id"] for batch in batches], 0, polls.append))
    assert [(batch["id"], batch["status"]) for batch in ended] == [(batch["id"], "completed") for batch in batches]
    assert {batch["id"] for batch in polls} == {batch["id"] for batch in batches}
    assert polls[-1] == ended[-1]
