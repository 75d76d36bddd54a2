"""
Files that an author names: looked at before they are read, wherever they are. One that a message names is never read.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from ...errors import AIEndpointsError, ConfigurationError
from ...redaction import excerpt
from ...rows.storage import open_storage
from ...validation import quote, text
from .object_path import to_object_path

#: What a file system says of a name that leads nowhere; object storage says ``FileNotFoundError`` alone.
_NOWHERE = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG}

#: Characters of a path that an error shows.
_SHOWN = 300


class InputFile:
    """
    A file to be read.

    :param value: its path: text, ``pathlib.Path`` or Airflow's ``ObjectStoragePath``; a text may be an address such as
        ``file:///path`` or ``s3://conn_id@bucket/key``
    :param name: the parameter that it came from, for errors
    :raises ConfigurationError: if that is no path
    """

    def __init__(self, value: Any, name: str) -> None:
        self._path = resolve_input(value, name)
        self._storage = open_storage(self._path)
        #: What it is called in errors; the same file may be there twice.
        self.label = f"{name} ({excerpt(self._storage.display, _SHOWN)})"
        #: Its path, for people.
        self.display = self._storage.display

    def size(self) -> int:
        """
        Look how long the file is, and that it is one: to open a pipe could wait forever.

        :return: its bytes, as far as its storage knows them
        :raises ConfigurationError: if there is no file that can be read
        """
        with self._explained():
            return self._stored_size() if hasattr(self._path, "fs") else self._local_size()

    def read(self, most: int) -> bytes:
        """
        Read its beginning.

        :param most: bytes to read
        :return: so many, or all
        :raises ConfigurationError: if there is no file that can be read
        """
        with self._explained(), self._storage.open() as stream:
            return b"".join(_pieces(stream, most))

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """
        Open it, to be read from beginning to end; what its storage then says is an error of this provider.

        :return: its bytes
        :raises ConfigurationError: if there is no file that can be read
        :raises AIEndpointsError: if its storage fails
        """
        try:
            with self._explained(), self._storage.open() as stream:
                yield stream
        except OSError as error:
            kind = type(error).__name__
        else:
            return
        raise AIEndpointsError(f"{self.label} could not be read to its end: its storage failed ({kind}). Try again.")

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


def is_path(value: Any) -> bool:
    """
    Tell whether a value may name a file.

    :param value: anything
    :return: True for texts and paths
    """
    # Airflow's path is one of Python's on some releases, and on others has no more than its protocol in common.
    return isinstance(value, (str, os.PathLike)) or hasattr(value, "protocol")


def _reason(error: OSError) -> str:
    if isinstance(error, IsADirectoryError):
        return "is a folder: name the files in it."
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


def resolve_input(value: Any, name: str) -> Any:
    """
    Open the way to a file; a path of this machine means the same on every release, which Airflow's own does not.

    :param value: its path, or its address
    :param name: the parameter that it came from, for errors
    :return: a path of this machine, or Airflow's for other storage
    :raises ConfigurationError: if it is none, or this Airflow cannot use such storage
    """
    address = _address(value, name)
    if "://" not in address and not address.lower().startswith("file:"):
        return Path(address)
    path = to_object_path(address, name)
    return Path(path.path) if path.protocol in {"file", "local"} else path


def _address(value: Any, name: str) -> str:
    if not is_path(value):
        raise ConfigurationError(f"{name} must be a path, not {quote(value)}.")
    address = text(str(value), name)
    scheme = address.lstrip().partition(":")[0].lower()
    if scheme in {"http", "https"}:
        raise ConfigurationError(
            f"{name} is a web address, and neither the service nor this task fetches those: download it into a file in "
            "a task before, and name the file."
        )
    if scheme == "data":
        raise ConfigurationError(f"{name} is a data URL and not a path: write it into a file, and name the file.")
    if "\0" in address:
        raise ConfigurationError(f"{name} is no path: it holds a null character.")
    if address.startswith("[") and address.endswith("]"):
        parameter = name.partition("[")[0]
        raise ConfigurationError(
            f"{name} is a list that a template wrote as text: give the other task's output itself "
            f"({parameter}=task.output), or render_template_as_native_obj=True to the DAG."
        )
    return address
