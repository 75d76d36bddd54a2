"""
Iteration over the rows of a finished folder.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..errors import ConfigurationError, InvalidInputError
from . import formats, part_names
from .folder import MANIFEST, read_manifest
from .serialization import Row
from .storage import StoragePath, open_storage


def read_results(path: Any, digest: str | None = None) -> Iterator[Row]:
    """
    Iterate over the rows of a finished folder, with one part in memory at a time.

    :param path: a ``pathlib.Path`` or a UPath
    :param digest: ``digest`` of the returned manifest, to notice if another run has written since; None for any
    :return: the rows in order, each with its columns and those of the result; a vector is a list of floats
    :raises ConfigurationError: if the folder lacks a manifest of this provider
    :raises InvalidInputError: if a part doesn't match the manifest, or another run has written the folder since
    """
    folder = open_storage(path)
    if MANIFEST not in folder.iterdir():
        raise ConfigurationError(
            f"The folder {folder.display} has no {MANIFEST}: the run that writes it has not finished, or wrote "
            "elsewhere."
        )
    manifest = read_manifest(folder)
    if digest is not None and manifest.get("digest") != digest:
        raise InvalidInputError(
            f"Another run has written the folder {folder.display} since its manifest was returned. Give each run a "
            "folder of its own."
        )
    for part in manifest["parts"]:
        yield from _iter_rows(folder, manifest, part)


def _iter_rows(folder: StoragePath, manifest: Mapping[str, Any], part: Mapping[str, Any]) -> Iterator[Row]:
    vectors = manifest["vectors"]
    contents = {}
    for file in part_names.list_files(part["name"]):
        try:
            with folder.child(file).open() as stream:
                contents[file.rpartition(".")[2]] = stream.read()
        except FileNotFoundError:
            raise InvalidInputError(f"The folder {folder.display} lacks {file}, which its {MANIFEST} names.") from None
    records = formats.decode(manifest["format"], contents, vectors, folder.child(part["name"]).display)
    if len(records) != part["rows"]:
        raise InvalidInputError(f"{file} in {folder.display} has {len(records)} rows, not {part['rows']}.")
    for record in records:
        if vectors and record.get(vectors):
            record[vectors] = record[vectors].tolist()
        yield record
