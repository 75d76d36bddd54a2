"""
Files and batches, used by a client that nobody here wrote.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from openai import BadRequestError, ConflictError, OpenAI

CHAT, EMBED = "/v1/chat/completions", "/v1/embeddings"


@contextmanager
def open_client(sandbox: Sandbox) -> Iterator[OpenAI]:
    with OpenAI(base_url=sandbox.base_url, api_key=sandbox.token, max_retries=0) as client:
        yield client


def line(number: int, model: str = "gpt-oss-20b", **changes: Any) -> dict[str, Any]:
    body = {"model": model, "messages": [{"role": "user", "content": f"Question {number}"}]}
    return {"custom_id": f"row-{number}", "method": "POST", "url": CHAT, "body": body} | changes


def start(client: OpenAI, lines: list[Any], endpoint: Any = CHAT, **params: Any) -> Any:
    text = "\n".join(each if isinstance(each, str) else json.dumps(each) for each in lines)
    file = client.files.create(file=("rows.jsonl", text.encode()), purpose="batch")
    return client.batches.create(input_file_id=file.id, endpoint=endpoint, completion_window="24h", **params)


def records(client: OpenAI, file_id: str | None) -> list[dict[str, Any]]:
    return [json.loads(each) for each in client.files.content(file_id or "").text.splitlines()]


def test_rows_come_back_with_their_ids_and_failed_ones_in_a_file_of_their_own(client: OpenAI) -> None:
    lines = [line(1), line(2, model="nobodys-model"), line(3)]
    batch = start(client, lines, metadata={"task": "classify"})
    assert (batch.status, batch.metadata) == ("validating", {"task": "classify"})
    batch = client.batches.retrieve(batch.id)
    assert batch.status == "completed"
    counts = batch.request_counts
    assert counts
    assert (counts.total, counts.completed, counts.failed) == (3, 2, 1)
    answers = records(client, batch.output_file_id)
    assert [record["custom_id"] for record in answers] == ["row-1", "row-3"]
    assert "Question 3" in answers[1]["response"]["body"]["choices"][0]["message"]["content"]
    (failed,) = records(client, batch.error_file_id)
    assert (failed["custom_id"], failed["response"]["status_code"]) == ("row-2", 404)
    assert "does not exist" in failed["response"]["body"]["error"]["message"]


def test_embeddings(client: OpenAI) -> None:
    body = {"model": "bge-m3", "input": ["a", "b"]}
    batch = start(client, [{"custom_id": "x", "method": "POST", "url": EMBED, "body": body}], EMBED)
    (record,) = records(client, client.batches.retrieve(batch.id).output_file_id)
    assert [len(item["embedding"]) for item in record["response"]["body"]["data"]] == [1024, 1024]


def eventually(look: Callable[[], Any], fits: Callable[[Any], bool]) -> Any:
    ends = time.monotonic() + 30
    while not fits(value := look()):
        assert time.monotonic() < ends, value
        time.sleep(0.02)
    return value


def test_a_batch_takes_its_time_and_reports_its_progress() -> None:
    with Sandbox(batch_seconds=1.0) as sandbox, open_client(sandbox) as client:
        batch = start(client, [line(number) for number in range(20)])
        progress: list[tuple[str, int]] = []

        def look() -> Any:
            batch_now = client.batches.retrieve(batch.id)
            assert batch_now.request_counts
            progress.append((batch_now.status, batch_now.request_counts.completed))
            return batch_now

        assert eventually(look, lambda batch_now: batch_now.status == "completed").completed_at
        assert {"validating", "in_progress", "finalizing", "completed"} >= {status for status, _ in progress}
        assert [count for _, count in progress] == sorted(count for _, count in progress)
        assert any(0 < count < 20 for _, count in progress)


def test_cancelled_halfway_keeps_what_was_answered() -> None:
    with Sandbox(batch_seconds=1.0) as sandbox, open_client(sandbox) as client:
        batch = start(client, [line(number) for number in range(50)])
        eventually(
            lambda: client.batches.retrieve(batch.id), lambda batch_now: bool(batch_now.request_counts.completed)
        )
        assert client.batches.cancel(batch.id).status == "cancelling"
        ended = client.batches.retrieve(batch.id)
        assert ended.status == "cancelled"
        answers, rest = records(client, ended.output_file_id), records(client, ended.error_file_id)
        assert len(answers) > 0
        assert len(answers) + len(rest) == 50
        assert {record["error"]["code"] for record in rest} == {"batch_cancelled"}
        with pytest.raises(ConflictError, match="Cannot cancel a batch with status 'cancelled'"):
            client.batches.cancel(batch.id)


def test_expired() -> None:
    with Sandbox(batch_seconds=3600.0, batch_expires=0.05) as sandbox, open_client(sandbox) as client:
        batch = start(client, [line(1)])
        ended = eventually(lambda: client.batches.retrieve(batch.id), lambda batch_now: batch_now.status == "expired")
        (record,) = records(client, ended.error_file_id)
        assert (record["custom_id"], record["response"], record["error"]["code"]) == ("row-1", None, "batch_expired")


@pytest.mark.parametrize(
    ("lines", "code", "number"),
    [
        ([], "empty_file", None),
        ([line(1), "{"], "invalid_json_line", 2),
        ([line(1), line(1)], "duplicate_custom_id", 2),
        ([line(1, custom_id="")], "missing_required_parameter", 1),
        ([line(1, url=EMBED)], "mismatched_endpoint", 1),
    ],
)
def test_a_file_with_a_bad_line_fails_as_a_whole(client: OpenAI, lines: list[Any], code: str, number: int) -> None:
    batch = client.batches.retrieve(start(client, lines).id)
    assert batch.status == "failed"
    assert batch.errors
    assert batch.errors.data
    assert (batch.errors.data[0].code, batch.errors.data[0].line) == (code, number)
    assert batch.output_file_id is None


def test_batches_are_listed_latest_first_in_pages(client: OpenAI) -> None:
    batch_ids = [start(client, [line(number)]).id for number in range(5)]
    page = client.batches.list(limit=2)
    assert [batch.id for batch in page.data] == batch_ids[:2:-1]
    assert [batch.id for batch in page] == batch_ids[::-1]


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ({"endpoint": "/v1/responses"}, "'endpoint' must be one of"),
        ({"completion_window": "1h"}, "'completion_window' must be one of 24h, 48h, 72h"),
        ({"input_file_id": 7}, "'input_file_id' must be a text"),
        ({"metadata": {"a": 1}}, "'metadata' must be an object of up to 16 texts"),
        ({"priority": "high"}, "not currently supported: 'priority'"),
    ],
)
def test_bad_parameters_are_refused(client: OpenAI, params: dict[str, Any], sentence: str) -> None:
    file = client.files.create(file=("rows.jsonl", b"{}"), purpose="batch")
    fields = {"input_file_id": file.id, "endpoint": CHAT, "completion_window": "24h", **params}
    with pytest.raises(BadRequestError, match=sentence):
        client.post("/batches", cast_to=object, body=fields)


def test_anonymous_users_have_no_files_or_batches(ask: Callable[..., Any]) -> None:
    for method, path in (
        ("GET", "/files"),
        ("GET", "/batches"),
        ("POST", "/batches"),
        ("GET", "/batches/batch-000001"),
    ):
        answer = ask(path, method=method, token=None)
        assert (answer.status, answer.body) == (401, {"message": "Unauthorized: batches and files need a token"})
        assert ask(path, method=method, token="wrong").status == 403
