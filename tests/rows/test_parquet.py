"""
Parquet folders: one schema for all parts, and the values that went in, for every reader.
"""

from __future__ import annotations

import io
import tempfile
from array import array
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import numpy
import pandas
import polars
import pyarrow
import pyarrow.dataset
import pyarrow.parquet
import pytest
from apache_airflow_provider_ovhcloud_ai.errors import InvalidInputError
from apache_airflow_provider_ovhcloud_ai.rows import formats, parquet
from apache_airflow_provider_ovhcloud_ai.rows.folder import Folder
from apache_airflow_provider_ovhcloud_ai.rows.formats import SUFFIXES
from apache_airflow_provider_ovhcloud_ai.rows.parquet_schema import FolderSchema
from apache_airflow_provider_ovhcloud_ai.rows.part_names import split
from apache_airflow_provider_ovhcloud_ai.rows.reading import read_rows
from apache_airflow_provider_ovhcloud_ai.rows.results import read_results
from hypothesis import given
from hypothesis import strategies as st
from support.row_files import as_parquet

NOON = datetime(2026, 1, 2, 12, 30)
EAST = timezone(timedelta(hours=2))
PAIR = pyarrow.struct([("a", pyarrow.int64()), ("b", pyarrow.string())])
NANOSECONDS = [1_767_355_200_123_456_789, 0, -1]

#: A type of a Parquet file, and values of it.
SOURCES: dict[str, tuple[Any, list[Any]]] = {
    "int64": (pyarrow.int64(), [4, -(2**63), 2**63 - 1]),
    "int8": (pyarrow.int8(), [4, -128, 127]),
    "uint64": (pyarrow.uint64(), [4, 0, 2**64 - 1]),
    "bool": (pyarrow.bool_(), [False, True, False]),
    "double": (pyarrow.float64(), [1.5, -0.0, 1e300]),
    "float32": (pyarrow.float32(), [0.1, 1.5, -2.5]),
    "string": (pyarrow.string(), ["é", "", "4"]),
    "large_string": (pyarrow.large_string(), ["é", "", "4"]),
    "dictionary": (pyarrow.dictionary(pyarrow.int32(), pyarrow.string()), ["a", "b", "a"]),
    "binary": (pyarrow.binary(), [b"\0\xff", b"", b"a"]),
    "binary16": (pyarrow.binary(4), [b"\0\xff\0\0", b"abcd", b"efgh"]),
    "date": (pyarrow.date32(), [date(2026, 1, 2), date(1, 1, 1), date(9999, 12, 31)]),
    "time": (pyarrow.time64("us"), [time(1, 2, 3, 4), time(0), time(23)]),
    "time_ns": (pyarrow.time64("ns"), [123_456_789, 0, 86_399_999_999_999]),
    "timestamp_ms": (pyarrow.timestamp("ms"), [NOON, NOON, NOON]),
    "timestamp": (pyarrow.timestamp("us"), [NOON, datetime(1, 1, 1), datetime(9999, 12, 31)]),
    "timestamp_zone": (pyarrow.timestamp("us", "Europe/Paris"), [NOON.replace(tzinfo=UTC)] * 3),
    "timestamp_ns": (pyarrow.timestamp("ns"), NANOSECONDS),
    "timestamp_ns_zone": (pyarrow.timestamp("ns", "Europe/Paris"), NANOSECONDS),
    "duration": (pyarrow.duration("us"), [timedelta(1), timedelta(0), timedelta(microseconds=-1)]),
    "duration_ns": (pyarrow.duration("ns"), NANOSECONDS),
    "decimal": (pyarrow.decimal128(9, 3), [Decimal("9.900"), Decimal("-123456.789"), Decimal(0)]),
    "list": (pyarrow.list_(pyarrow.int16()), [[1, 2], [], [None]]),
    "large_list": (pyarrow.large_list(pyarrow.large_string()), [["a"], [], ["b", None]]),
    "list_ns": (pyarrow.list_(pyarrow.timestamp("ns")), [NANOSECONDS, [], [None]]),
    "vector": (pyarrow.list_(pyarrow.float32(), 2), [[0.1, 1.5], [2.5, 0.0], [1.0, 2.0]]),
    "struct": (PAIR, [{"a": 1, "b": "x"}, {"a": None, "b": ""}, {"a": 2, "b": None}]),
    "struct_ns": (pyarrow.struct([("at", pyarrow.timestamp("ns"))]), [{"at": 1}, {"at": None}, {"at": -1}]),
    "list_of_structs": (pyarrow.list_(PAIR), [[{"a": 1, "b": "x"}], [], [None]]),
    "map": (pyarrow.map_(pyarrow.string(), pyarrow.int32()), [[("x", 1), ("y", None)], [], [("z", 2)]]),
}


