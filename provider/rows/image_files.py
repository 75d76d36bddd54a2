"""
Images as files with names that people chose, and beside them a note that tells which request made them.

With the note, a task that is tried again knows what it has paid for, and never takes another prompt's image for its
own.
"""

from __future__ import annotations

import errno
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from ..errors import AIEndpointsError, ConfigurationError
from .storage import StoragePath

#: Type of an image -> what names of such files end in.
SUFFIXES = {
    "image/png": (".png",),
    "image/jpeg": (".jpg", ".jpeg"),
    "image/webp": (".webp",),
    "image/gif": (".gif",),
}

KIND = "ovhcloud-ai-endpoints-images"
VERSION = 1

#: Bytes of a note that are read: ten images take two thousand.
_NOTE_BYTES = 100_000

#: What a file system says where no retry will ever write.
_NEVER = {
    *{errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ELOOP, errno.ENAMETOOLONG},
    *{errno.EROFS, errno.EINVAL},
}


class ImageFiles:
    """
    The files of one request: ``begin``, then ``write`` or ``give_up``, and ``told``.

    :param folder: where they go
    :param name: the name of the file; several are numbered, ``name-1.png`` and so on
    :param count: how many there are
    :param recipe: a digest of all that decides about what they show
    :raises ConfigurationError: if that is no name of an image file
    """

    def __init__(self, folder: StoragePath, name: str, count: int, recipe: str) -> None:
        stem, dot, ending = name.rpartition(".")
        known = [suffix for suffixes in SUFFIXES.values() for suffix in suffixes]
        if not stem or f".{ending.lower()}" not in known:
            raise ConfigurationError(
                f"output_path must name an image file, whose name ends in {', '.join(known[:-1])} or {known[-1]}; "
                f"{name[:80]!r} does not. Several images are numbered: 'name.png' becomes 'name-1.png' and so on."
            )
        self._folder = folder
        self._recipe = recipe
        self._names = [name] if count == 1 else [f"{stem}-{number}{dot}{ending}" for number in range(1, count + 1)]
        self._note = folder.child(f"_{name}.json")
        #: The note that was there before, and what is known of each file: its digest, type and length.
        self._old = b""
        self._known: dict[str, dict[str, Any]] = {}
        self._facts: dict[str, Any] = {}
        self._missing: list[str] = []

    def begin(self, *, overwrite: bool) -> int:
        """
        Look what is there, and whether the rest can be written, before anything is paid for.

        :param overwrite: whether to make all anew, whatever is there
        :return: how many images are missing
        :raises ConfigurationError: if other files are there, or none can be written
        """
        with self._explained():
            self._read_note()
            found = {name for name in self._names if self._is_there(name)}
            foreign = [] if overwrite else sorted(found - {name for name in found if self._is_own(name)})
            if foreign:
                raise ConfigurationError(
                    f"{self._folder.child(foreign[0]).display} exists, and was not made by this prompt, model and "
                    "size. Nothing was sent: name another output_path, or give overwrite=True."
                )
            self._missing = [name for name in self._names if overwrite or name not in found]
            if self._missing:
                self._folder.mkdir()
                # Whether files can be written there is known once one was.
                self._note.write(self._old or self._summarize_note())
        return len(self._missing)

    def write(self, images: Sequence[tuple[bytes, str]], facts: Mapping[str, Any]) -> None:
        """
        Write the images that were missing, each whole or not at all.

        :param images: bytes and type of each
        :param facts: what else is told of them: the model, and when they were made
        :raises AIEndpointsError: if their storage fails
        """
        self._facts = dict(facts)
        new = dict(zip(self._missing, images, strict=True))
        for name, (data, kind) in new.items():
            digest = hashlib.sha256(data).hexdigest()
            self._known[name] = {"sha256": digest, "type": kind, "bytes": len(data)}
        try:
            # First: an image that the note does not know is a stranger's to the next try.
            self._note.write(self._summarize_note())
            for name, (data, _) in new.items():
                self._folder.child(name).write(data)
        except OSError as error:
            fault = error.strerror or type(error).__name__
        else:
            return
        raise AIEndpointsError(
            f"The images were made, and could not all be written in {self._folder.display}: its storage failed "
            f"({fault}). A retry asks for those that are missing."
        )

    def give_up(self) -> None:
        """
        Leave no note where nothing came.
        """
        if not self._old:
            with suppress(OSError):
                self._note.remove()

    def summary(self) -> dict[str, Any]:
        """
        Tell what is there.

        :return: ``paths``, and ``types`` and ``bytes`` of each; ``model`` and ``created`` of the last request
        """
        known = [self._known[name] for name in self._names]
        return {
            "paths": [self._folder.child(name).display for name in self._names],
            "types": [each["type"] for each in known],
            "bytes": [each["bytes"] for each in known],
            **self._facts,
        }

    def misnamed(self) -> Iterator[tuple[str, str]]:
        """
        Find files whose names promise another type.

        :return: path and type of each
        """
        for name in self._names:
            kind = self._known[name]["type"]
            if not name.lower().endswith(SUFFIXES[kind]):
                yield self._folder.child(name).display, kind

    def _is_there(self, name: str) -> bool:
        kind = self._folder.child(name).kind()
        if kind == "folder":
            raise IsADirectoryError(errno.EISDIR, "is a folder")
        return bool(kind)

    def _is_own(self, name: str) -> bool:
        if name not in self._known:
            return False
        found = hashlib.sha256()
        with self._folder.child(name).open() as stream:
            while piece := stream.read(1 << 20):
                found.update(piece)
        return found.hexdigest() == str(self._known[name]["sha256"])

    def _read_note(self) -> None:
        if not self._note.kind():
            return
        with self._note.open() as stream:
            self._old = stream.read(_NOTE_BYTES)
        found = _as_note(self._old)
        if found is None:
            raise ConfigurationError(
                f"{self._note.display} is needed for a note about the images, and is somebody else's file: name "
                "another output_path."
            )
        if found.get("request") == self._recipe:
            self._known = found["images"]
            self._facts = {name: found.get(name) for name in ("model", "created")}

    def _summarize_note(self) -> bytes:
        note = {"kind": KIND, "version": VERSION, "request": self._recipe, **self._facts, "images": self._known}
        return f"{json.dumps(note, indent=1)}\n".encode()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            # What else a storage says may pass by itself: the task's retries are for that.
            if error.errno not in _NEVER and not isinstance(error, (PermissionError, FileNotFoundError)):
                raise
            reason = error.strerror or type(error).__name__
        else:
            return
        raise ConfigurationError(
            f"output_path cannot be written to in {self._folder.display} ({reason}), so nothing was sent: check the "
            "path, and that the user that runs the worker, or the connection in the path, may read and write there."
        )


def _as_note(data: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or found.get("kind") != KIND or not isinstance(found.get("images"), dict):
        return None
    entries = found["images"].values()
    good = all(isinstance(each, dict) and each.get("type") in SUFFIXES and "sha256" in each for each in entries)
    return found if good and all(type(each.get("bytes")) is int for each in entries) else None
