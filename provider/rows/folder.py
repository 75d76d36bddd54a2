"""
A folder of result parts, in which a later run reuses finished parts; a manifest marks it as complete.
"""

from __future__ import annotations

import hashlib
import io
import json
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ..errors import ConfigurationError, InvalidInputError
from . import formats, parquet, part_names
from .parquet_schema import FolderSchema
from .run_file import RUN_FILE, Owner, RunFile
from .serialization import Row, json_line
from .storage import StoragePath, display_path, find_leftover_target, open_storage

#: The manifest is written last; a folder without it belongs to an unfinished run.
MANIFEST = "_manifest.json"
KIND = "ovhcloud-ai-endpoints"
VERSION = 1

#: Fields that only readers of the files need.
_NOT_FOR_XCOM = {"kind", "version", "vectors", "parts", "recipe"}
#: Fields about the try: in the manifest of the one that wrote it, in XCom of the current one.
_TRY_FIELDS = ("rows_reused", "rows_duplicate", "usage", "usage_total")


class Folder:
    """
    The results of a run as parts of a folder.

    Call ``begin``, then ``build_name``, ``has`` and ``write`` for each part, and ``finish`` at the end.

    The name of a part contains a hash of its rows, the recipe and the format. So a later try finds the parts of an
    earlier one, and never mistakes the parts of another run for its own. Only one run at a time may write to a folder.

    :param path: a ``pathlib.Path`` or a UPath
    :param kind: format of the parts: ``jsonl``, ``parquet`` or ``npy``
    :param recipe: everything that affects the results, as JSON: model, parameters, dimensions, template
    :param vectors: field of the vector in a record, an ``array("f")``; None if records have none
    :param schema: schema of the input if that is Parquet, whose types Parquet parts keep; None infers all types
    :param owner: the run that writes the folder; None skips the check for another one
    :param if_exists: ``update`` takes over the folder of another run that is over; ``fail`` doesn't
    :raises ConfigurationError: if the format is unknown, or needs pyarrow and it isn't installed
    """

    def __init__(
        self,
        path: Any,
        kind: str,
        recipe: Mapping[str, Any],
        *,
        vectors: str | None = None,
        schema: Any = None,
        owner: Owner | None = None,
        if_exists: str = "fail",
    ) -> None:
        formats.check(kind, vectors)
        self._schema = FolderSchema(vectors, schema) if kind == "parquet" else None
        self._storage = open_storage(path)
        self._path = display_path(path)
        self._run_file = RunFile(self._storage, owner, if_exists)
        self._lock = threading.Lock()
        self._kind = kind
        self._recipe = recipe
        self._vectors = vectors
        self._run = part_names.run_digest(recipe, kind, vectors)
        # In glibc, memory that a thread frees stays with the thread: encoding in one thread, not eight, saves 30 MB.
        self._encoder = ThreadPoolExecutor(1, thread_name_prefix="ai-endpoints-encoder")
        #: Files of this and other runs, from :meth:`begin` on.
        self._files: set[str]
        self._old_parts: list[str]
        self._old: dict[str, Any] | None = None
        #: Number of rows in each part of this run, and number of failed rows in each part read or written so far.
        self._rows: dict[str, int] = {}
        self._failed: dict[str, int] = {}

    def begin(self) -> None:
        """
        List the folder, or create it. Remove the manifest of another run.

        :raises ConfigurationError: before any change, if the folder contains files that this provider didn't create, or
            belongs to another run
        :raises OSError: before anything is paid for, if the folder can't be written
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
        self._run_file.claim(is_finished=self._old is not None)
        self._rows, self._failed = {}, {}
        if self._old is not None and self._old.get("recipe_digest") != self._run:
            self._unfinish()
        for name in names:
            if _is_leftover(name):
                self._storage.child(name).remove()
        self._files = {name for name in names if part_names.is_ours(name)}
        self._old_parts = part_names.find_part_names(self._files)

    def build_name(self, index: int, rows: Sequence[Row], keys: Sequence[bytes] = ()) -> str:
        """
        Build the name of a part of this run.

        :param index: number of the part, from 0
        :param rows: rows of the part
        :param keys: keys of the rows, if more than the rows and the recipe affects the results
        :return: the name
        :raises InvalidInputError: before any billed request, if a row can't be written in this format
        """
        name = part_names.build_part_name(index, part_names.digest(self._run, rows, keys), self._kind)
        formats.check_rows(self._kind, rows, self._schema)
        self._rows[name] = len(rows)
        return name

    def has(self, name: str) -> bool:
        """
        Check whether a part is complete.

        :param name: name of the part
        :return: True if an earlier or this run has written all its files
        """
        return self._files.issuperset(part_names.list_files(name))

    def write(self, name: str, records: Sequence[Row], keys: Sequence[bytes] = ()) -> None:
        """
        Write or replace a part. An interruption never leaves an incomplete one.

        :param name: name of the part
        :param records: a record for each row, in order
        :param keys: the key of each row, by which a later run finds its record; empty if rows lack keys
        :raises InvalidInputError: if a record can't be written in this format
        :raises InvalidResponseError: if the vectors differ in their dimensions, or aren't finite
        """
        if len(records) != self._rows[name]:
            raise ValueError(f"{len(records)} records for {self._rows[name]} rows")
        self._write(name, records, keys)
        self._failed[name] = len(part_names.failed(records))

    def write_rest(self, index: int, records: Sequence[Row | None], keys: Sequence[bytes]) -> None:
        """
        Write the records of an unfinished part, for a later run.

        :param index: number of the part, from 0
        :param records: a record for each row, or None
        :param keys: the key of each row
        """
        complete = [(record, key) for record, key in zip(records, keys, strict=True) if record is not None]
        rest_keys = [key for _, key in complete]
        name = part_names.build_part_name(index, part_names.digest(self._run, [], rest_keys), self._kind)
        self._write(name, [record for record, _ in complete], rest_keys)

    def _write(self, name: str, records: Sequence[Row], keys: Sequence[bytes]) -> None:
        contents = self._encoder.submit(formats.encode, self._kind, records, self._vectors, self._schema).result()
        self._unfinish()
        if len(contents) > 1 and name in self._files:
            # Old and new files of a part must not mix.
            self._remove(name)
        keys_name = part_names.build_keys_name(name)
        if keys and keys_name not in self._files:
            # Before the part, so that each complete part has its keys. They never change: its name has their hash.
            self._storage.child(keys_name).write(b"".join(keys))
            self._files.add(keys_name)
        for file, data in zip(part_names.list_files(name), contents.values(), strict=True):
            self._storage.child(file).write(data)
            self._files.add(file)
        if self._schema:
            self._schema.note(name, io.BytesIO(contents["parquet"]))

    def read(self, name: str) -> list[Row]:
        """
        Read a part.

        :param name: name of a complete part
        :return: its records
        :raises InvalidInputError: if a file is damaged
        """
        records = self._decode(name)
        if len(records) != self._rows[name]:
            raise InvalidInputError(f"{self._storage.child(name).display} is damaged, or cut short.")
        self._failed[name] = len(part_names.failed(records))
        return records

    def iter_old_parts(self) -> Iterator[tuple[str, list[Row], list[bytes]]]:
        """
        Iterate over the parts of earlier runs, of any recipe and format.

        :return: name and records of each part, and the key of each record; no keys if an older version wrote the part
        """
        for name in self._old_parts:
            if self._files.issuperset(part_names.list_files(name)):
                yield name, self._decode(name), self._read_keys(name)

    def has_recipe(self, name: str, rows: Sequence[Row]) -> bool:
        """
        Check whether a part without keys is of this run's recipe.

        :param name: name of the part
        :param rows: rows of the part
        :return: True if its name has the hash of these rows and of the recipe
        """
        index, kind = int(name.split("-")[1]), name.rpartition(".")[2]
        run = part_names.run_digest(self._recipe, kind, self._vectors)
        return name == part_names.build_part_name(index, part_names.digest(run, rows), kind)

    def _decode(self, name: str) -> list[Row]:
        contents = {file.rpartition(".")[2]: self._read_file(file) for file in part_names.list_files(name)}
        return formats.decode(name.rpartition(".")[2], contents, self._vectors, self._storage.child(name).display)

    def _read_keys(self, name: str) -> list[bytes]:
        keys_name = part_names.build_keys_name(name)
        data = self._read_file(keys_name) if keys_name in self._files else b""
        size = part_names.KEY_BYTES
        return [data[start : start + size] for start in range(0, len(data), size)]

    def _read_file(self, name: str) -> bytes:
        with self._storage.child(name).open() as stream:
            return stream.read()

    def renew(self, usage: Mapping[str, Any]) -> None:
        """
        Give a sign of life, so that no other run takes over the folder. Safe to call from several threads.

        :param usage: usage of this try so far, counts by name
        :raises ConfigurationError: if another run has taken over the folder
        """
        with self._lock:
            self._run_file.renew(usage)

    def end(self, usage: Mapping[str, Any]) -> None:
        """
        End the try, whether it has succeeded or not.

        :param usage: usage of this try, likewise
        """
        with self._lock:
            self._run_file.end(usage)

    def finish(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """
        Remove parts of other runs, write Parquet parts again that differ in their schema, and write the manifest.

        If an earlier try has written the manifest of these parts, it stays unchanged; only the return value has
        ``rows_reused`` and ``usage`` of this try.

        :param fields: further fields of the manifest, as JSON: model, dimensions, usage; ``cut`` of earlier tries is
            added
        :return: the manifest for XCom: with the path, with the number of parts instead of their list, without recipe
        :raises ConfigurationError: if another run has taken over the folder, or removed its parts
        """
        counts = {**(fields.get("usage") or {}), **({"cut": fields["cut"]} if "cut" in fields else {})}
        self._run_file.renew(counts, now=True)
        missing = [name for name in self._rows if not self.has(name)]
        if missing:
            raise ValueError(f"{len(missing)} parts were never written, {missing[0]} first")
        self._check_files()
        total = self._run_file.add_previous(counts)
        cut = {"cut": int(total.pop("cut", 0))} if "cut" in fields else {}
        manifest = self._describe({**fields, **cut, "usage_total": total})
        if self._old is None or self._old.get("parts") != manifest["parts"]:
            self._unfinish()
        self._remove_other_parts()
        if self._old is None:
            if self._schema:
                files = {name: self._storage.child(name) for name in self._rows}
                parquet.unify_parts(files, self._vectors, self._schema)
            text = json.dumps(manifest, ensure_ascii=False, indent=1)
            self._storage.child(MANIFEST).write(f"{text}\n".encode())
            self._old = manifest
        summary = self._old | {name: manifest[name] for name in _TRY_FIELDS if name in manifest}
        rest = {name: value for name, value in summary.items() if name not in _NOT_FOR_XCOM}
        return {"path": self._path, "parts": len(self._rows), **rest}

    def _check_files(self) -> None:
        names = set(self._storage.iterdir())
        lost = [name for name in self._rows if not names.issuperset(part_names.list_files(name))]
        if lost:
            raise ConfigurationError(
                f"{len(lost)} parts of the output folder {self._path} were removed while the task ran, {lost[0]} "
                "first. Give each run a folder of its own, and clear the task."
            )

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
            "digest": _hash_names(self._rows),
            "recipe": self._recipe,
            "parts": [{"name": name, "rows": count} for name, count in self._rows.items()],
        }
        cleaned: dict[str, Any] = json.loads(json_line(manifest))
        return cleaned

    def _unfinish(self) -> None:
        if self._old is not None:
            self._storage.child(MANIFEST).remove()
            self._old = None

    def _remove_other_parts(self) -> None:
        own = {file for name in self._rows for file in part_names.list_files(name)}
        own |= {part_names.build_keys_name(name) for name in self._rows}
        # Remove the last file of a part first, so that no incomplete part looks complete.
        for file in sorted(self._files - own, key=_last_first):
            self._remove(file)

    def _remove(self, file: str) -> None:
        self._storage.child(file).remove()
        self._files.discard(file)


def read_manifest(folder: StoragePath) -> dict[str, Any]:
    """
    Read the manifest of a folder.

    :param folder: a folder with a manifest
    :return: the manifest
    :raises ConfigurationError: if this provider didn't write it
    """
    with folder.child(MANIFEST).open() as stream:
        data = stream.read()
    try:
        manifest = json.loads(data)
    except ValueError:
        manifest = None
    if isinstance(manifest, dict) and manifest.get("kind") == KIND:
        return manifest
    raise ConfigurationError(
        f"The folder {folder.display} has a {MANIFEST} that is not of this provider: choose another folder."
    )


def _hash_names(names: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(names).encode()).hexdigest()[:16]


def _is_leftover(name: str) -> bool:
    target = find_leftover_target(name)
    return part_names.is_ours(target) or target in {MANIFEST, RUN_FILE}


def _last_first(name: str) -> tuple[bool, str]:
    return name.endswith((".jsonl", ".keys")), name