def read_with_pyarrow(folder: Path) -> list[Any]:
    return list(pyarrow.dataset.dataset(folder).to_table().to_pylist())


def read_with_pandas(folder: Path) -> list[Any]:
    return list(pandas.read_parquet(folder).to_dict("records"))


def read_with_duckdb(folder: Path) -> list[Any]:
    with duckdb.connect() as connection:
        table = connection.execute(f"SELECT * FROM read_parquet('{folder}/*.parquet')")
        names = [column[0] for column in table.description]
        return [dict(zip(names, row, strict=True)) for row in table.fetchall()]


def read_with_polars(folder: Path) -> list[Any]:
    return list(polars.scan_parquet(f"{folder}/*.parquet").collect().to_dicts())


READERS = [read_with_pyarrow, read_with_pandas, read_with_duckdb, read_with_polars]
Reader = Callable[[Path], list[Any]]


def write_folder(path: Path, rows: Iterable[dict[str, Any]], part_size: int = 2, **options: Any) -> Path:
    """Write rows as a run without failures does, with an answer to each."""
    folder = Folder(path, "parquet", {"model": "m"}, **options)
    folder.begin()
    for index, part in split(rows, part_size):
        name = folder.build_name(index, part)
        if not folder.has(name):
            folder.write(name, [{**row, "answer": "yes", "error": None} for row in part])
    folder.finish({})
    return path


def write_source(path: Path, columns: dict[str, tuple[Any, list[Any]]]) -> Path:
    path.parent.mkdir(exist_ok=True)
    table = pyarrow.table({name: pyarrow.array(values, kind) for name, (kind, values) in columns.items()})
    pyarrow.parquet.write_table(table, path)
    return path


def read_schema(folder: Path) -> pyarrow.Schema:
    """Read the schema of a folder, which is that of each part."""
    schemas = [pyarrow.parquet.read_schema(file) for file in sorted(folder.glob("*.parquet"))]
    assert all(schema.equals(schemas[0], check_metadata=True) for schema in schemas)
    return schemas[0]


def read_types(folder: Path) -> dict[str, str]:
    return {field.name: str(field.type) for field in read_schema(folder)}


def list_values(rows: Iterable[dict[str, Any]], name: str = "x") -> list[Any]:
    """List the values of a column. pandas has arrays for lists, and several forms of null."""
    return [to_plain(row[name]) for row in rows]


def to_plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: to_plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple | numpy.ndarray):
        return [to_plain(item) for item in value]
    return None if pandas.isna(value) else value


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


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", SOURCES)
def test_every_reader_reads_the_values_of_the_input(tmp_path: Path, name: str, reader: Reader) -> None:
    kind, values = SOURCES[name]
    nulls = [] if name == "vector" else [None, None]
    source = write_source(tmp_path / "in" / "a.parquet", {"x": (kind, [*nulls, *values])})
    rows = read_rows(source)
    out = write_folder(tmp_path / "out", rows, schema=rows.schema)
    if name == "time_ns" and reader is read_with_pandas:
        pytest.skip("pandas cannot read the input")
    assert list_values(reader(out)) == list_values(reader(source.parent))


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


def test_times_that_python_lacks_are_text_in_prompts(tmp_path: Path) -> None:
    columns = {name: SOURCES[name] for name in ("timestamp_ns", "timestamp_ns_zone", "time_ns", "list_ns", "struct_ns")}
    rows = list(read_rows(write_source(tmp_path / "a.parquet", columns)))
    assert rows[0] == {
        "timestamp_ns": "2026-01-02T12:00:00.123456789",
        "timestamp_ns_zone": "2026-01-02T13:00:00.123456789+01:00",
        "time_ns": "00:00:00.123456789",
        "list_ns": ["2026-01-02T12:00:00.123456789", "1970-01-01T00:00:00", "1969-12-31T23:59:59.999999999"],
        "struct_ns": {"at": "1970-01-01T00:00:00.000000001"},
    }
    assert rows[1]["timestamp_ns_zone"] == "1970-01-01T01:00:00+01:00"


