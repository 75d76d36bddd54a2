from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai import defaults
from apache_airflow_provider_ovhcloud_ai.client.batches import batches_api
from apache_airflow_provider_ovhcloud_ai.client.http.http_response import HTTPResponse
from apache_airflow_provider_ovhcloud_ai.errors import ConfigurationError, InvalidResponseError

COUNTS = {"completed": 2, "failed": 1, "total": 5}


def test_start_of_a_batch_is_not_repeated_and_upload_is(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_bytes(b"{}\n")
    upload = batches_api.upload(tmp_path / "rows.jsonl", "rows.jsonl")
    create = batches_api.create("file-1", "/v1/embeddings", metadata={"dag": "d"})
    assert (upload.safe_to_retry, create.safe_to_retry) == (True, False)
    assert upload.size == 3
    assert json.loads(create.content or b"") == {
        "input_file_id": "file-1",
        "endpoint": "/v1/embeddings",
        "completion_window": "24h",
        "metadata": {"dag": "d"},
    }


def test_size_and_name_of_an_upload_are_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_bytes(b"{}\n")
    with pytest.raises(ConfigurationError, match="The name of a file is made of letters"):
        batches_api.upload(file, 'a"b')
    monkeypatch.setattr(defaults, "BATCH_BYTES", 2)
    with pytest.raises(ConfigurationError, match="is 3 bytes; the service accepts 2: send several batches"):
        batches_api.upload(file, "rows.jsonl")


def test_ids_become_parts_of_addresses() -> None:
    assert batches_api.page().path == "/batches?limit=100"
    assert batches_api.page("batch-7", 5).path == "/batches?limit=5&after=batch-7"
    assert batches_api.download("file_1.a:b", 9).path == "/files/file_1.a:b/content"


@pytest.mark.parametrize("wrong", ["..", "a..b", "", "a/b", "a?b", "a\n", "x" * 201, None, 7])
def test_what_is_no_id_is_part_of_no_address(wrong: Any) -> None:
    builders = (batches_api.retrieve, batches_api.cancel, batches_api.retrieve_file, batches_api.delete)
    for build in builders:
        with pytest.raises(ConfigurationError, match="must be an id of the service"):
            build(wrong)


def test_response_needs_an_id_and_a_batch_a_status() -> None:
    response = HTTPResponse(200, {}, b"")
    assert batches_api.check({"id": "file-1"}, "file", response) == {"id": "file-1"}
    with pytest.raises(InvalidResponseError, match="The batch came back without 'status'"):
        batches_api.check({"id": "batch-1"}, "batch", response)
    with pytest.raises(InvalidResponseError, match="The file came back without 'id'"):
        batches_api.check({"id": 1}, "file", response)


@pytest.mark.parametrize(
    ("counts", "line"),
    [
        (COUNTS, "2 of 5 done, 1 failed"),
        ({**COUNTS, "total": None, "failed": True}, "2 of ? done, ? failed"),
        (None, "? of ? done, ? failed"),
        ("many", "? of ? done, ? failed"),
    ],
)
def test_progress_is_described_as_far_as_it_is_reported(counts: Any, line: str) -> None:
    summary = batches_api.summary({"id": "batch-1", "status": "in_progress", "request_counts": counts, "more": 1})
    assert set(summary) == {"id", "status", *COUNTS}
    assert batches_api.describe(summary) == f"AI Endpoints batch batch-1: in_progress, {line}"


def build_page(*ids: Any, has_more: Any = True) -> dict[str, Any]:
    return {"data": [{"id": each, "status": "completed"} for each in ids], "has_more": has_more}


#: Name -> the pages that a service returns, the last again and again; the ids that are read; whether more are unknown.
LISTS: dict[str, tuple[list[Any], list[Any], bool]] = {
    "whole": ([build_page("c", "b"), build_page("a", has_more=False)], ["c", "b", "a"], False),
    "one page": ([build_page("a", has_more=None)], ["a"], False),
    "empty": ([build_page(has_more=False)], [], False),
    "empty that goes on": ([build_page()], [], False),
    "the same page": ([build_page("b", "a")], ["b", "a"], True),
    "a circle": ([build_page("c"), build_page("b"), build_page("c")], ["c", "b"], True),
    "an overlap": ([build_page("c", "b"), build_page("b", "a", has_more=False)], ["c", "b", "a"], False),
    "no ids": ([{"data": [{}], "has_more": True}], [None], True),
    "numbers as ids": ([build_page(7)], [7], True),
    "no list": ([{"data": "x", "has_more": True}], [], False),
}


@pytest.mark.parametrize(("values", "ids", "is_cut"), LISTS.values(), ids=LISTS)
def test_list_ends_if_it_makes_no_progress(values: list[Any], ids: list[Any], is_cut: bool) -> None:
    pages, batches, count = batches_api.BatchPages(), [], 0
    while pages.request:
        batches += pages.read(values[min(count, len(values) - 1)])
        count += 1
        assert count <= 5, "it never ends"
    assert ([each.get("id") for each in batches], pages.is_cut) == (ids, is_cut)


def test_number_of_pages_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches_api, "MAX_PAGES", 7)
    pages, count = batches_api.BatchPages(), 0
    while pages.request:
        assert pages.request.path == "/batches?limit=100" + (f"&after=batch-{count}" if count else "")
        count += 1
        pages.read(build_page(f"batch-{count}"))
    assert (count, pages.is_cut) == (7, True)
