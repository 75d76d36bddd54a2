"""
Files and batches through the hook, against the sandbox and against lines that break.
"""

from __future__ import annotations

import gzip
import json
import tempfile
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai import defaults
from apache_airflow_provider_ovhcloud_ai.errors import (
    APIConnectionError,
    AuthenticationError,
    ConfigurationError,
    InvalidResponseError,
    NotFoundError,
)
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from support import scripted_server
from support.saved_connections import MODEL, Make, stored
from support.scripted_server import Server, respond

pytestmark = pytest.mark.airflow


def lines(count: int, size: int = 10) -> Iterator[dict[str, Any]]:
    for number in range(count):
        body = {"model": MODEL, "messages": [{"role": "user", "content": f"Question {number} " + "x" * size}]}
        yield {"custom_id": f"row-{number}", "method": "POST", "url": "/v1/chat/completions", "body": body}


def test_from_rows_to_answers(hook_for: Make, sandbox: Sandbox) -> None:
    hook = hook_for(stored(sandbox))
    file = hook.upload_batch_input(lines(30), "classify.jsonl")
    assert (file["filename"], file["purpose"]) == ("classify.jsonl", "batch")
    batch = hook.create_batch(file["id"], metadata={"dag": "classify"})
    assert batch["metadata"] == {"dag": "classify"}
    ended = hook.get_batch(batch["id"])
    assert (ended["status"], ended["request_counts"]["completed"]) == ("completed", 30)
    answers = {record["custom_id"]: record["response"]["body"] for record in hook.read_file(ended["output_file_id"])}
    assert sorted(answers) == sorted(f"row-{number}" for number in range(30))
    assert "Question 7" in answers["row-7"]["choices"][0]["message"]["content"]
    hook.delete_file(file["id"])
    with pytest.raises(NotFoundError, match="No such File object"):
        list(hook.read_file(file["id"]))


def test_all_batches_are_listed_page_by_page(hook_for: Make, sandbox: Sandbox) -> None:
    hook = hook_for(stored(sandbox))
    file = hook.upload_batch_input(lines(1))
    batch_ids = [hook.create_batch(file["id"])["id"] for _ in range(103)]
    batches = hook.list_batches()
    sandbox.requests.clear()
    assert next(batches)["id"] == batch_ids[-1]
    assert len(sandbox.requests) == 1
    assert [each["id"] for each in batches] == batch_ids[-2::-1]
    assert len(sandbox.requests) == 2


def test_list_that_repeats_its_page_ends_with_a_warning(hook_for: Make, ear: Any) -> None:
    page = {"data": [{"id": "batch-1", "status": "completed"}], "has_more": True}
    with Server(respond(200, page)) as server:
        hook = ear.listen(hook_for(stored(server)))
        assert [each["id"] for each in hook.list_batches()] == ["batch-1"]
        assert [each.path for each in server.requests] == [
            "/v1/batches?limit=100",
            "/v1/batches?limit=100&after=batch-1",
        ]
    assert "The service repeats its list of batches, or never ends it" in ear.text


def test_cancelled(hook_for: Make) -> None:
    with Sandbox(batch_seconds=600) as slow:
        hook = hook_for(stored(slow))
        batch = hook.create_batch(hook.upload_batch_input(lines(2))["id"])
        assert hook.cancel_batch(batch["id"])["status"] == "cancelling"
        assert hook.get_batch(batch["id"])["status"] == "cancelled"


def test_an_upload_that_broke_is_made_again_from_its_beginning(hook_for: Make, sandbox: Sandbox) -> None:
    sandbox.drop_next(path="/v1/files")
    hook = hook_for(stored(sandbox))
    hook.get_conn()._sleep = lambda _: None
    file = hook.upload_batch_input(lines(500))
    assert file["bytes"] == sum(len(json.dumps(each, separators=(",", ":"))) + 1 for each in lines(500))
    assert len(sandbox.requests) == 2


def test_a_batch_with_an_unconfirmed_start_is_not_started_again(hook_for: Make, sandbox: Sandbox) -> None:
    hook = hook_for(stored(sandbox))
    file = hook.upload_batch_input(lines(1))
    sandbox.cut_next(path="/v1/batches")
    with pytest.raises(APIConnectionError):
        hook.create_batch(file["id"])
    assert len(list(hook.list_batches())) == 1


def test_a_download_that_broke_begins_again(hook_for: Make, sandbox: Sandbox) -> None:
    hook = hook_for(stored(sandbox))
    hook.get_conn()._sleep = lambda _: None
    file = hook.upload_batch_input(lines(200))
    sandbox.cut_next(path=f"/v1/files/{file['id']}/content")
    assert [line["custom_id"] for line in hook.read_file(file["id"])] == [f"row-{number}" for number in range(200)]


def test_a_part_of_a_file_is_not_taken_for_the_whole(hook_for: Make, sandbox: Sandbox) -> None:
    hook = hook_for(stored(sandbox))
    file = hook.upload_batch_input(lines(200))
    whole = b"".join(json.dumps(each).encode() + b"\n" for each in lines(100))
    # Lines that are complete, in a response that is: nothing but the file's size tells that there were more.
    sandbox.fail_next(200, whole, path=f"/v1/files/{file['id']}/content")
    with pytest.raises(InvalidResponseError, match=r"came with [\d,]+ of its [\d,]+ bytes"):
        list(hook.read_file(file["id"]))


