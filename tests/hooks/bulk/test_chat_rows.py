"""
Asking about rows into a folder, against a service that answers each by what it asks.
"""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.errors import (
    APIStatusError,
    AuthenticationError,
    ConfigurationError,
    InvalidInputError,
    PartialFailureError,
)
from apache_airflow_provider_ovhcloud_ai.rows.reading import read_rows
from apache_airflow_provider_ovhcloud_ai.rows.run_file import Owner
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from support.process_killer import kill_when
from support.saved_connections import MODEL, Make, stored
from support.services import Service, ServiceRequest, ServiceResponse, running

pytestmark = pytest.mark.airflow


def rows(count: int, *failing: int, status: int = 422) -> list[dict[str, Any]]:
    return [{"id": n, "text": f"row {n}" + (f" = {status}" if n in failing else "")} for n in range(count)]


def read_prompt(request: ServiceRequest) -> str:
    return request.body["messages"][-1]["content"]


class Answering:
    """
    Answers in capitals after a random time, and fails rows that name a status until it is fixed.
    """

    def __init__(self) -> None:
        self.is_fixed = False

    def __call__(self, request: ServiceRequest) -> ServiceResponse:
        text = read_prompt(request)
        time.sleep(random.Random(text).random() / 200)
        if (match := re.search(r" = (\d{3})$", text)) and not self.is_fixed:
            return ServiceResponse(int(match[1]), {"error": {"message": "as ordered"}})
        choice = {"index": 0, "message": {"role": "assistant", "content": text.upper()}, "finish_reason": "stop"}
        usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
        return ServiceResponse(
            200, {"object": "chat.completion", "model": "served", "choices": [choice], "usage": usage}
        )


@pytest.fixture
def answering() -> Answering:
    return Answering()


@pytest.fixture
def service(answering: Answering) -> Iterator[Service]:
    with running(answering) as service:
        yield service


def read_records(folder: Path) -> dict[int, dict[str, Any]]:
    records = [json.loads(line) for part in sorted(folder.glob("part-*")) for line in part.open()]
    assert len({record["id"] for record in records}) == len(records)
    return {record["id"]: record for record in records}


def questions(service: Service) -> list[str]:
    return [read_prompt(request) for request in service.requests if request.body]


def test_every_row_has_its_answer_in_the_order_given(hook_for: Make, service: Service, tmp_path: Path) -> None:
    summary = hook_for(stored(service)).chat_rows(
        iter(rows(130)), tmp_path, MODEL, prompt="Say {text}", system_prompt="Be {id}", part_size=20, temperature=0
    )
    records = read_records(tmp_path)
    assert list(records) == list(range(130))
    assert all(records[n] == {"id": n, "text": f"row {n}", "answer": f"SAY ROW {n}", "error": None} for n in records)
    assert {name: summary[name] for name in ("parts", "rows", "rows_reused", "failed", "model")} == {
        "parts": 7,
        "rows": 130,
        "rows_reused": 0,
        "failed": 0,
        "model": "served",
    }
    assert summary["usage"]["output_tokens"] == 260
    assert (tmp_path / "_manifest.json").exists()
    assert service.requests[0].body["messages"][0]["content"].startswith("Be ")
    assert service.requests[0].body["temperature"] == 0


class TestFailedRows:
    def test_only_they_are_asked_again(
        self, hook_for: Make, service: Service, answering: Answering, tmp_path: Path
    ) -> None:
        hook = hook_for(stored(service))
        with pytest.raises(PartialFailureError, match=r"2 of 60 rows failed; the first one, row \d+: .*as ordered"):
            hook.chat_rows(rows(60, 7, 33), tmp_path, MODEL, part_size=10)
        assert not (tmp_path / "_manifest.json").exists(), "it is unfinished"
        records = read_records(tmp_path)
        assert (len(records), records[7]["answer"], "as ordered" in records[7]["error"]) == (60, None, True)
        before, answering.is_fixed = len(service.requests), True
        summary = hook.chat_rows(rows(60, 7, 33), tmp_path, MODEL, part_size=10)
        assert sorted(questions(service)[before:]) == ["row 33 = 422", "row 7 = 422"]
        assert (summary["rows"], summary["rows_reused"], summary["failed"]) == (60, 58, 0)
        assert all(record["error"] is None for record in read_records(tmp_path).values())
        summary = hook.chat_rows(rows(60, 7, 33), tmp_path, MODEL, part_size=10)
        assert (summary["rows"], summary["rows_reused"], summary["usage"], summary["model"]) == (
            60,
            60,
            {"requests": 0},
            "served",
        )

    def test_skipped_rows_are_reported_and_the_run_finishes(
        self, hook_for: Make, service: Service, tmp_path: Path
    ) -> None:
        summary = hook_for(stored(service)).chat_rows(rows(30, 4), tmp_path, MODEL, part_size=10, on_error="skip")
        assert (summary["rows"], summary["failed"]) == (30, 1)
        assert (tmp_path / "_manifest.json").exists()

    @pytest.mark.slow
    def test_what_was_paid_for_before_a_stop_is_kept(
        self, hook_for: Make, service: Service, answering: Answering, tmp_path: Path
    ) -> None:
        hook = hook_for(stored(service), max_retries=0)
        with pytest.raises(APIStatusError, match="as ordered"):
            hook.chat_rows(rows(500, 20, status=500), tmp_path, MODEL, on_error="raise", part_size=400, concurrency=2)
        paid = [record for record in read_records(tmp_path).values() if record["error"] is None]
        assert len(paid) >= 19
        answering.is_fixed = True
        summary = hook.chat_rows(rows(500, 20, status=500), tmp_path, MODEL, part_size=400)
        assert summary["rows_reused"] == len(paid)
        assert len(questions(service)) == 501

    def test_a_refused_token_stops_all_and_writes_nothing(self, hook_for: Make, tmp_path: Path) -> None:
        with (
            running(lambda _: ServiceResponse(403, {"message": "Forbidden"})) as service,
            pytest.raises(AuthenticationError),
        ):
            hook_for(stored(service)).chat_rows(rows(500), tmp_path, MODEL, on_error="skip", concurrency=2)
        assert len(service.requests) < 20
        assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_process_that_was_killed_pays_twice_for_no_more_than_the_parts_under_way(
    hook_for: Make, service: Service, tmp_path: Path
) -> None:
    out, size = tmp_path / "out", 10
    kill_when(
        lambda: len(questions(service)) >= 300, stored(service), "chat_rows", rows(600), out, MODEL, part_size=size
    )
    summary = hook_for(stored(service)).chat_rows(rows(600), out, MODEL, part_size=size)
    assert summary["rows_reused"] >= 200
    assert len(questions(service)) <= 600 + 8 * 10
    assert {n: record["answer"] for n, record in read_records(out).items()} == {n: f"ROW {n}" for n in range(600)}


