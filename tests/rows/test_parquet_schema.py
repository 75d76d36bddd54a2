"""
The one schema of a Parquet folder, for every reader.
"""

from __future__ import annotations

import tempfile
from array import array
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.dataset
import pyarrow.parquet
import pytest
from apache_airflow_provider_ovhcloud_ai.rows.folder import Folder
from apache_airflow_provider_ovhcloud_ai.rows.part_names import split
from apache_airflow_provider_ovhcloud_ai.rows.reading import read_rows
from apache_airflow_provider_ovhcloud_ai.rows.results import read_results
from hypothesis import given
from hypothesis import strategies as st
from support.parquet_folders import (
    NOON,
    READERS,
    SOURCES,
    Reader,
    list_values,
    read_schema,
    read_types,
    read_with_duckdb,
    read_with_pandas,
    read_with_polars,
    read_with_pyarrow,
    write_folder,
    write_source,
)


@pytest.mark.parametrize("nulls", ["none", "first part", "all"])
@pytest.mark.parametrize("name", SOURCES)
def test_types_of_the_input_are_kept(tmp_path: Path, name: str, nulls: str) -> None:
    kind, values = SOURCES[name]
    if nulls != "none" and name == "vector":
        kind = pyarrow.list_(kind.value_type)  # before 26, pyarrow can't write a list of fixed size that is null
    values = {"none": values, "first part": [None, None, *values], "all": [None, None, None]}[nulls]
    source = write_source(tmp_path / "in" / "a.parquet", {"x": (kind, values)})
    rows = read_rows(source)
    out = write_folder(tmp_path / "out", rows, schema=rows.schema)
    (expected,) = pyarrow.parquet.read_table(source).columns
    table = pyarrow.dataset.dataset(out).to_table()
    plain = expected.type.value_type if name == "dictionary" else expected.type
    assert table.column("x").cast(plain).equals(expected.cast(plain))
    assert read_schema(out).field("x").type == rows.schema.field("x").type
    assert list_values(read_results(out)) == list_values(read_rows(source))


@pytest.mark.parametrize("name", SOURCES)
def test_a_column_of_some_input_files_is_null_elsewhere(tmp_path: Path, name: str) -> None:
    kind, values = SOURCES[name]
    write_source(tmp_path / "in" / "a.parquet", {"n": (pyarrow.int64(), [1, 2, 3])})
    write_source(tmp_path / "in" / "b.parquet", {"n": (pyarrow.int32(), [4, 5, 6]), "x": (kind, values)})
    rows = read_rows(tmp_path / "in")
    out = write_folder(tmp_path / "out", rows, schema=rows.schema)
    table = pyarrow.dataset.dataset(out).to_table()
    assert table.column("n").to_pylist() == [1, 2, 3, 4, 5, 6]
    assert table.column("x").slice(0, 3).null_count == 3
    expected = pyarrow.array(values, kind)
    assert table.column("x").slice(3).combine_chunks().cast(expected.type).equals(expected)
    assert list(read_types(out)) == ["n", "x", "answer", "error"]
    for reader in set(READERS) - ({read_with_pandas} if name == "time_ns" else set()):
        assert list_values(reader(out), "n") == [1, 2, 3, 4, 5, 6]


def test_only_parquet_files_have_a_schema(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"x": 1}\n')
    assert read_rows(tmp_path).schema is None
    write_source(tmp_path / "b.parquet", {"x": SOURCES["double"]})
    rows = read_rows(tmp_path)
    assert rows.schema.field("x").type == pyarrow.float64()
    assert read_types(write_folder(tmp_path / "out", rows, schema=rows.schema))["x"] == "double"


@pytest.mark.parametrize("value", [4, False, 2.5, "a", NOON, Decimal("1.5"), [1], {"a": 1}, b"a"], ids=repr)
@pytest.mark.parametrize("reader", READERS)
def test_a_column_that_appears_late_is_in_all_parts(tmp_path: Path, value: Any, reader: Reader) -> None:
    out = write_folder(tmp_path / "out", [{"id": 1}, {"id": 2}, {"id": 3, "x": value}])
    assert list(read_types(out)) == ["id", "x", "answer", "error"]
    rows = reader(out)
    assert [row["id"] for row in rows] == [1, 2, 3]
    assert list_values(rows) == [None, None, value]


def write_vectors(path: Path, vectors: list[list[float] | None]) -> Path:
    folder = Folder(path, "parquet", {"model": "m"}, vectors="embedding")
    folder.begin()
    for index, part in split([{"id": n} for n in range(len(vectors))], 2):
        name = folder.build_name(index, part)
        arrays = [array("f", vectors[row["id"]]) if vectors[row["id"]] else None for row in part]
        folder.write(name, [{**row, "embedding": vector} for row, vector in zip(part, arrays, strict=True)])
    folder.finish({})
    return path


