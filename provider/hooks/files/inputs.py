"""
Input files that a DAG author names, on this machine or in object storage. Paths in messages are never read.
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

#: Error numbers of a file system for a missing file; object storage raises only ``FileNotFoundError``.
_MISSING_ERRNOS = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG}

#: Maximum length of a path in an error.
_MAX_PATH_CHARS = 300


class InputFile:
    """
    A file to read.

    :param value: its path: a string, ``pathlib.Path`` or Airflow's ``ObjectStoragePath``; a string may be a URL such
        as ``file:///path`` or ``s3://conn_id@bucket/key``
    :param name: name of the operator's parameter, for errors
    :raises ConfigurationError: if ``value`` isn't a path
    """

    def __init__(self, value: Any, name: str) -> None:
        self._path = resolve_input(value, name)
        self._storage = open_storage(self._path)
        #: Its parameter and path, for errors; the same file may occur twice.
        self.label = f"{name} ({excerpt(self._storage.display, _MAX_PATH_CHARS)})"
        #: Its path, for people.
        self.display = self._storage.display

    def size(self) -> int:
        """
        Read the size of the file, and check that it is a regular file: opening a pipe could block forever.

        :return: size in bytes, 0 if its storage doesn't know it
        :raises ConfigurationError: if the file can't be read
        """
        with self._explain_errors():
            return self._remote_size() if hasattr(self._path, "fs") else self._local_size()

    def read(self, max_bytes: int) -> bytes:
        """
        Read the beginning of the file.

        :param max_bytes: maximum number of bytes
        :return: the first bytes, or all if the file is shorter
        :raises ConfigurationError: if the file can't be read
        """
        with self._explain_errors(), self._storage.open() as stream:
            return b"".join(_iter_chunks(stream, max_bytes))

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """
        Open the file for reading from beginning to end.

        :return: a binary stream
        :raises ConfigurationError: if the file can't be read
        :raises AIEndpointsError: if its storage fails while you read
        """
        try:
            with self._explain_errors(), self._storage.open() as stream:
                yield stream
        except OSError as error:
            kind = type(error).__name__
        else:
            return
        raise AIEndpointsError(f"{self.label} could not be read to its end: its storage failed ({kind}). Try again.")

    def _local_size(self) -> int:
        status = self._path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError
        if not stat.S_ISREG(status.st_mode):
            raise ConfigurationError(f"{self.label} is no file but a pipe, a socket or a device: name a file.")
        return int(status.st_size)

    def _remote_size(self) -> int:
        # Another process may have written since the last listing.
        self._path.fs.invalidate_cache(self._path.path)
        info = self._path.fs.info(self._path.path)
        if info["type"] == "directory":
            raise IsADirectoryError
        return int(info.get("size") or 0)

    @contextmanager
    def _explain_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            reason = _explain_error(error)
            # Other errors of a storage may be temporary, so the task's retries may help.
            if not reason:
                raise
            raise ConfigurationError(f"{self.label} {reason}") from None


def is_path(value: Any) -> bool:
    """
    Check whether a value may be a path.

    :param value: any value
    :return: True for strings and paths
    """
    # Airflow's path is an os.PathLike only on some releases; on all of them it has a protocol.
    return isinstance(value, (str, os.PathLike)) or hasattr(value, "protocol")


def _explain_error(error: OSError) -> str:
    if isinstance(error, IsADirectoryError):
        return "is a folder: name the files in it."
    if isinstance(error, PermissionError):
        return "may not be read: let the user that runs the worker, or the connection in the path, read it."
    if isinstance(error, FileNotFoundError) or error.errno in _MISSING_ERRNOS:
        return (
            "does not exist where this task runs: check the path. A file that another task wrote has to be in storage "
            "that all workers reach."
        )
    return ""


def _iter_chunks(stream: BinaryIO, max_bytes: int) -> Iterator[bytes]:
    # A storage may return fewer bytes than requested before the end.
    while max_bytes > 0 and (chunk := stream.read(max_bytes)):
        yield chunk
        max_bytes -= len(chunk)


def resolve_input(value: Any, name: str) -> Any:
    """
    Convert the value of a parameter to a path.

    Local paths become ``pathlib.Path``, as Airflow's own local paths differ between releases.

    :param value: a path or a URL
    :param name: name of the operator's parameter, for errors
    :return: a ``pathlib.Path``, or an ``ObjectStoragePath`` for other storage
    :raises ConfigurationError: if ``value`` isn't a path, or this Airflow can't use its storage
    """
    address = _read_address(value, name)
    if "://" not in address and not address.lower().startswith("file:"):
        return Path(address)
    path = to_object_path(address, name)
    return Path(path.path) if path.protocol in {"file", "local"} else path


def _read_address(value: Any, name: str) -> str:
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
