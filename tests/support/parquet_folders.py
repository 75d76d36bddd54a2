"""
Parquet folders that tests write, and programs that read them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time, timedelta
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
from apache_airflow_provider_ovhcloud_ai.rows.folder import Folder
from apache_airflow_provider_ovhcloud_ai.rows.part_names import split

NOON = datetime(2026, 1, 2, 12, 30)
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