def test_a_time_in_an_unknown_zone_is_read_in_utc(tmp_path: Path) -> None:
    source = write_source(tmp_path / "a.parquet", {"x": (pyarrow.timestamp("us", "Mars/Olympus"), [1_000_000])})
    rows = read_rows(source)
    out = write_folder(tmp_path / "out", rows, schema=rows.schema)
    assert pyarrow.parquet.read_table(out).column("x").equals(pyarrow.parquet.read_table(source).column("x"))
    assert list(read_rows(source)) == [{"x": "1970-01-01T00:00:01+00:00"}]


def test_a_date_out_of_range_names_the_file_and_the_column(tmp_path: Path) -> None:
    source = write_source(tmp_path / "a.parquet", {"x": (pyarrow.date32(), [4_000_000])})
    with pytest.raises(InvalidInputError, match=r"a\.parquet, column 'x': a date32.* after the year 9999"):
        list(read_rows(source))


def test_input_files_that_cannot_share_a_column_are_named(tmp_path: Path) -> None:
    write_source(tmp_path / "in" / "a.parquet", {"x": SOURCES["bool"]})
    write_source(tmp_path / "in" / "b.parquet", {"x": SOURCES["string"]})
    rows = read_rows(tmp_path / "in")
    with pytest.raises(InvalidInputError, match=r"b\.parquet has the type string in the column 'x'.* before it bool"):
        _ = rows.schema
    assert len(list(rows)) == 6


def test_only_parquet_files_have_a_schema(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"x": 1}\n')
    assert read_rows(tmp_path).schema is None
    write_source(tmp_path / "b.parquet", {"x": SOURCES["double"]})
    rows = read_rows(tmp_path)
    assert rows.schema.field("x").type == pyarrow.float64()
    assert read_types(write_folder(tmp_path / "out", rows, schema=rows.schema))["x"] == "double"


#: Values of one part, those of the next, and the type of the column.
WIDER: dict[str, tuple[list[Any], list[Any], str]] = {
    "int and float": ([1, 2], [2.5], "double"),
    "float and int": ([2.5], [1, 2], "double"),
    "null and int": ([None, None], [4], "int64"),
    "null and bool": ([None], [False], "bool"),
    "null and time": ([None], [NOON], "timestamp[us]"),
    "null and string": ([None], ["a"], "string"),
    "null alone": ([None], [None], "string"),
    "decimals": ([Decimal("9.90")], [Decimal("123.456")], "decimal128(6, 3)"),
    "int and decimal": ([7], [Decimal("1.5")], "decimal128(21, 1)"),
    "zones": ([NOON.replace(tzinfo=UTC)], [NOON.replace(tzinfo=EAST)], "timestamp[us, tz=UTC]"),
    "empty lists": ([[], None], [[1]], "list<element: int64>"),
    "lists of null": ([[None]], [["a"]], "list<element: string>"),
    "lists of null alone": ([[None]], [[]], "list<element: string>"),
    "lists": ([[1]], [[2.5]], "list<element: double>"),
    "structs": (
        [{"a": 1, "b": None}],
        [{"a": 1.5, "c": ["x"]}],
        "struct<a: double, b: string, c: list<element: string>>",
    ),
    "lists of structs": ([[{"a": None}]], [[{"b": 1}]], "list<element: struct<a: string, b: int64>>"),
}


def fill_structs(value: Any, wider: Any) -> Any:
    """Add the fields of the other struct, which are null."""
    if isinstance(value, list):
        return [fill_structs(item, wider[0] if wider else None) for item in value]
    return {**dict.fromkeys([*value, *wider]), **value} if isinstance(value, dict) else value


@pytest.mark.parametrize("order", [1, -1], ids=["wider later", "wider first"])
@pytest.mark.parametrize("name", WIDER)
def test_a_column_is_widened_from_part_to_part(tmp_path: Path, name: str, order: int) -> None:
    first, second, kind = WIDER[name]
    parts = [first, second][::order]
    out = tmp_path / "out"
    rows = [{"id": 1, "x": value} for value in parts[0]] + [{"id": 2}] + [{"id": 3, "x": value} for value in parts[1]]
    write_folder(out, rows, part_size=len(parts[0]))
    if not name.startswith(("structs", "zones", "lists of structs")):
        assert read_types(out)["x"] == kind
    expected = [*parts[0], None, *parts[1]]
    others = {**dict.fromkeys(range(len(parts[0])), parts[1][0])}
    filled = [fill_structs(value, others.get(at, parts[0][0])) for at, value in enumerate(expected)]
    for reader in (*READERS, read_results):
        assert list_values(reader(out)) == filled


