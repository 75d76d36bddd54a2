"""
What is special about object storage: no folders, lists that a process keeps, one PUT a part, and Airflow's own paths.
"""

from __future__ import annotations

import gzip
import io
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from apache_airflow_provider_ovhcloud_ai.errors import ConfigurationError, InvalidInputError
from apache_airflow_provider_ovhcloud_ai.rows import part_names
from apache_airflow_provider_ovhcloud_ai.rows.folder import MANIFEST, Folder
from apache_airflow_provider_ovhcloud_ai.rows.reading import read_rows
from fsspec.implementations.memory import MemoryFileSystem
from support import s3

try:
    from airflow.sdk import ObjectStoragePath
    from airflow.sdk.io import attach
except ImportError:  # 2.11
    from airflow.io.path import ObjectStoragePath
    from airflow.io.store import attach

ROWS = [{"id": n, "text": f"text {n}"} for n in range(25)]


def classify(path: Any, kind: str = "jsonl") -> tuple[list[int], dict[str, Any]]:
    folder = Folder(path, kind, {"model": "m"})
    folder.begin()
    paid = []
    for index, part in part_names.split(ROWS, 10):
        name = folder.build_name(index, part)
        if not folder.has(name):
            paid.append(index)
            folder.write(name, [{**row, "answer": "yes"} for row in part])
    return paid, folder.finish({})


@pytest.fixture(scope="module")
def options() -> Iterator[dict[str, Any]]:
    with s3.serving() as storage:
        yield storage


@pytest.fixture
def storage(options: dict[str, Any]) -> Any:
    """A client that nothing else has cached for."""
    from s3fs import S3FileSystem

    return S3FileSystem(**options, skip_instance_cache=True)


@pytest.fixture
def path(storage: Any, tmp_path: Path) -> Any:
    """As Airflow's Amazon provider would make it from a connection."""
    conn_id = tmp_path.name.replace("_", "-")
    attach("s3", conn_id, fs=storage)
    return ObjectStoragePath(f"s3://{s3.BUCKET}/{tmp_path.name}", conn_id=conn_id)


@pytest.mark.airflow
@pytest.mark.parametrize("where", ["file", "memory"])
def test_airflows_own_paths(tmp_path: Path, where: str) -> None:
    if where == "memory":
        attach("memory", "ours", fs=MemoryFileSystem())
        path = ObjectStoragePath(f"memory://ours@bucket/{tmp_path.name}")
    else:
        path = ObjectStoragePath(f"file://{tmp_path}/out")
    assert classify(path)[0] == [0, 1, 2]
    assert classify(path)[0] == []
    assert [row["id"] for row in read_rows(path)] == list(range(25))
    assert classify(path, "parquet")[0] == [0, 1, 2]
    assert [row["id"] for row in read_rows(path)] == list(range(25))
    assert sorted(each.name for each in path.iterdir())[0] == MANIFEST


def test_airflows_path_to_s3(path: Any) -> None:
    assert type(path) is ObjectStoragePath
    paid, summary = classify(path)
    assert (paid, summary["path"]) == ([0, 1, 2], str(path))
    assert summary["path"].startswith("s3://")
    assert classify(ObjectStoragePath(summary["path"]))[0] == []
    assert [row["id"] for row in read_rows(ObjectStoragePath(summary["path"]))] == list(range(25))


def test_a_folder_marker_is_not_a_part(path: Any, storage: Any) -> None:
    storage.call_s3("put_object", Bucket=s3.BUCKET, Key=f"{path.name}/", Body=b"")
    assert classify(path)[0] == [0, 1, 2]
    assert len(list(read_rows(path))) == 25
    storage.call_s3("put_object", Bucket=s3.BUCKET, Key=f"{path.name}-empty/", Body=b"")
    assert list(read_rows(path.parent / f"{path.name}-empty")) == []


def test_what_another_process_writes_is_seen(path: Any, storage: Any, options: dict[str, Any]) -> None:
    from s3fs import S3FileSystem

    other = S3FileSystem(**options, skip_instance_cache=True)
    assert classify(path)[0] == [0, 1, 2]
    victim = min(name for name in other.ls(path.path) if "part-" in name)
    storage.ls(path.path)  # which it remembers
    other.rm_file(victim)
    assert classify(path)[0] == [0]
    storage.ls(path.path)
    other.pipe_file(f"{path.path}/more.txt", b"x")
    with pytest.raises(ConfigurationError, match=r"more\.txt"):
        classify(path)


def test_a_part_is_one_put_and_listing_is_one_request(path: Any, storage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    methods: list[str] = []
    call = storage._call_s3

    async def counted(method: str, *args: Any, **kwargs: Any) -> Any:
        methods.append(method)
        return await call(method, *args, **kwargs)

    monkeypatch.setattr(storage, "_call_s3", counted)
    classify(path)
    assert [method for method in methods if method == "put_object"] == ["put_object"] * 4
    methods.clear()
    classify(path)
    assert "put_object" not in methods
    assert len(methods) <= 4  # whatever the number of parts


def test_no_bucket_is_made(path: Any, storage: Any) -> None:
    nowhere = ObjectStoragePath("s3://no-such-bucket/out", conn_id=path.conn_id)
    with pytest.raises(FileNotFoundError):
        classify(nowhere)
    assert storage.ls("") == [s3.BUCKET]


def test_a_compressed_text_is_streamed(path: Any, storage: Any) -> None:
    storage.pipe_file(f"{path.path}/a.txt.gz", gzip.compress(b"one\n" * 100_000))
    assert sum(1 for _ in read_rows(path / "a.txt.gz")) == 100_000
    assert next(read_rows(path)) == {"text": "one"}


def test_parquet_is_read_once_and_in_pieces(path: Any, storage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    columns = {name: [random.randbytes(1_500) for _ in range(4_000)] for name in ("one", "two", "three")}
    file = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns), file, compression="none", use_dictionary=False)
    storage.pipe_file(f"{path.path}/a.parquet", file.getvalue())
    ranges: list[int] = []
    call = storage._call_s3

    async def noted(method: str, *args: Any, **kwargs: Any) -> Any:
        if method == "get_object":
            first, last = kwargs["Range"].removeprefix("bytes=").split("-")
            ranges.append(1 + int(last) - int(first))
        return await call(method, *args, **kwargs)

    monkeypatch.setattr(storage, "_call_s3", noted)
    assert [row["two"] for row in read_rows(path)] == columns["two"]
    assert sum(ranges) < 1.1 * len(file.getvalue())
    assert max(ranges) < 3_000_000


def test_errors_name_the_object(path: Any, storage: Any) -> None:
    storage.pipe_file(f"{path.path}/a.jsonl", b"{}\n[")
    with pytest.raises(InvalidInputError, match=r"s3://.*/a\.jsonl, line 2: not JSON"):
        list(read_rows(path / "a.jsonl"))
    with pytest.raises(ConfigurationError, match=r"There is no file or folder s3://.*/b\.jsonl"):
        read_rows(path / "b.jsonl")
