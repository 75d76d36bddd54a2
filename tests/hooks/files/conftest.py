from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import s3
from support.input_files import PNG, ObjectStoragePath, Pipe, attach


@pytest.fixture
def png(tmp_path: Path) -> Path:
    file = tmp_path / "a picture.png"
    file.write_bytes(PNG)
    return file


@pytest.fixture
def pipe(tmp_path: Path) -> Pipe:
    storage = Pipe()
    attach("memory", tmp_path.name, fs=storage)
    storage.pipe_file(f"/{tmp_path.name}.png", PNG)
    return storage


@pytest.fixture
def piped(tmp_path: Path) -> Any:
    return ObjectStoragePath(f"memory://{tmp_path.name}.png", conn_id=tmp_path.name)


@pytest.fixture
def conn_id(tmp_path: Path) -> str:
    """One of its own for each test: Airflow remembers the storage behind a connection."""
    return tmp_path.name.replace("_", "-")


@pytest.fixture
def bucket() -> Iterator[Any]:
    if importlib.util.find_spec("s3fs") is None:
        pytest.skip("s3fs is installed beside the newest Airflow alone")
    from s3fs import S3FileSystem

    with s3.serving() as options:
        yield S3FileSystem(**options, skip_instance_cache=True)
