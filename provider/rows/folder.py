"""
A folder of parts: each is written once and whole, what is there already is recognised, and a manifest says "finished".
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ..errors import ConfigurationError
from . import formats, part_names
from .serialization import Row, json_line
from .storage import StoragePath, display_path, find_leftover_target, open_storage

#: Written last; a folder without it is an unfinished run.
MANIFEST = "_manifest.json"
KIND = "ovhcloud-ai-endpoints"
VERSION = 1

#: What only a reader of the files needs.
_NOT_FOR_XCOM = {"kind", "version", "vectors", "parts", "recipe"}
#: What a manifest tells of the try that wrote it, and XCom of the one that ends.
_OF_THIS_TRY = ("rows_reused", "usage")


class Folder:
    """
    Results of a run as parts of a folder: ``begin``, then ``name_of``, ``has`` and ``write`` for each part, ``finish``.

    A part's name tells the rows, the recipe and the format that it was made of, so a run that is tried again finds
    what it has paid for, and parts of another run never pass for its own. One run at a time writes to a folder.

    :param path: a ``pathlib.Path`` or a UPath
    :param kind: format of the parts: ``jsonl``, ``parquet`` or ``npy``
    :param recipe: all that decides about a result, as JSON: model, parameters, dimensions, template
    :param vectors: the field of a record that holds its vector, an ``array("f")``, if it has one
    :raises ConfigurationError: if there is no such format, or pyarrow is missing for it
    """

    def __init__(self, path: Any, kind: str, recipe: Mapping[str, Any], *, vectors: str | None = None) -> None:
        formats.check(kind, vectors)
        self._storage = open_storage(path)
        self._path = display_path(path)
        self._kind = kind
        self._recipe = recipe
        self._vectors = vectors
        self._run = part_names.run_digest(recipe, kind, vectors)
        # What a thread has freed stays with that thread in glibc: encoding in one instead of eight took 30 MB less.
        self._encoder = ThreadPoolExecutor(1, thread_name_prefix="ai-endpoints-encoder")
        #: What is there of this and other runs, from :meth:`begin` on.
        self._files: set[str]
        self._old: dict[str, Any] | None = None
        #: Rows of each part of this run, and how many of them failed as far as was seen.
        self._rows: dict[str, int] = {}
        self._failed: dict[str, int] = {}

    def begin(self) -> None:
        """
        Look what is there, and make the folder if there is none. Another run's manifest is removed.

        :raises ConfigurationError: if something is there that no run of this provider made; nothing is changed then
        """
        if self._storage.kind() == "file":
            raise ConfigurationError(f"The output {self._path} is a file: choose a folder.")
        names = list(self._storage.iterdir())
        foreign = [name for name in names if not part_names.is_ours(name) and name[0] not in "._"]
        if foreign:
            raise ConfigurationError(
                f"The output folder {self._path} holds files of somebody else, such as {foreign[0]!r}: choose another."
            )
        self._old = read_manifest(self._storage) if MANIFEST in names else None
        self._storage.mkdir()
        if self._old is not None and self._old.get("recipe_digest") != self._run:
            self._unfinish()
        for name in names:
            if _is_leftover(name):
                self._storage.child(name).remove()
        self._files = {name for name in names if part_names.is_ours(name)}

    def build_name(self, index: int, rows: Sequence[Row]) -> str:
        """
        Name a part of this run.

        :param index: its number, from 0 on
        :param rows: its rows
        :return: its name
        :raises InvalidInputError: if a row cannot be written in this format, before its result is paid for
        """
        name = part_names.build_part_name(index, part_names.digest(self._run, rows), self._kind)
        if not self.has(name):
            formats.check_rows(self._kind, rows)
        self._rows[name] = len(rows)
        return name

    def has(self, name: str) -> bool:
        """
        Tell whether a part is complete.

        :param name: its name
        :return: whether it was there in the beginning, or has been written since
        """
        return self._files.issuperset(part_names.list_files(name))

    def write(self, name: str, records: Sequence[Row]) -> None:
        """
        Write a part, or put a better one in its place. If that is interrupted, there is no half of it.

        :param name: its name
        :param records: a record for each of its rows, in their order
        :raises InvalidInputError: if a record cannot be written in this format
        :raises InvalidResponseError: if the vectors cannot be those of one model
        """
        if len(records) != self._rows[name]:
            raise ValueError(f"{len(records)} records for {self._rows[name]} rows")
        contents = self._encoder.submit(formats.encode, self._kind, records, self._vectors).result()
        self._unfinish()
        if len(contents) > 1 and name in self._files:
            # Its files are about to be of two minds.
            self._remove(name)
        for file, data in zip(part_names.list_files(name), contents.values(), strict=True):
            self._storage.child(file).write(data)
            self._files.add(file)
        self._failed[name] = len(part_names.failed(records))

    def read(self, name: str) -> list[Row]:
        """
        Read a part.

        :param name: the name of one that is complete
        :return: its records
        """
        contents = {}
        for file in part_names.list_files(name):
            with self._storage.child(file).open() as stream:
                contents[file.rpartition(".")[2]] = stream.read()
        records = formats.decode(self._kind, contents, self._vectors)
        self._failed[name] = len(part_names.failed(records))
        return records

    def finish(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """
        Remove parts of other runs and write the manifest. One of this very run stays as it is, with what it told; XCom
        is told what this try found and used.

        :param fields: what else the manifest shall tell, as JSON: model, dimensions, usage
        :return: the manifest for XCom: with the path, with the number of parts for their list, without the recipe
        """
        missing = [name for name in self._rows if not self.has(name)]
        if missing:
            raise ValueError(f"{len(missing)} parts were never written, {missing[0]} first")
        manifest = self._describe(fields)
        if self._old is None or self._old.get("parts") != manifest["parts"]:
            self._unfinish()
        self._clear()
        if self._old is None:
            text = json.dumps(manifest, ensure_ascii=False, indent=1)
            self._storage.child(MANIFEST).write(f"{text}\n".encode())
            self._old = manifest
        told = self._old | {name: manifest[name] for name in _OF_THIS_TRY if name in manifest}
        rest = {name: value for name, value in told.items() if name not in _NOT_FOR_XCOM}
        return {"path": self._path, "parts": len(self._rows), **rest}

    def _describe(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        manifest = {
            "kind": KIND,
            "version": VERSION,
            "format": self._kind,
            "vectors": self._vectors,
            "rows": sum(self._rows.values()),
            "failed": sum(self._failed.values()),
            **fields,
            "recipe_digest": self._run,
            "recipe": self._recipe,
            "parts": [{"name": name, "rows": count} for name, count in self._rows.items()],
        }
        told: dict[str, Any] = json.loads(json_line(manifest))
        return told

    def _unfinish(self) -> None:
        if self._old is not None:
            self._storage.child(MANIFEST).remove()
            self._old = None

    def _clear(self) -> None:
        own = {file for name in self._rows for file in part_names.list_files(name)}
        # The last file of a part goes first, so that none looks complete when it is not.
        for file in sorted(self._files - own, key=_last_first):
            self._remove(file)

    def _remove(self, file: str) -> None:
        self._storage.child(file).remove()
        self._files.discard(file)


def read_manifest(folder: StoragePath) -> dict[str, Any]:
    """
    Read the manifest of a folder.

    :param folder: a folder that has one
    :return: the manifest
    :raises ConfigurationError: if it is not of this provider
    """
    with folder.child(MANIFEST).open() as stream:
        data = stream.read()
    try:
        found = json.loads(data)
    except ValueError:
        found = None
    if isinstance(found, dict) and found.get("kind") == KIND:
        return found
    raise ConfigurationError(
        f"The folder {folder.display} has a {MANIFEST} that is not of this provider: choose another folder."
    )


def _is_leftover(name: str) -> bool:
    target = find_leftover_target(name)
    return part_names.is_ours(target) or target == MANIFEST


def _last_first(name: str) -> tuple[bool, str]:
    return name.endswith(".jsonl"), name
