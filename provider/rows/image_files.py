"""
Image files with names that users choose, and a JSON file beside them, the note, that identifies their request.

With the note, a retry reuses the images of an earlier try, and never mistakes another prompt's image for its own.
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

#: Type of an image -> suffixes of its files.
SUFFIXES = {
    "image/png": (".png",),
    "image/jpeg": (".jpg", ".jpeg"),
    "image/webp": (".webp",),
    "image/gif": (".gif",),
}

KIND = "ovhcloud-ai-endpoints-images"
VERSION = 1

#: Maximum size of a note; ten images take two thousand bytes.
_MAX_NOTE_BYTES = 100_000

#: Error numbers of a file system that a retry can't help.
_PERMANENT_ERRNOS = {
    *{errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ELOOP, errno.ENAMETOOLONG},
    *{errno.EROFS, errno.EINVAL},
}


class ImageFiles:
    """
    The files of one request. Call ``begin``, then ``write`` or ``give_up``, and ``summary``.

    :param folder: folder of the files
    :param name: name of the file; several files are numbered, ``name-1.png`` and so on
    :param count: number of files
    :param recipe: digest of everything that affects the images
    :raises ConfigurationError: if the name doesn't end in the suffix of an image file
    """

    def __init__(self, folder: StoragePath, name: str, count: int, recipe: str) -> None:
        stem, dot, ending = name.rpartition(".")
        endings = [suffix for suffixes in SUFFIXES.values() for suffix in suffixes]
        if not stem or f".{ending.lower()}" not in endings:
            raise ConfigurationError(
                f"output_path must name an image file, whose name ends in {', '.join(endings[:-1])} or {endings[-1]}; "
                f"{name[:80]!r} does not. Several images are numbered: 'name.png' becomes 'name-1.png' and so on."
            )
        self._folder = folder
        self._recipe = recipe
        self._names = [name] if count == 1 else [f"{stem}-{number}{dot}{ending}" for number in range(1, count + 1)]
        self._note = folder.child(f"_{name}.json")
        #: The existing note, and its entry for each file: digest, type and length.
        self._old = b""
        self._entries: dict[str, dict[str, Any]] = {}
        self._facts: dict[str, Any] = {}
        self._missing: list[str] = []

    def begin(self, *, overwrite: bool) -> int:
        """
        Find the existing images, and check that the missing ones can be written, before any billed request.

        :param overwrite: whether to generate all images again and replace existing files
        :return: number of missing images
        :raises ConfigurationError: if other files exist, or the folder can't be written to
        """
        with self._explain_errors():
            self._read_note()
            existing = {name for name in self._names if self._exists(name)}
            foreign = [] if overwrite else sorted(existing - {name for name in existing if self._is_own(name)})
            if foreign:
                raise ConfigurationError(
                    f"{self._folder.child(foreign[0]).display} exists, and was not made by this prompt, model and "
                    "size. Nothing was sent: name another output_path, or give overwrite=True."
                )
            self._missing = [name for name in self._names if overwrite or name not in existing]
            if self._missing:
                self._folder.mkdir()
                # Writing the note checks that the folder is writable.
                self._note.write(self._old or self._encode_note())
        return len(self._missing)

    def write(self, images: Sequence[tuple[bytes, str]], facts: Mapping[str, Any]) -> None:
        """
        Write the missing images, each completely or not at all.

        :param images: bytes and type of each image
        :param facts: further fields of the note and the summary: ``model`` and ``created``
        :raises AIEndpointsError: if their storage fails
        """
        self._facts = dict(facts)
        new = dict(zip(self._missing, images, strict=True))
        for name, (data, kind) in new.items():
            digest = hashlib.sha256(data).hexdigest()
            self._entries[name] = {"sha256": digest, "type": kind, "bytes": len(data)}
        try:
            # The note first: the next try treats an image without an entry as another's file.
            self._note.write(self._encode_note())
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
        Remove the note if this run created it without any image.
        """
        if not self._old:
            with suppress(OSError):
                self._note.remove()

    def summary(self) -> dict[str, Any]:
        """
        Return the fields for XCom.

        :return: ``paths``, ``types`` and ``bytes`` of the files; ``model`` and ``created`` of the last request
        """
        entries = [self._entries[name] for name in self._names]
        return {
            "paths": [self._folder.child(name).display for name in self._names],
            "types": [each["type"] for each in entries],
            "bytes": [each["bytes"] for each in entries],
            **self._facts,
        }

    def misnamed(self) -> Iterator[tuple[str, str]]:
        """
        Find files whose suffix doesn't match their type.

        :return: path and type of each
        """
        for name in self._names:
            kind = self._entries[name]["type"]
            if not name.lower().endswith(SUFFIXES[kind]):
                yield self._folder.child(name).display, kind

    def _exists(self, name: str) -> bool:
        kind = self._folder.child(name).kind()
        if kind == "folder":
            raise IsADirectoryError(errno.EISDIR, "is a folder")
        return bool(kind)

    def _is_own(self, name: str) -> bool:
        if name not in self._entries:
            return False
        digest = hashlib.sha256()
        with self._folder.child(name).open() as stream:
            while chunk := stream.read(1 << 20):
                digest.update(chunk)
        return digest.hexdigest() == str(self._entries[name]["sha256"])

    def _read_note(self) -> None:
        if not self._note.kind():
            return
        with self._note.open() as stream:
            self._old = stream.read(_MAX_NOTE_BYTES)
        note = _parse_note(self._old)
        if note is None:
            raise ConfigurationError(
                f"{self._note.display} is needed for a note about the images, and is somebody else's file: name "
                "another output_path."
            )
        if note.get("request") == self._recipe:
            self._entries = note["images"]
            self._facts = {name: note.get(name) for name in ("model", "created")}

    def _encode_note(self) -> bytes:
        note = {"kind": KIND, "version": VERSION, "request": self._recipe, **self._facts, "images": self._entries}
        return f"{json.dumps(note, indent=1)}\n".encode()

    @contextmanager
    def _explain_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            # Other errors of a storage may be temporary, so the task's retries may help.
            if error.errno not in _PERMANENT_ERRNOS and not isinstance(error, (PermissionError, FileNotFoundError)):
                raise
            reason = error.strerror or type(error).__name__
        else:
            return
        raise ConfigurationError(
            f"output_path cannot be written to in {self._folder.display} ({reason}), so nothing was sent: check the "
            "path, and that the user that runs the worker, or the connection in the path, may read and write there."
        )


def _parse_note(data: bytes) -> dict[str, Any] | None:
    try:
        note = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(note, dict) or note.get("kind") != KIND or not isinstance(note.get("images"), dict):
        return None
    entries = note["images"].values()
    good = all(isinstance(each, dict) and each.get("type") in SUFFIXES and "sha256" in each for each in entries)
    return note if good and all(type(each.get("bytes")) is int for each in entries) else None