@pytest.mark.parametrize("value", [4, False, 2.5, "a", NOON, Decimal("1.5"), [1], {"a": 1}, b"a"], ids=repr)
@pytest.mark.parametrize("reader", READERS)
def test_a_column_that_appears_late_is_in_all_parts(tmp_path: Path, value: Any, reader: Reader) -> None:
    out = write_folder(tmp_path / "out", [{"id": 1}, {"id": 2}, {"id": 3, "x": value}])
    assert list(read_types(out)) == ["id", "x", "answer", "error"]
    rows = reader(out)
    assert [row["id"] for row in rows] == [1, 2, 3]
    assert list_values(rows) == [None, None, value]


CONFLICTS = [
    (1, "secret"),
    (True, 1),
    (1.5, Decimal("1.5")),
    (date(2026, 1, 2), NOON),
    (NOON, NOON.replace(tzinfo=UTC)),
    ("secret", b"secret"),
    (2**53 + 1, 0.5),
    ([2**53 + 1], [0.5]),
    ([1], ["secret"]),
    ([1], 1),
    ({"a": 1}, {"a": "secret"}),
    (Decimal("1" * 30), Decimal("0." + "1" * 30)),
]


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("part_size", [1, 2])
@pytest.mark.parametrize("values", CONFLICTS, ids=repr)
def test_values_that_cannot_share_a_column_are_known_before(
    tmp_path: Path, values: Sequence[Any], part_size: int, order: int
) -> None:
    with pytest.raises(InvalidInputError, match=r"column 'x' holds .*[uU]se jsonl") as caught:
        write_folder(tmp_path, [{"x": value} for value in values[::order]], part_size)
    assert "secret" not in str(caught.value)
    assert caught.value.__context__ is None
    assert len(list(tmp_path.iterdir())) == 2 - part_size


@pytest.mark.parametrize("value", [{}, [{}], {"a": {}}, 2**63, Decimal("1" * 39)], ids=repr)
def test_a_value_that_parquet_lacks_is_known_before(tmp_path: Path, value: Any) -> None:
    with pytest.raises(InvalidInputError, match=r"column 'x' holds .*use jsonl"):
        write_folder(tmp_path, [{"x": value}])
    assert list(tmp_path.iterdir()) == []


