"""
Values of Parquet columns, for every reader.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas
import pyarrow
import pyarrow.dataset
import pyarrow.parquet
import pytest
from apache_airflow_provider_ovhcloud_ai.errors import InvalidInputError
from apache_airflow_provider_ovhcloud_ai.rows import formats
from apache_airflow_provider_ovhcloud_ai.rows.parquet_schema import FolderSchema
from apache_airflow_provider_ovhcloud_ai.rows.reading import read_rows
from support.parquet_folders import (
    NANOSECONDS,
    NOON,
    READERS,
    SOURCES,
    Reader,
    list_values,
    read_with_pandas,
    write_folder,
    write_source,
)


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
