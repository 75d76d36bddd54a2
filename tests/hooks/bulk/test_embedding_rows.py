"""
Embedding into a folder, against a server whose vectors contain the number of their text.
"""

from __future__ import annotations

import itertools
import json
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.errors import (
    AIEndpointsError,
    APIStatusError,
    BadRequestError,
    ConfigurationError,
    InvalidInputError,
    InvalidResponseError,
    PartialFailureError,
)
from apache_airflow_provider_ovhcloud_ai.rows.reading import read_rows
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from support.process_killer import kill_when
from support.saved_connections import Make, stored
from support.services import Service, ServiceRequest, ServiceResponse, running

pytestmark = pytest.mark.airflow


def rows(count: int) -> list[dict[str, Any]]:
    return [{"id": n, "text": f"number {n}"} for n in range(count)]


def parse_number(text: str) -> float:
    """Return the number of a text, or -1 for a chunk that isn't the first of its text."""
    kind, _, rest = text.partition(" ")
    return float(rest.split()[0]) if kind == "number" else -1.0


def embedded(request: ServiceRequest) -> ServiceResponse:
    """Return vectors that begin with their text's number, after a random time and in random order."""
    dice = random.Random(request.body["input"][0])
    time.sleep(dice.random() / 100)
    data = [
        {"object": "embedding", "index": index, "embedding": [parse_number(text), 0.5]}
        for index, text in enumerate(request.body["input"])
    ]
    dice.shuffle(data)
    usage = {"prompt_tokens": len(data), "total_tokens": len(data)}
    return ServiceResponse(200, {"object": "list", "data": data, "model": "served", "usage": usage})


def stopping(rows: list[dict[str, Any]], count: int) -> Iterator[dict[str, Any]]:
    """So many rows, and then a failure."""
    yield from rows[:count]
    raise InterruptedError


@pytest.fixture
def service() -> Iterator[Service]:
    with running(embedded) as service:
        yield service


def records(folder: Path) -> list[dict[str, Any]]:
    manifest = json.loads((folder / "_manifest.json").read_text())
    return [json.loads(line) for part in manifest["parts"] for line in (folder / part["name"]).open()]


def asked_for(service: Service) -> list[str]:
    return [text for request in service.requests if request.body for text in request.body["input"]]


