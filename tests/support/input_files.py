"""
Files that tests name as inputs: an image, a storage that gives little at a time, and which files Python opens.
"""

from __future__ import annotations

import base64
import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fsspec.implementations.memory import MemoryFileSystem

try:
    from airflow.sdk import ObjectStoragePath as ObjectStoragePath
    from airflow.sdk.io import attach as attach
except ImportError:  # 2.11
    from airflow.io.path import ObjectStoragePath as ObjectStoragePath
    from airflow.io.store import attach as attach

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
)

_paths: list[str] | None = None


def _record_open(event: str, args: tuple[Any, ...]) -> None:
    if event == "open" and _paths is not None:
        _paths.append(str(args[0]))


# Python calls this for each file that is opened, in any way. A hook can't be removed again.
sys.addaudithook(_record_open)


@contextmanager
def what_is_opened() -> Iterator[list[str]]:
    global _paths  # noqa: PLW0603  (an audit hook stays for good)
    _paths = paths = []
    try:
        yield paths
    finally:
        _paths = None


def files(parts: list[dict[str, Any]]) -> list[bytes]:
    assert all(part["type"] == "image_url" for part in parts)
    return [base64.b64decode(part["image_url"]["url"].partition(",")[2]) for part in parts]


class Pipe(MemoryFileSystem):
    """
    A storage that does not know how long its files are, gives little at a time, and counts.
    """

    cachable = False
    size: int | None = 10
    endless = b""
    bytes_read = 0

    def info(self, path: str, **kwargs: Any) -> dict[str, Any]:
        return super().info(path, **kwargs) | {"size": self.size}

    def _open(self, path: str, *args: Any, **kwargs: Any) -> Any:
        stored, storage = super()._open(path, *args, **kwargs), self

        class Slow(io.RawIOBase):
            def readable(self) -> bool:
                return True

            def read(self, size: int = -1) -> bytes:
                assert size > 0
                piece = storage.endless[:size] or stored.read(min(size, 7))
                storage.bytes_read += len(piece)
                return piece

        return Slow()
