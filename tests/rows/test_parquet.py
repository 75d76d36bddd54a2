"""
Parquet files: vectors, rows, and files that are damaged.
"""

from __future__ import annotations

import io
from array import array
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.dataset
import pyarrow.parquet
import pytest
from apache_airflow_provider_ovhcloud_ai.errors import InvalidInputError
from apache_airflow_provider_ovhcloud_ai.rows import formats, parquet
from apache_airflow_provider_ovhcloud_ai.rows.folder import Folder
from apache_airflow_provider_ovhcloud_ai.rows.formats import SUFFIXES
from apache_airflow_provider_ovhcloud_ai.rows.reading import read_rows
from apache_airflow_provider_ovhcloud_ai.rows.results import read_results
from support.parquet_folders import write_folder
from support.row_files import as_parquet


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