def test_types_of_a_parquet_input_are_those_of_the_output(hook_for: Make, service: Service, tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="parquet needs pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    source = pyarrow.table({"text": ["number 1", "number 2"], "n": pyarrow.array([None, 4], pyarrow.int8())})
    parquet.write_table(source, tmp_path / "in.parquet")
    options = {"output_format": "parquet", "part_size": 1}
    hook_for(stored(service)).embed_rows(read_rows(tmp_path / "in.parquet"), tmp_path / "out", "m", **options)
    table = parquet.read_table(tmp_path / "out")
    assert table.select(source.column_names).equals(source)
    assert table.schema.field("embedding").type == pyarrow.list_(pyarrow.float32(), 2)


def test_every_row_has_its_vector_in_the_order_given(hook_for: Make, service: Service, tmp_path: Path) -> None:
    hook = hook_for(stored(service))
    summary = hook.embed_rows(iter(rows(1_010)), tmp_path / "out", "m", part_size=60, concurrency=8)
    embedded_rows = records(tmp_path / "out")
    assert [(record["id"], record["text"], record["embedding"]) for record in embedded_rows] == [
        (n, f"number {n}", [n, 0.5]) for n in range(1_010)
    ]
    assert {name: summary[name] for name in ("parts", "rows", "rows_reused", "failed", "model", "dimensions")} == {
        "parts": 17,
        "rows": 1_010,
        "rows_reused": 0,
        "failed": 0,
        "model": "served",
        "dimensions": 2,
    }
    assert summary["usage"] == {"requests": 50, "input_tokens": 1_010, "total_tokens": 1_010}
    assert summary["path"] == str(tmp_path / "out")
    assert service.connections <= 8


def test_what_is_there_is_not_paid_for_again(hook_for: Make, service: Service, tmp_path: Path) -> None:
    hook = hook_for(stored(service))
    hook.embed_rows(rows(100), tmp_path, "m", part_size=10)
    summary = hook.embed_rows(rows(100), tmp_path, "m", part_size=10)
    assert len(asked_for(service)) == 100
    assert (summary["rows"], summary["rows_reused"], summary["usage"], summary["dimensions"]) == (
        100,
        100,
        {"requests": 0},
        2,
    )
    assert json.loads((tmp_path / "_manifest.json").read_text())["rows_reused"] == 0
    changed = rows(105)
    changed[42]["text"] = "number 4242"
    summary = hook.embed_rows(changed, tmp_path, "m", part_size=10)
    assert (summary["rows"], summary["rows_reused"]) == (105, 99)
    assert len(asked_for(service)) == 100 + 1 + 5
    assert [record["embedding"][0] for record in records(tmp_path)] == [*range(42), 4242, *range(43, 105)]


@pytest.mark.parametrize(
    ("changed", "reused"),
    [
        ({"model": "other"}, 0),
        ({"dimensions": 2}, 0),
        ({"text_column": "title"}, 50),
        ({"output_format": "npy"}, 50),
        ({"part_size": 7}, 50),
    ],
)
def test_only_vectors_of_the_same_request_are_reused(
    hook_for: Make, service: Service, tmp_path: Path, changed: Any, reused: int
) -> None:
    hook = hook_for(stored(service))
    titled_rows = [{**row, "title": row["text"]} for row in rows(50)]
    hook.embed_rows(titled_rows, tmp_path, "m", part_size=10)
    before = {file.name for file in tmp_path.glob("part-*")}
    summary = hook.embed_rows(titled_rows, tmp_path, **{"model": "m", "part_size": 10} | changed)
    assert (summary["rows_reused"], len(asked_for(service))) == (reused, 100 - reused)
    assert not before & {file.name for file in tmp_path.glob("part-*")}


def test_a_failure_leaves_what_was_written_and_no_manifest(hook_for: Make, tmp_path: Path) -> None:
    broken = True

    def until_40(request: ServiceRequest) -> ServiceResponse:
        if broken and "number 40" in request.body["input"]:
            return ServiceResponse(500, {"error": {"message": "down"}})
        return embedded(request)

    with running(until_40) as service:
        hook = hook_for(stored(service), max_retries=0)
        with pytest.raises(APIStatusError, match="down"):
            hook.embed_rows(rows(100), tmp_path, "m", part_size=10, concurrency=1)
        assert not (tmp_path / "_manifest.json").exists()
        paid = len(list(tmp_path.glob("part-*"))) * 10
        assert paid >= 40
        before, broken = len(asked_for(service)), False
        summary = hook.embed_rows(rows(100), tmp_path, "m", part_size=10, concurrency=1)
        assert len(asked_for(service)) - before == 100 - paid
        assert (summary["rows"], summary["rows_reused"]) == (100, paid)
    assert [record["embedding"][0] for record in records(tmp_path)] == list(range(100))


@pytest.mark.slow
def test_a_process_that_was_killed_repeats_no_more_than_a_part_for_each_thread(
    hook_for: Make, service: Service, tmp_path: Path
) -> None:
    out, size = tmp_path / "out", 25
    kill_when(
        lambda: len(asked_for(service)) >= 500, stored(service), "embed_rows", rows(1_000), out, "m", part_size=size
    )
    summary = hook_for(stored(service)).embed_rows(rows(1_000), out, "m", part_size=size)
    assert summary["rows_reused"] >= 250
    assert len(asked_for(service)) <= 1_000 + 8 * 25
    assert [record["embedding"][0] for record in records(out)] == list(range(1_000))


class TestRefused:
    @pytest.mark.parametrize(
        ("data", "options", "sentence"),
        [
            (
                [{"text": "number 1"}, {"title": "x"}],
                {},
                "Row 1 has no text in the column 'text': it has no such column",
            ),
            ([{"text": 5}], {}, "Row 0 has no text in the column 'text': it has a value of type int"),
            ([{"text": "  "}], {}, "Row 0 has no text"),
            ([{"text": "a", "embedding": 1}], {}, "Row 0 has a column 'embedding' already"),
            (rows(1), {"part_size": 0}, "part_size"),
            (rows(1), {"concurrency": 999}, "concurrency"),
            (rows(1), {"output_format": "xml"}, "output_format must be one of jsonl, parquet, npy, not 'xml'"),
        ],
    )
    def test_before_anything_is_sent(
        self, hook_for: Make, service: Service, tmp_path: Path, data: Any, options: Any, sentence: str
    ) -> None:
        with pytest.raises(ConfigurationError, match=sentence) as raised:
            hook_for(stored(service)).embed_rows(data, tmp_path, "m", **options)
        assert isinstance(raised.value, (InvalidInputError, ConfigurationError))
        assert service.requests == []

    @pytest.mark.parametrize(
        ("change", "sentence"),
        [
            (lambda data, n: data[:-1], r"the vector of row \d+ is missing"),
            (
                lambda data, n: [{**each, "embedding": [float("nan"), 1.0]} for each in data],
                r"the vector of row \d+ is not of finite numbers",
            ),
            (lambda data, n: [{**each, "embedding": [0.5] * (2 + n % 2)} for n, each in enumerate(data)], "dimensions"),
            (lambda data, n: [{**each, "embedding": [0.5] * (2 + n % 2)} for each in data], "dimensions"),
        ],
        ids=["too few", "nan", "two dimensions in a response", "two dimensions in a run"],
    )
    def test_no_response_is_taken_for_more_than_it_is(
        self, hook_for: Make, tmp_path: Path, change: Callable[[Any, int], Any], sentence: str
    ) -> None:
        numbers = itertools.count()

        def changed(request: ServiceRequest) -> ServiceResponse:
            number = next(numbers)
            response = embedded(request)
            return ServiceResponse(200, {**response.body, "data": change(response.body["data"], number)})

        with running(changed) as service, pytest.raises(InvalidResponseError, match=sentence):
            hook_for(stored(service)).embed_rows(rows(200), tmp_path, "m", part_size=25)
        assert not (tmp_path / "_manifest.json").exists()

    def test_a_text_that_the_service_refuses_stops_the_run(self, hook_for: Make, tmp_path: Path) -> None:
        with (
            running(lambda _: ServiceResponse(400, {"error": {"message": "too long"}})) as service,
            pytest.raises(BadRequestError, match="too long"),
        ):
            hook_for(stored(service)).embed_rows(rows(10_000), tmp_path, "m", concurrency=2)
        assert len(service.requests) < 20


class TestOneWrongVector:
    """Row 16 of 60 has no usable vector, as of bge-m3 in half precision."""

    @staticmethod
    def without_16(value: Any) -> Callable[[ServiceRequest], ServiceResponse]:
        def respond(request: ServiceRequest) -> ServiceResponse:
            response = embedded(request)
            if "number 16" not in request.body["input"]:
                return response
            if value == 500:
                return ServiceResponse(500, {"error": {"message": "json: unsupported value: NaN"}})
            wrong = request.body["input"].index("number 16")
            data = [each for each in response.body["data"] if each["index"] != wrong]
            rest = [] if value == "absent" else [{"index": wrong, "embedding": value}]
            return ServiceResponse(200, {**response.body, "data": [*data, *rest]})

        return respond

    each_value = pytest.mark.parametrize(
        ("value", "words"),
        [
            ("absent", "the vector of row 16 is missing."),
            (None, "the vector of row 16 is missing."),
            ([None, None], "the vector of row 16 is not of finite numbers."),
            ([float("nan"), 0.5], "the vector of row 16 is not of finite numbers."),
            (500, "unsupported value: NaN"),
        ],
    )

    @each_value
    def test_skipped(self, hook_for: Make, tmp_path: Path, value: Any, words: str) -> None:
        with running(self.without_16(value)) as service:
            hook = hook_for(stored(service), max_retries=0)
            summary = hook.embed_rows(rows(60), tmp_path, "m", on_error="skip")
            assert [each["id"] for each in records(tmp_path) if each["embedding"] is None] == [16]
            assert words in records(tmp_path)[16]["error"]
            assert (summary["rows"], summary["failed"]) == (60, 1)
            # Of the 25 texts of a request that fails as a whole, each half is sent, down to one text.
            assert len(service.requests) == (3 if value != 500 else 3 + 2 * 5)
            summary = hook.embed_rows(rows(60), tmp_path, "m", on_error="skip")
            assert (summary["rows_reused"], asked_for(service)[-1]) == (59, "number 16")

    @each_value
    def test_failed(self, hook_for: Make, tmp_path: Path, value: Any, words: str) -> None:
        with running(self.without_16(value)) as service, pytest.raises(PartialFailureError) as raised:
            hook_for(stored(service), max_retries=0).embed_rows(rows(60), tmp_path, "m", on_error="fail")
        assert "1 of 60 rows failed; the first one, row 16: " in str(raised.value)
        assert words in str(raised.value)

    @each_value
    def test_raised(self, hook_for: Make, tmp_path: Path, value: Any, words: str) -> None:
        with running(self.without_16(value)) as service:
            hook = hook_for(stored(service), max_retries=0)
            with pytest.raises(AIEndpointsError, match=words.replace(".", r"\.")):
                hook.embed_rows(rows(60), tmp_path, "m", part_size=25, concurrency=1)
            service.answer = embedded
            summary = hook.embed_rows(rows(60), tmp_path, "m", part_size=25, concurrency=1)
        # A further request was under way.
        assert summary["rows_reused"] % 25 == (24 if value != 500 else 0), "what was paid for is kept"

    @each_value
    def test_of_texts(self, hook_for: Make, value: Any, words: str) -> None:
        with running(self.without_16(value)) as service, pytest.raises(AIEndpointsError) as raised:
            hook_for(stored(service), max_retries=0).create_embedding("m", [row["text"] for row in rows(60)[10:]])
        assert words.replace("row 16", "input[6]") in str(raised.value)

    def test_other_failures_of_a_service_are_not_split(self, hook_for: Make, tmp_path: Path) -> None:
        with running(lambda _: ServiceResponse(500, {"message": "out of memory"})) as service:
            hook = hook_for(stored(service), max_retries=0)
            hook.embed_rows(rows(20), tmp_path, "m", on_error="skip")
        assert len(service.requests) == 1


class TestLongTexts:
    """The sandbox's BGE-M3 takes 8,192 tokens; a word of five letters is one there, and up to three in any model."""

    LONG_TEXT = "words " * 8_200

    def test_long_texts_are_unchanged_by_default(self, hook_for: Make, sandbox: Sandbox) -> None:
        with pytest.raises(BadRequestError, match="more than the context of 8192"):
            hook_for(stored(sandbox)).create_embedding("bge-m3", ["short", self.LONG_TEXT])

    def test_an_error_before_anything_is_sent(self, hook_for: Make, sandbox: Sandbox, tmp_path: Path) -> None:
        hook = hook_for(stored(sandbox))
        sentence = r"has up to 22,962 tokens, and the model takes 8,192: nothing of it was sent. .* set on_long_text to"
        with pytest.raises(InvalidInputError, match=rf"input\[1\] {sentence}"):
            hook.create_embedding("bge-m3", ["short", self.LONG_TEXT], on_long_text="error")
        with pytest.raises(InvalidInputError, match=f"Row 1 {sentence}"):
            hook.embed_rows([{"text": "short"}, {"text": self.LONG_TEXT}], tmp_path, "bge-m3", on_long_text="error")
        assert {request.path for request in sandbox.requests} == {"/v1/models"}

    def test_truncated(self, hook_for: Make, sandbox: Sandbox, tmp_path: Path) -> None:
        hook = hook_for(stored(sandbox))
        called = hook.create_embedding("bge-m3", self.LONG_TEXT, on_long_text="truncate", max_text_tokens="100")
        assert 30 < called["usage"]["prompt_tokens"] <= 100
        data = [{"id": n, "text": self.LONG_TEXT if n == 3 else f"number {n}"} for n in range(30)]
        summary = hook.embed_rows(data, tmp_path, "bge-m3", on_long_text="truncate")
        embedded_rows = records(tmp_path)
        assert (summary["rows"], summary["truncated"]) == (30, 1)
        assert [record["id"] for record in embedded_rows] == list(range(30))
        assert self.LONG_TEXT.startswith(embedded_rows[3]["text"])
        assert 2_000 < len(embedded_rows[3]["text"].split()) < 8_192

    def test_split_into_rows_that_are_paid_for_once(self, hook_for: Make, service: Service, tmp_path: Path) -> None:
        data = [{"id": n, "text": f"number {n} " + "word " * (400 if n % 10 == 7 else 1)} for n in range(200)]
        options: dict[str, Any] = {"on_long_text": "split", "max_text_tokens": 256, "part_size": 25}

        hook = hook_for(stored(service))
        with pytest.raises(InterruptedError):
            hook.embed_rows(stopping(data, 150), tmp_path, "m", **options)
        summary = hook.embed_rows(data, tmp_path, "m", **options)
        embedded_rows = records(tmp_path)
        assert summary["split"] == 20
        assert summary["rows_reused"] >= 100
        assert "".join(record["text"] for record in embedded_rows if record["id"] == 17) == data[17]["text"]
        assert [record["chunk_index"] for record in embedded_rows if record["id"] == 17] == [0, 1, 2, 3]
        assert [record["chunk_index"] for record in embedded_rows if record["id"] == 18] == [0]

    def test_another_limit_makes_other_parts(self, hook_for: Make, service: Service, tmp_path: Path) -> None:
        hook, data = hook_for(stored(service)), [{"text": "number 1 " + "word " * 400}, *rows(50)]
        # One text is cut elsewhere.
        for limit, paid in ((256, 51), (512, 1)):
            service.requests.clear()
            summary = hook.embed_rows(data, tmp_path, "m", on_long_text="truncate", max_text_tokens=limit, part_size=10)
            assert (summary["truncated"], len(asked_for(service))) == (1, paid)

    @pytest.mark.parametrize(
        ("options", "sentence"),
        [
            ({"on_long_text": "shorten"}, "on_long_text must be 'error', 'truncate' or 'split', not 'shorten'"),
            ({"max_text_tokens": 512}, "max_text_tokens has no effect without on_long_text"),
            ({"on_long_text": "error", "max_text_tokens": "many"}, "max_text_tokens must be a"),
            ({"on_long_text": "error", "max_text_tokens": 3}, "max_text_tokens must be a number of at least 16"),
        ],
    )
    def test_nonsense_is_refused(
        self, hook_for: Make, sandbox: Sandbox, tmp_path: Path, options: Any, sentence: str
    ) -> None:
        hook = hook_for(stored(sandbox))
        with pytest.raises(ConfigurationError, match=sentence):
            hook.create_embedding("bge-m3", "a", **options)
        with pytest.raises(ConfigurationError, match=sentence):
            hook.embed_rows(rows(2), tmp_path, "bge-m3", **options)
        assert not sandbox.requests

    def test_several_vectors_of_one_text_need_a_folder(self, hook_for: Make, sandbox: Sandbox) -> None:
        with pytest.raises(ConfigurationError, match="several vectors of one text: give output_path"):
            hook_for(stored(sandbox)).create_embedding("bge-m3", self.LONG_TEXT, on_long_text="split")

    def test_a_column_of_that_name_is_refused(self, hook_for: Make, sandbox: Sandbox, tmp_path: Path) -> None:
        with pytest.raises(InvalidInputError, match="Row 0 has a column 'chunk_index' already"):
            hook_for(stored(sandbox)).embed_rows(
                [{"text": "a", "chunk_index": 7}], tmp_path, "bge-m3", on_long_text="split", max_text_tokens=100
            )


def test_against_the_sandbox_the_file_holds_what_a_call_gives(hook_for: Make, sandbox: Sandbox, tmp_path: Path) -> None:
    hook = hook_for(stored(sandbox))
    hook.embed_rows(rows(60), tmp_path, "bge-m3")
    called = hook.create_embedding("bge-m3", [row["text"] for row in rows(60)])
    assert [record["embedding"] for record in records(tmp_path)] == [
        pytest.approx(item["embedding"], abs=1e-9) for item in called["data"]
    ]


def test_object_storage_is_a_folder_like_any_other(hook_for: Make, service: Service) -> None:
    pytest.importorskip("s3fs", reason="s3fs is installed beside the newest Airflow alone")
    import upath
    from support import s3

    with s3.serving() as options:
        out = upath.UPath(f"s3://{s3.BUCKET}/vectors", **options)
        hook = hook_for(stored(service))
        hook.embed_rows(rows(100), out, "m", part_size=30)
        summary = hook.embed_rows(rows(130), out, "m", part_size=30)
        manifest = json.loads((out / "_manifest.json").read_text())
        embedded_rows = [
            json.loads(line) for part in manifest["parts"] for line in (out / part["name"]).read_text().splitlines()
        ]
    assert (summary["rows"], summary["rows_reused"], summary["path"]) == (130, 100, f"s3://{s3.BUCKET}/vectors")
    assert [record["embedding"][0] for record in embedded_rows] == list(range(130))
    assert len(asked_for(service)) == 130
