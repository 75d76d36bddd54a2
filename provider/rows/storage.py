"""
Files and folders on this machine or in object storage, with atomic writes.

For object storage, this module uses the path's fsspec file system, not the path's own methods: you can't iterate over
a file that Airflow 2.11 opens, and some releases lose the connection in ``iterdir`` and similar methods.
"""

from __future__ import annotations

import os
import re
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, Protocol

#: Bytes read ahead from object storage; the default of s3fs is 50 MB.
READ_AHEAD_BYTES = 8 * 1024 * 1024

_TEMPORARY = re.compile(r"\.(.+)\.tmp-[0-9a-f]{32}")


class StoragePath(Protocol):
    """
    A file or a folder.
    """

    #: Its path, for people.
    display: str
    #: The last part of its path.
    name: str
    #: Whether it is on this machine.
    is_local: bool

    def kind(self) -> str:
        """
        Find whether the path is a file or a folder.

        :return: ``file``, ``folder``, or an empty string if it doesn't exist
        """

    def iterdir(self) -> dict[str, str]:
        """
        List the entries of the folder.

        :return: ``file`` or ``folder`` by name, sorted by name; empty if the folder doesn't exist
        """

    def child(self, name: str) -> StoragePath:
        """
        Return the path of an entry of the folder.

        :param name: name of the entry, which needn't exist
        :return: its path
        """

    def mkdir(self) -> None:
        """
        Create the folder and its parents, if the storage has folders.
        """

    def open(self, *, in_order: bool = True) -> BinaryIO:
        """
        Open the file for reading.

        :param in_order: whether to read ahead, for reading from beginning to end
        :return: a binary stream
        """

    def write(self, data: bytes) -> None:
        """
        Write or replace the file. After an interruption, the old content stays.

        :param data: content of the file
        """

    def remove(self) -> None:
        """
        Remove the file, if it exists.
        """


def open_storage(path: Any) -> StoragePath:
    """
    Convert a path to a path of this module.

    :param path: a ``pathlib.Path``, or a UPath such as Airflow's ``ObjectStoragePath``
    :return: a local or remote path
    """
    if getattr(path, "protocol", "") in {"", "file", "local"}:
        return _Local(Path(getattr(path, "path", path)))
    return _Remote(path.fs, path.path, display_path(path))


def display_path(path: Any) -> str:
    """
    Format a path for messages.

    :param path: any path
    :return: the path without password and without query, which may be a signature
    """
    text = str(path)
    return re.sub(r"(://[^/@:]*):[^/@]*@", r"\1@", text.partition("?")[0]) if "://" in text else text


def find_leftover_target(name: str) -> str:
    """
    Find the target of a temporary file that a killed process left behind.

    :param name: name of the temporary file
    :return: name of its target, or an empty string if it isn't a temporary file of this module
    """
    match = _TEMPORARY.fullmatch(name)
    return match[1] if match else ""


class _Local:
    is_local = True

    def __init__(self, path: Path) -> None:
        self._path = path
        self.display = str(path)
        self.name = path.name

    def kind(self) -> str:
        return _name_kind(self._path.is_dir()) if self._path.exists() else ""

    def iterdir(self) -> dict[str, str]:
        if not self._path.is_dir():
            return {}
        with os.scandir(self._path) as entries:
            return dict(sorted((entry.name, _name_kind(entry.is_dir())) for entry in entries))

    def child(self, name: str) -> StoragePath:
        return _Local(self._path / name)

    def mkdir(self) -> None:
        self._path.mkdir(parents=True, exist_ok=True)

    def open(self, *, in_order: bool = True) -> BinaryIO:
        return self._path.open("rb")

    def write(self, data: bytes) -> None:
        temporary = self._path.with_name(f".{self.name}.tmp-{uuid.uuid4().hex}")
        try:
            with temporary.open("xb") as file:
                file.write(data)
                file.flush()
                # Without it, a power cut may leave the new name with missing bytes.
                os.fsync(file.fileno())
            temporary.replace(self._path)
        finally:
            temporary.unlink(missing_ok=True)

    def remove(self) -> None:
        self._path.unlink(missing_ok=True)


class _Remote:
    is_local = False

    def __init__(self, fs: Any, path: str, display: str) -> None:
        self._fs = fs
        self._path = path.rstrip("/")
        self.display = display.rstrip("/")
        self.name = self._path.rpartition("/")[2]

    def kind(self) -> str:
        # Another process may have written since the last listing.
        self._fs.invalidate_cache(self._path)
        try:
            return _name_kind(self._fs.info(self._path)["type"] == "directory")
        except FileNotFoundError:
            return ""

    def iterdir(self) -> dict[str, str]:
        self._fs.invalidate_cache(self._path)
        try:
            entries = self._fs.ls(self._path, detail=True)
        except FileNotFoundError:
            return {}
        # The list may contain an object for the folder itself.
        kinds = {entry["name"].rstrip("/"): _name_kind(entry["type"] == "directory") for entry in entries}
        return dict(sorted((name.rpartition("/")[2], kind) for name, kind in kinds.items() if name != self._path))

    def child(self, name: str) -> StoragePath:
        return _Remote(self._fs, f"{self._path}/{name}", f"{self.display}/{name}")

    def mkdir(self) -> None:
        """
        Do nothing: folders exist as soon as an object does, and creating one could create a bucket.
        """

    def open(self, *, in_order: bool = True) -> BinaryIO:
        cache = "readahead" if in_order else "none"
        file: BinaryIO = self._fs.open(self._path, "rb", block_size=READ_AHEAD_BYTES, cache_type=cache)
        return file

    def write(self, data: bytes) -> None:
        # One PUT, or a multipart upload that is invisible until its end. A file object would save a partial file when
        # an error closes it.
        self._fs.pipe_file(self._path, data)

    def remove(self) -> None:
        with suppress(FileNotFoundError):
            self._fs.rm_file(self._path)


def _name_kind(is_folder: bool) -> str:
    return "folder" if is_folder else "file"
