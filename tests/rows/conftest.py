from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import upath
from support import s3


@pytest.fixture
def file(tmp_path: Path) -> Callable[[str, bytes], Path]:
    def make(name: str, data: bytes) -> Path:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        return path

    return make


@pytest.fixture(scope="module")
def bucket() -> Iterator[Any]:
    with s3.serving() as options:
        yield upath.UPath(f"s3://{s3.BUCKET}", **options)


@pytest.fixture(params=["pathlib", "file", "s3"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """A folder that is not there yet."""
    if request.param == "s3":
        return request.getfixturevalue("bucket") / tmp_path.name / "out"
    return tmp_path / "deep" / "out" if request.param == "pathlib" else upath.UPath(f"file://{tmp_path}/out")
