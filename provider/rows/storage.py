"""
Files and folders, on this machine or in object storage, and how a file gets there whole or not at all.

Object storage is used through the path's fsspec file system, not through the path's own methods: Airflow's wrapper of
an open file cannot be iterated on 2.11, and some releases forget the connection in ``iterdir`` and its kin.
"""

from __future__ import annotations

import os
import re
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, Protocol

#: Bytes read ahead from object storage; s3fs would take 50 MB.
READ_AHEAD = 8 * 1024 * 1024

_TEMPORARY = re.compile(r"\.(.+)\.tmp-[0-9a-f]{32}")


class StoragePath(Protocol):
    """
    A file, or a folder whose files have places of their own.
    """

    #: Its path, for people.
    display: str
    #: The last part of its path.
    name: str

    def kind(self) -> str:
        """
        Look what is there.

        :return: ``file``, ``folder``, or nothing
        """

    def iterdir(self) -> dict[str, str]:
        """
        List a folder.

        :return: the kind of each thing in it, by name and in the order of the names; empty if there is no folder
        """

    def child(self, name: str) -> StoragePath:
        """
        Step into a folder.

        :param name: what it holds, or will hold
        :return: its place
        """

    def mkdir(self) -> None:
        """
        Make a folder, where storage knows folders.
        """

    def open(self, *, in_order: bool = True) -> BinaryIO:
        """
        Open a file.

        :param in_order: whether it is read from its beginning to its end, so that reading ahead is worth it
        :return: its bytes, to be read
        """

    def write(self, data: bytes) -> None:
        """
        Write a file. If that is interrupted, what was there before stays.

        :param data: all that it holds
        """

    def remove(self) -> None:
        """
        Remove a file, if there is one.
        """


def open_storage(path: Any) -> StoragePath:
    """
    Find out where a path leads.

    :param path: a ``pathlib.Path``, or a UPath such as Airflow's ``ObjectStoragePath``
    :return: the place
    """
    if getattr(path, "protocol", "") in {"", "file", "local"}:
        return _Local(Path(getattr(path, "path", path)))
    return _Remote(path.fs, path.path, display_path(path))


def display_path(path: Any) -> str:
    """
    Show a path to people.

    :param path: any path
    :return: its text without a password, and without a query, which may be a signature
    """
    text = str(path)
    return re.sub(r"(://[^/@:]*):[^/@]*@", r"\1@", text.partition("?")[0]) if "://" in text else text


def find_leftover_target(name: str) -> str:
    """
    Tell whether a process that was killed left this file behind.

    :param name: its name
    :return: the name that it was to get, or nothing
    """
    found = _TEMPORARY.fullmatch(name)
    return found[1] if found else ""


class _Local:
    def __init__(self, path: Path) -> None:
        self._path = path
        self.display = str(path)
        self.name = path.name

    def kind(self) -> str:
        return _kind(self._path.is_dir()) if self._path.exists() else ""

    def iterdir(self) -> dict[str, str]:
        if not self._path.is_dir():
            return {}
        with os.scandir(self._path) as found:
            return dict(sorted((entry.name, _kind(entry.is_dir())) for entry in found))

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
                # After a power cut a file system may know the new name, but not yet the bytes.
                os.fsync(file.fileno())
            temporary.replace(self._path)
        finally:
            temporary.unlink(missing_ok=True)

    def remove(self) -> None:
        self._path.unlink(missing_ok=True)


class _Remote:
    def __init__(self, fs: Any, path: str, shown: str) -> None:
        self._fs = fs
        self._path = path.rstrip("/")
        self.display = shown.rstrip("/")
        self.name = self._path.rpartition("/")[2]

    def kind(self) -> str:
        # Another process may have written since this one looked.
        self._fs.invalidate_cache(self._path)
        try:
            return _kind(self._fs.info(self._path)["type"] == "directory")
        except FileNotFoundError:
            return ""

    def iterdir(self) -> dict[str, str]:
        self._fs.invalidate_cache(self._path)
        try:
            found = self._fs.ls(self._path, detail=True)
        except FileNotFoundError:
            return {}
        # An object that stands for the folder itself is among them.
        kinds = {entry["name"].rstrip("/"): _kind(entry["type"] == "directory") for entry in found}
        return dict(sorted((name.rpartition("/")[2], kind) for name, kind in kinds.items() if name != self._path))

    def child(self, name: str) -> StoragePath:
        return _Remote(self._fs, f"{self._path}/{name}", f"{self.display}/{name}")

    def mkdir(self) -> None:
        """Nothing: a folder is there as soon as an object is. To ask for it could create a bucket."""

    def open(self, *, in_order: bool = True) -> BinaryIO:
        cache = "readahead" if in_order else "none"
        file: BinaryIO = self._fs.open(self._path, "rb", block_size=READ_AHEAD, cache_type=cache)
        return file

    def write(self, data: bytes) -> None:
        # One PUT, or an upload in pieces that nobody sees before the last; an open file that is closed by an error
        # would keep what it had got.
        self._fs.pipe_file(self._path, data)

    def remove(self) -> None:
        with suppress(FileNotFoundError):
            self._fs.rm_file(self._path)


def _kind(is_folder: bool) -> str:
    return "folder" if is_folder else "file"