def test_a_file_that_unfolds_without_end_is_not_saved(
    hook_for: Make, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(defaults, "MAX_FILE_BYTES", 1_000_000)
    hook = hook_for(stored(sandbox))
    file = hook.upload_batch_input(lines(1))
    bomb = gzip.compress(bytes(20_000_000))
    sandbox.fail_next(200, bomb, {"Content-Encoding": "gzip"}, path=f"/v1/files/{file['id']}/content")
    sentence = "larger than 1,000,000 bytes and was not read to its end"
    with tempfile.TemporaryFile() as sink, pytest.raises(InvalidResponseError, match=sentence):
        hook.save_file(file["id"], sink)


def test_a_large_file_is_never_in_memory(hook_for: Make) -> None:
    with Sandbox(record=False) as sandbox:
        hook = hook_for(stored(sandbox))
        file = hook.upload_batch_input(lines(100, size=1_000))
        for _ in hook.read_file(file["id"]):
            pass  # what is imported and kept once
        # The sandbox, which does keep all of it, lives in this process too.
        sizes: list[int] = []
        exchange = hook.get_conn()._exchange

        def measured(request: Any, *rest: Any) -> Any:
            sizes.append(request.size)
            return exchange(request, *rest)

        hook.get_conn()._exchange = measured
        tracemalloc.start()
        large = hook.upload_batch_input(lines(4_000, size=1_900))
        held = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(True, "*/client/*")])
        tracemalloc.stop()
        assert large["bytes"] > 7_500_000
        assert sizes == [large["bytes"]]
        assert sum(each.size for each in held.statistics("filename")) < 500_000


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ([], "must have at least one line"),
        ([{"custom_id": "a", "body": {"temperature": float("nan")}}], "body cannot be written as JSON"),
    ],
)
def test_bad_input_is_refused_before_anything_is_sent(
    hook_for: Make, sandbox: Sandbox, data: Any, sentence: str
) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        hook_for(stored(sandbox)).upload_batch_input(data)
    assert not sandbox.requests


def test_limits_are_checked_before_anything_is_sent(
    hook_for: Make, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = hook_for(stored(sandbox))
    monkeypatch.setattr(defaults, "BATCH_LINES", 10)
    with pytest.raises(ConfigurationError, match="more than the 10 lines that the service accepts"):
        hook.upload_batch_input(lines(11))
    monkeypatch.setattr(defaults, "BATCH_BYTES", 1_000)
    with pytest.raises(ConfigurationError, match=r"more than the 1,000 bytes .* reached at line 7"):
        hook.upload_batch_input(lines(10))
    assert not sandbox.requests


@pytest.mark.parametrize("wrong", ["..", "a..b", "", "a/../../models", "a?b", None, "a b"])
def test_an_id_is_never_more_than_a_part_of_an_address(hook_for: Make, sandbox: Sandbox, wrong: Any) -> None:
    hook = hook_for(stored(sandbox))
    for verb in (hook.get_batch, hook.cancel_batch, hook.delete_file, lambda value: list(hook.read_file(value))):
        with pytest.raises(ConfigurationError, match="must be an id of the service"):
            verb(wrong)
    with pytest.raises(ConfigurationError, match="endpoint must be one of"):
        hook.create_batch("file-1", "/v1/responses")
    with pytest.raises(ConfigurationError, match="The name of a file is made of letters"):
        hook.upload_batch_input(lines(1), 'a"b')
    assert not sandbox.requests


def test_a_refused_token_is_reported(hook_for: Make, sandbox: Sandbox) -> None:
    with pytest.raises(AuthenticationError, match="403 Forbidden"):
        hook_for(stored(sandbox, "wrong-token")).upload_batch_input(lines(1))


@pytest.mark.parametrize(
    ("body", "sentence"),
    [({"status": "completed"}, "came back without 'id'"), ({"id": "b"}, "came back without 'status'"), ([], "a list")],
)
def test_what_is_no_batch_is_not_taken_for_one(hook_for: Make, body: Any, sentence: str) -> None:
    with Server(respond(200, body)) as server, pytest.raises(InvalidResponseError, match=sentence):
        hook_for(stored(server)).get_batch("batch-1")


def test_a_line_that_is_no_json_is_named(hook_for: Make) -> None:
    with Server(respond(200, {"id": "f", "bytes": 9}), respond(200, '{"a": 1}\nnonsense')) as server:
        records = hook_for(stored(server)).read_file("f")
        assert next(records) == {"a": 1}
        with pytest.raises(InvalidResponseError, match="Line 2 of the file f is no JSON object"):
            next(records)


def test_a_file_has_more_time_than_an_answer(hook_for: Make) -> None:
    with Server(respond(200, {"id": "f", "bytes": 2_000_000}), scripted_server.drip_body) as server:
        hook = hook_for(stored(server), timeout=1.0, max_retries=0)
        seconds: list[float] = []
        exchange = hook.get_conn()._exchange

        def noted(request: Any, allowed: float, *rest: Any) -> Any:
            seconds.append(allowed)
            return exchange(request, 1.0, *rest)

        hook.get_conn()._exchange = noted
        with pytest.raises(APIConnectionError):
            list(hook.read_file("f"))
        assert seconds == [1.0, 9.0]