def test_nanoseconds_of_pandas_are_kept(tmp_path: Path) -> None:
    values = [pandas.Timestamp(NANOSECONDS[0]), pandas.Timestamp(NANOSECONDS[0], tz="UTC")]
    schema = FolderSchema()
    table = schema.build([{"x": values[0], "y": values[1]}, {"x": NOON, "y": None}])
    assert table.schema.types == [pyarrow.timestamp("ns"), pyarrow.timestamp("ns", "UTC")]
    assert table.column("x").cast(pyarrow.int64())[0].as_py() == NANOSECONDS[0]
    assert table.column("y").cast(pyarrow.int64())[0].as_py() == NANOSECONDS[0]


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
def test_any_numbers_in_any_parts_have_one_schema_and_come_back(rows: list[dict[str, Any]], part_size: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        out = write_folder(Path(folder), rows, part_size)
        types = read_types(out)
        for reader in (read_with_pyarrow, read_with_duckdb, lambda path: list(read_results(path))):
            records = reader(out)
            assert all(list(row) == list(types) for row in records)
            for name in types.keys() - {"answer", "error"}:
                assert [row[name] for row in records] == [row.get(name) for row in rows]


@pytest.mark.parametrize("share", [0, 0.5, 0.99])
@pytest.mark.parametrize(("kind", "suffix"), [(kind, suffix) for kind in SUFFIXES for suffix in SUFFIXES[kind]])
def test_a_damaged_part_is_named(tmp_path: Path, kind: str, suffix: str, share: float) -> None:
    rows = [{"id": n, "text": "secret"} for n in range(9)]
    folder = Folder(tmp_path, kind, {"model": "m"}, vectors="embedding")
    folder.begin()
    name = folder.build_name(0, rows)
    folder.write(name, [{**row, "embedding": array("f", [0.5, 1.5])} for row in rows])
    folder.finish({})
    file = (tmp_path / name).with_suffix(f".{suffix}")
    file.write_bytes(file.read_bytes()[: int(file.stat().st_size * share)])
    for read in (lambda: folder.read(name), lambda: list(read_results(tmp_path))):
        with pytest.raises(InvalidInputError) as caught:
            read()
        assert file.name in str(caught.value)
        assert "secret" not in str(caught.value)
        assert caught.value.__context__ is None


def test_a_part_with_a_line_too_few_is_damaged(tmp_path: Path) -> None:
    folder = Folder(tmp_path, "jsonl", {"model": "m"})
    folder.begin()
    name = folder.build_name(0, [{"id": 1}, {"id": 2}])
    folder.write(name, [{"id": 1}, {"id": 2}])
    (tmp_path / name).write_bytes(b'{"id": 1}\n')
    with pytest.raises(InvalidInputError, match=f"{name} is damaged, or cut short"):
        folder.read(name)


def test_a_damaged_part_of_an_earlier_try_is_named_before_the_manifest(tmp_path: Path) -> None:
    folder = Folder(tmp_path, "parquet", {"model": "m"})
    folder.begin()
    name = folder.build_name(0, [{"id": 1}])
    (tmp_path / name).write_bytes(io.BytesIO(b"PAR1").getvalue() * 9)
    with pytest.raises(InvalidInputError, match=f"{name} is not a Parquet file, or is damaged"):
        write_folder(tmp_path, [{"id": 1}])
    assert [path.name for path in tmp_path.iterdir()] == [name]


SECRET = "what-nobody-may-see"


def test_pyarrow_reads_vectors_as_floats_of_fixed_number() -> None:
    records = [{"id": n, "v": array("f", [n, 0.5])} for n in range(3)]
    data = formats.encode("parquet", records, "v")["parquet"]
    table = pyarrow.parquet.read_table(io.BytesIO(data))
    assert table.schema.field("v").type == pyarrow.list_(pyarrow.float32(), 2)
    assert table.to_pylist() == [{"id": n, "v": [float(n), 0.5]} for n in range(3)]


def test_parts_with_a_column_without_values_are_one_table(tmp_path: Any) -> None:
    for number, value in enumerate([None, 7, None]):
        data = formats.encode("parquet", [{"id": number, "n": value}], None)["parquet"]
        (tmp_path / f"part-{number}.parquet").write_bytes(data)
    assert pyarrow.parquet.read_table(tmp_path).to_pylist() == [
        {"id": 0, "n": None},
        {"id": 1, "n": "7"},
        {"id": 2, "n": None},
    ]


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([{"a": 1}, {"a": "secret"}], "The column 'a' holds values that do not fit"),
        ([{"b": 1, "a": 2**63}], "The column 'a' holds values that do not fit"),
        ([{"a": ["secret", 1]}], "The column 'a' holds values that do not fit"),
        ([{"a": {}}], "a value that Parquet has no form for"),
    ],
)
def test_rows_that_do_not_fit_into_parquet_are_known_before(rows: list[dict[str, Any]], says: str) -> None:
    with pytest.raises(InvalidInputError, match=says) as caught:
        formats.check_rows("parquet", rows)
    assert "secret" not in str(caught.value)
    assert caught.value.__context__ is None
    formats.check_rows("jsonl", rows)


def test_parquet_keeps_its_types_and_is_read_in_pieces(file: Callable[..., Path]) -> None:
    rows = [{"n": n, "at": datetime(2026, 1, 2, 3), "raw": b"\0", "tags": ["a"], "none": None} for n in range(2_500)]
    assert list(read_rows(file("a.parquet", as_parquet(rows, row_group_size=1_700)))) == rows


def test_parquet_with_a_page_that_is_damaged(file: Callable[..., Path]) -> None:
    data = bytearray(as_parquet([{"text": f"{SECRET} {n}"} for n in range(5_000)], compression="zstd"))
    data[2_000:2_400] = b"\xff" * 400
    with pytest.raises(InvalidInputError, match=r"a\.parquet is .*damaged") as caught:
        list(read_rows(file("a.parquet", bytes(data))))
    assert SECRET not in str(caught.value)


def test_parquet_with_two_columns_of_one_name(file: Callable[..., Path], tmp_path: Path) -> None:
    table = pyarrow.table([pyarrow.array([1]), pyarrow.array([2])], names=["a", "a"])
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(InvalidInputError, match="two columns of one name"):
        list(read_rows(tmp_path / "a.parquet"))


def test_some_rows_may_have_no_vector() -> None:
    records = [{"id": 1, "v": None}, {"id": 2, "v": array("f", [0.5, 1.5])}]
    assert parquet.decode(parquet.encode(records, "v"), "v") == records
    assert parquet.decode(parquet.encode(records[:1], "v"), "v") == records[:1]


def test_a_storage_that_fails_is_no_damage() -> None:
    class Failing(io.BytesIO):
        def read(self, *_: Any) -> bytes:
            raise TimeoutError("the storage is slow today")

    with pytest.raises(TimeoutError):
        list(parquet.rows(Failing(as_parquet([{"a": 1}])), "a.parquet"))
