"""
Image files as parts of a message. Only files that an author names as such are read, never one that a message names.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from .. import defaults
from ..client import images
from ..client.redact import excerpt
from ..client.values import quote, text
from ..errors import ConfigurationError
from ..rows.storage import place
from .paths import path_of

#: What a file system says of a name that leads nowhere; object storage says ``FileNotFoundError`` alone.
_NOWHERE = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG}

#: Characters of a path that an error shows.
_SHOWN = 300


def read_images(paths: Any) -> list[dict[str, Any]]:
    """
    Read image files.

    :param paths: a path or a list of paths: text, ``pathlib.Path`` or Airflow's ``ObjectStoragePath``; a text may be an
        address such as ``file:///path`` or ``s3://conn_id@bucket/key``. None is no image
    :return: a part of a message for each, with the image as a data URL
    :raises ConfigurationError: if one cannot be read or is no image, or all together are more than the service takes
        in a request, which is looked at before they are read
    """
    named = _named(paths)
    images.check_count(len(named))
    files = [_File(value, name) for name, value in named.items()]
    images.check_sizes({file.label: file.size() for file in files})
    parts: list[dict[str, Any]] = []
    read: dict[str, int] = {}
    for file in files:
        data = file.read()
        # A file may have grown since, and not every storage knows a size.
        read[file.label] = len(data)
        images.check_sizes(read)
        parts.append(images.part(data, file.label))
    return parts


class _File:
    def __init__(self, value: Any, name: str) -> None:
        self._path = _path(value, name)
        self._place = place(self._path)
        #: What it is called in errors; the same file may be there twice.
        self.label = f"{name} ({excerpt(self._place.shown, _SHOWN)})"

    def size(self) -> int:
        """
        Look how long the file is, and that it is one: to open a pipe could wait forever.
        """
        with self._explained():
            return self._stored_size() if hasattr(self._path, "fs") else self._local_size()

    def read(self) -> bytes:
        """
        Read the file, or one byte more than can be sent.
        """
        with self._explained(), self._place.open() as stream:
            return b"".join(_pieces(stream, images.MAX_FILE_BYTES + 1))

    def _local_size(self) -> int:
        found = self._path.stat()
        if stat.S_ISDIR(found.st_mode):
            raise IsADirectoryError
        if not stat.S_ISREG(found.st_mode):
            raise ConfigurationError(f"{self.label} is no file but a pipe, a socket or a device: name a file.")
        return int(found.st_size)

    def _stored_size(self) -> int:
        # Another process may have written since this one looked.
        self._path.fs.invalidate_cache(self._path.path)
        found = self._path.fs.info(self._path.path)
        if found["type"] == "directory":
            raise IsADirectoryError
        return int(found.get("size") or 0)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            reason = _reason(error)
            # What else a storage says may pass by itself: the task's retries are for that.
            if not reason:
                raise
            raise ConfigurationError(f"{self.label} {reason}") from None


def _reason(error: OSError) -> str:
    if isinstance(error, IsADirectoryError):
        return f"is a folder: name the images in it, {defaults.MAX_IMAGES} at most."
    if isinstance(error, PermissionError):
        return "may not be read: let the user that runs the worker, or the connection in the path, read it."
    if isinstance(error, FileNotFoundError) or error.errno in _NOWHERE:
        return (
            "does not exist where this task runs: check the path. A file that another task wrote has to be in storage "
            "that all workers reach."
        )
    return ""


def _pieces(stream: BinaryIO, most: int) -> Iterator[bytes]:
    # A storage may give less than was asked for before the end.
    while most > 0 and (piece := stream.read(most)):
        yield piece
        most -= len(piece)


def _named(paths: Any) -> dict[str, Any]:
    if paths is None:
        return {}
    if _is_path(paths):
        return {"images": paths}
    if isinstance(paths, (bytes, bytearray, Mapping)) or not isinstance(paths, Iterable):
        raise ConfigurationError(f"images must be a path or a list of paths, not {quote(paths)}.")
    return {f"images[{position}]": value for position, value in enumerate(paths)}


def _is_path(value: Any) -> bool:
    # Airflow's path is one of Python's on some releases, and on others has no more than its protocol in common.
    return isinstance(value, (str, os.PathLike)) or hasattr(value, "protocol")


def _path(value: Any, name: str) -> Any:
    """
    Open the way to a file; a path of this machine means the same on every release, which Airflow's own does not.
    """
    address = _address(value, name)
    if "://" not in address and not address.lower().startswith("file:"):
        return Path(address)
    path = path_of(address, name)
    return Path(path.path) if path.protocol in {"file", "local"} else path


def _address(value: Any, name: str) -> str:
    if not _is_path(value):
        raise ConfigurationError(f"{name} must be a path, not {quote(value)}.")
    address = text(str(value), name)
    scheme = address.lstrip().partition(":")[0].lower()
    if scheme in {"http", "https"}:
        raise ConfigurationError(
            f"{name} is a web address, and neither the service nor this task fetches those: download it into a file in "
            "a task before, and name the file."
        )
    if scheme == "data":
        raise ConfigurationError(
            f"{name} is a data URL and not a path: put it into a message, as a part "
            '{"type": "image_url", "image_url": {"url": "data:..."}}.'
        )
    if "\0" in address:
        raise ConfigurationError(f"{name} is no path: it holds a null character.")
    if address.startswith("[") and address.endswith("]"):
        raise ConfigurationError(
            f"{name} is a list that a template wrote as text: give the other task's output itself (images=task.output),"
            " or render_template_as_native_obj=True to the DAG."
        )
    return address