@pytest.mark.parametrize(
    ("vectors", "kind"),
    [
        ([[0.5, 1.5]] * 5, "fixed_size_list<element: float>[2]"),
        ([[0.5, 1.5]] * 4 + [None], "list<element: float>"),
        ([None, None, [0.5, 1.5], [2.5, 0.0]], "list<element: float>"),
        ([[0.5, 1.5], [2.5, 0.0], None, [1.0, 2.0], [1.0, 2.0]], "list<element: float>"),
        ([None, None, None], "string"),
    ],
    ids=["all", "last failed", "first part failed", "one failed", "all failed"],
)
def test_vectors_have_one_type_in_all_parts(tmp_path: Path, vectors: list[Any], kind: str) -> None:
    out = write_vectors(tmp_path / "out", vectors)
    assert read_types(out)["embedding"] == kind
    assert [row["embedding"] for row in read_results(out)] == vectors
    for reader in READERS:
        assert list_values(reader(out), "embedding") == vectors


def test_parts_of_an_earlier_try_are_widened_too(tmp_path: Path) -> None:
    rows = [{"x": 1, "y": None}, {"x": 2, "y": None}, {"x": 2.5, "y": True}]
    first = Folder(tmp_path, "parquet", {"model": "m"})
    first.begin()
    name = first.build_name(0, rows[:2])
    first.write(name, [{**row, "answer": "earlier", "error": None, "extra": 4} for row in rows[:2]])
    inode = (tmp_path / name).stat().st_ino
    write_folder(tmp_path, rows)
    assert (tmp_path / name).stat().st_ino != inode
    assert read_types(tmp_path) == {"x": "double", "y": "bool", "answer": "string", "error": "string", "extra": "int64"}
    assert read_with_duckdb(tmp_path) == [
        {"x": 1.0, "y": None, "answer": "earlier", "error": None, "extra": 4},
        {"x": 2.0, "y": None, "answer": "earlier", "error": None, "extra": 4},
        {"x": 2.5, "y": True, "answer": "yes", "error": None, "extra": None},
    ]


def test_null_columns_of_an_earlier_release_take_the_type_of_the_folder(tmp_path: Path) -> None:
    rows = [{"n": None, "tags": [], "t": "a"}, {"n": 7, "tags": [1], "t": "b"}]
    folder = Folder(tmp_path, "parquet", {"model": "m"})
    folder.begin()
    name = folder.build_name(0, rows[:1])
    columns = {"n": (pyarrow.string(), [None]), "tags": (pyarrow.list_(pyarrow.null()), [[]])}
    texts = {name: (pyarrow.string(), [value]) for name, value in [("t", "a"), ("answer", "yes"), ("error", None)]}
    write_source(tmp_path / name, {**columns, **texts})
    write_folder(tmp_path, rows, part_size=1)
    assert read_types(tmp_path)["n"] == "int64"
    assert [row["n"] for row in read_with_polars(tmp_path)] == [None, 7]
    assert [row["tags"] for row in read_with_duckdb(tmp_path)] == [[], [1]]


def test_parts_of_one_schema_are_written_once(tmp_path: Path) -> None:
    folder = Folder(tmp_path, "parquet", {"model": "m"})
    folder.begin()
    names = [folder.build_name(index, [{"id": index, "none": None, "tags": ["a"]}]) for index in range(3)]
    for index, name in enumerate(names):
        folder.write(name, [{"id": index, "none": None, "tags": ["a"], "answer": "yes", "error": None}])
    before = [(tmp_path / name).stat().st_ino for name in names]
    folder.finish({})
    assert [(tmp_path / name).stat().st_ino for name in names] == before
    again = Folder(tmp_path, "parquet", {"model": "m"})
    again.begin()
    assert [again.build_name(index, [{"id": index, "none": None, "tags": ["a"]}]) for index in range(3)] == names
    again.finish({})
    assert [(tmp_path / name).stat().st_ino for name in names] == before


NUMBERS = st.none() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False)
DECIMALS = (
    st.none() | st.integers(-(2**63), 2**63 - 1) | st.decimals(-(10**9), 10**9, places=4) | st.just(Decimal("1.5"))
)
MIXED_ROWS = st.lists(
    st.fixed_dictionaries(
        {"id": st.integers(-9, 9)},
        optional={"n": NUMBERS, "d": DECIMALS, "list": st.none() | st.lists(NUMBERS, max_size=3)},
    ),
    min_size=1,
    max_size=9,
)


@given(rows=MIXED_ROWS, part_size=st.integers(1, 9))
@pytest.mark.slow
def test_any_numbers_in_any_parts_have_one_schema_and_come_back(rows: list[dict[str, Any]], part_size: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        out = write_folder(Path(folder), rows, part_size)
        types = read_types(out)
        for reader in (read_with_pyarrow, read_with_duckdb, lambda path: list(read_results(path))):
            records = reader(out)
            assert all(list(row) == list(types) for row in records)
            for name in types.keys() - {"answer", "error"}:
                assert [row[name] for row in records] == [row.get(name) for row in rows]