@pytest.mark.parametrize(
    ("data", "options", "sentence"),
    [
        (rows(1), {"prompt": "{title}"}, "Row 0: The prompt names the column {title}"),
        (rows(1), {"prompt": " "}, "prompt"),
        ([{"text": "a", "answer": "b"}], {}, "Row 0 has a column 'answer' already"),
        ([{"text": "a", "error": "b"}], {}, "Row 0 has a column 'error' already"),
        (rows(1), {"output_format": "npy"}, "npy is for vectors alone"),
        (rows(1), {"on_error": "never"}, "on_error must be"),
        (rows(1), {"part_size": "0"}, "part_size"),
    ],
)
def test_nothing_is_sent_of_what_cannot_work(
    hook_for: Make, service: Service, tmp_path: Path, data: Any, options: Any, sentence: str
) -> None:
    with pytest.raises(ConfigurationError, match=sentence) as raised:
        hook_for(stored(service)).chat_rows(data, tmp_path, MODEL, **options)
    assert isinstance(raised.value, InvalidInputError) == sentence.startswith("Row")
    assert service.requests == []


def test_against_the_sandbox_in_parquet(hook_for: Make, sandbox: Sandbox, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="parquet needs pyarrow")
    import pyarrow.parquet

    hook_for(stored(sandbox)).chat_rows(rows(12), tmp_path, MODEL, output_format="parquet", part_size=5)
    records = [row for part in sorted(tmp_path.glob("part-*")) for row in pyarrow.parquet.read_table(part).to_pylist()]
    assert [row["id"] for row in records] == list(range(12))
    assert all(f'"row {row["id"]}"' in row["answer"] for row in records)


def test_types_of_a_parquet_input_are_those_of_the_output(hook_for: Make, sandbox: Sandbox, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="parquet needs pyarrow")
    import pyarrow.parquet

    moments = pyarrow.array([None, None, 1_767_355_200_123_456_789], pyarrow.timestamp("ns"))
    source = pyarrow.table(
        {"text": ["a", "b", "c"], "n": pyarrow.array([None, None, 4], pyarrow.int8()), "at": moments}
    )
    pyarrow.parquet.write_table(source, tmp_path / "in.parquet")
    options = {"prompt": "{text} at {at}", "output_format": "parquet", "part_size": 2}
    hook_for(stored(sandbox)).chat_rows(read_rows(tmp_path / "in.parquet"), tmp_path / "out", MODEL, **options)
    table = pyarrow.parquet.read_table(tmp_path / "out")
    assert table.select(source.column_names).equals(source)
    assert "c at 2026-01-02T12:00:00.123456789" in table.column("answer")[2].as_py()


def answer_half(request: ServiceRequest) -> ServiceResponse:
    """Cut each answer at its limit of tokens, and fail a row that names a status."""
    if "= 422" in read_prompt(request):
        return ServiceResponse(422, {"error": {"message": "as ordered"}})
    choice = {"index": 0, "message": {"role": "assistant", "content": "Half"}, "finish_reason": "length"}
    return ServiceResponse(200, {"choices": [choice], "usage": {"total_tokens": 5}})


def test_answers_cut_at_their_limit_are_counted_over_the_tries(hook_for: Make, tmp_path: Path, ear: Any) -> None:
    owner = Owner({"run_id": "r"}, is_last_try=False)
    with running(answer_half) as service:
        hook = ear.listen(hook_for(stored(service)))
        options: dict[str, Any] = {"model": MODEL, "owner": owner, "concurrency": 1, "extra_columns": ["finish_reason"]}
        with pytest.raises(PartialFailureError):
            hook.chat_rows(rows(4, 3), tmp_path / "out", **options)
        manifest = hook.chat_rows(rows(5), tmp_path / "out", **options)
        in_memory = hook.chat_rows(rows(2), model=MODEL)
    assert (manifest["cut"], manifest["rows_reused"], in_memory["cut"]) == (5, 3, 2)
    assert "cut" not in manifest["usage_total"]
    assert {record["finish_reason"] for record in hook.read_rows(manifest)} == {"length"}
    counts = [re.findall(r": (\d)\.", line) for line in ear.lines("answers cut at the token limit")]
    assert counts == [["3"], ["2"]]
