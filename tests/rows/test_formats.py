"""
Each format gives back what was written, byte for byte where readers that nobody here wrote look.
"""

from __future__ import annotations

import io
import json
import sys
from array import array
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import numpy
import pytest
from apache_airflow_provider_ovhcloud_ai.errors import ConfigurationError, InvalidResponseError
from apache_airflow_provider_ovhcloud_ai.rows import formats
from hypothesis import given
from hypothesis import strategies as st

KINDS = list(formats.SUFFIXES)
FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)
WORDS = st.text(st.characters(exclude_categories=["Cs"]))
#: Columns of one type each, as Parquet has them; None is a value of every type.
COLUMNS = {
    "id": st.none() | st.integers(-(2**63), 2**63 - 1),
    "text": WORDS,
    "score": st.none() | st.floats(allow_nan=False, allow_infinity=False),
    "known": st.none() | st.booleans(),
    "tags": st.none() | st.lists(WORDS),
    "none": st.none(),
    "déjà \"vu'": st.none() | WORDS,
}


def vectors(size: int) -> Any:
    return st.lists(FLOATS, min_size=size, max_size=size).map(lambda numbers: array("f", numbers))


RECORDS = st.integers(1, 9).flatmap(
    lambda size: st.lists(st.fixed_dictionaries({**COLUMNS, "vector": vectors(size)}), min_size=1, max_size=9)
)


def same(one: list[dict[str, Any]], other: list[dict[str, Any]]) -> bool:
    """Equal, and told apart where only ``repr`` does: -0.0, vectors from lists."""
    return [{name: repr(row[name]) for name in sorted(row)} for row in one] == [
        {name: repr(row[name]) for name in sorted(row)} for row in other
    ]


@pytest.mark.parametrize("kind", KINDS)
@given(records=RECORDS)
def test_records_come_back(kind: str, records: list[dict[str, Any]]) -> None:
    files = formats.encode(kind, records, "vector")
    assert tuple(files) == formats.SUFFIXES[kind]
    assert same(formats.decode(kind, files, "vector"), records)


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
@given(records=st.lists(st.fixed_dictionaries(COLUMNS), min_size=1, max_size=9), field=st.sampled_from([None, "v"]))
def test_records_without_vectors_come_back(kind: str, records: list[dict[str, Any]], field: str | None) -> None:
    assert same(formats.decode(kind, formats.encode(kind, records, field), field), records)


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_a_row_that_failed_has_no_vector(kind: str) -> None:
    records = [
        {"id": 1, "vector": array("f", [1.5, 2.5]), "error": None},
        {"id": 2, "vector": None, "error": "too long"},
        {"id": 3, "vector": array("f", [3.5, -0.0]), "error": None},
    ]
    assert same(formats.decode(kind, formats.encode(kind, records, "vector"), "vector"), records)
    failed = records[1:2]
    assert same(formats.decode(kind, formats.encode(kind, failed, "vector"), "vector"), failed)


@given(vectors(5))
def test_lines_of_json_are_short_and_read_back_to_the_same_floats(vector: Any) -> None:
    (line,) = formats.encode("jsonl", [{"a": "é", "v": vector}], "v")["jsonl"].decode().splitlines()
    row = json.loads(line)
    assert (row["a"], array("f", row["v"])) == ("é", vector)
    assert len(line) <= len('{"a":"é","v":[]}') + 16 * len(vector)


def test_lines_of_json_with_a_vector_alone() -> None:
    assert formats.encode("jsonl", [{'v"': array("f", [1, 0.1])}], 'v"') == {"jsonl": b'{"v\\"":[1,0.100000001]}\n'}


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_lines_of_json_hold_no_number_that_is_not_finite(number: float) -> None:
    with pytest.raises(InvalidResponseError, match="not finite"):
        formats.encode("jsonl", [{"v": array("f", [1.0, number])}], "v")


@pytest.mark.parametrize(("count", "size"), [(1, 1), (3, 7), (1_000, 4)])
def test_numpy_reads_the_matrix(count: int, size: int) -> None:
    records = [{"id": n, "v": array("f", [n + k / 8 for k in range(size)])} for n in range(count)]
    files = formats.encode("npy", records, "v")
    matrix = numpy.load(io.BytesIO(files["npy"]), allow_pickle=False)
    assert (matrix.dtype, matrix.shape) == (numpy.dtype("<f4"), (count, size))
    assert matrix.tolist() == [list(record["v"]) for record in records]
    expected = io.BytesIO()
    numpy.save(expected, matrix)
    assert expected.getvalue() == files["npy"]
    assert [json.loads(line) for line in files["jsonl"].splitlines()] == [{"id": n} for n in range(count)]


def test_parquet_keeps_types_that_json_lacks() -> None:
    row = {"at": datetime(2026, 1, 2, tzinfo=UTC), "day": date(2026, 1, 2), "n": Decimal("1.10"), "raw": b"\0"}
    assert formats.decode("parquet", formats.encode("parquet", [row], None), None) == [row]
    assert formats.decode("jsonl", formats.encode("jsonl", [row], None), None) == [
        {"at": "2026-01-02T00:00:00+00:00", "day": "2026-01-02", "n": "1.10", "raw": "AA=="}
    ]


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_half_a_character_in_an_answer_is_not_worth_the_whole_part(kind: str) -> None:
    records = [{"answer": "a\ud83d"}, {"answer": "é"}]
    decoded = formats.decode(kind, formats.encode(kind, records, None), None)
    assert decoded == [{"answer": "a\ufffd"}, {"answer": "é"}]


@pytest.mark.parametrize("kind", KINDS)
def test_vectors_of_different_dimensions_are_not_of_one_model(kind: str) -> None:
    with pytest.raises(InvalidResponseError, match="different dimensions: 2, 3"):
        formats.encode(kind, [{"v": array("f", range(n))} for n in (3, 2, 3)], "v")


def test_npy_has_no_place_for_a_row_that_failed() -> None:
    with pytest.raises(ConfigurationError, match="no place for a row without a vector"):
        formats.encode("npy", [{"v": array("f", [1])}, {"error": "no"}], "v")


@pytest.mark.parametrize(
    ("kind", "field", "says"),
    [("csv", "v", "one of jsonl, parquet, npy"), ([], "v", "one of jsonl"), ("npy", None, "for vectors alone")],
)
def test_formats_are_checked_before(kind: Any, field: str | None, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        formats.check(kind, field)


def test_only_parquet_needs_pyarrow_and_nothing_needs_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "numpy", None)
    with pytest.raises(ConfigurationError, match=r'pip install "airflow-provider-ovhcloud-ai\[parquet\]"'):
        formats.check("parquet", None)
    records = [{"id": 1, "v": array("f", [1.5])}]
    for kind in ("jsonl", "npy"):
        formats.check(kind, "v")
        assert formats.decode(kind, formats.encode(kind, records, "v"), "v") == records
