"""
Division of rows into parts, and names of parts by their content. Pure.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from . import formats
from .serialization import Row, canonical

#: Default number of rows in a part: some megabytes, and a thousand files for a million rows.
PART_SIZE = 1_000

#: Field of a record with the error of a failed row.
ERROR = "error"

#: Hexadecimal digits of the hash in a name: 64 bits.
_HASH_DIGITS = 16

_STEM = rf"part-\d{{5,}}-[0-9a-f]{{{_HASH_DIGITS}}}"
_NAME = re.compile(rf"{_STEM}\.({'|'.join(formats.SUFFIXES)})|_{_STEM}\.keys")

#: Bytes of the key of a row.
KEY_BYTES = 16


def split(rows: Iterable[Row], part_size: int = PART_SIZE) -> Iterator[tuple[int, list[Row]]]:
    """
    Divide rows into parts, with one part in memory at a time.

    :param rows: any number of rows, read lazily
    :param part_size: number of rows in each part except the last, at least 1
    :return: number of each part, from 0, and its rows
    """
    source = iter(rows)
    index = 0
    while part := list(islice(source, part_size)):
        yield index, part
        index += 1


def run_digest(recipe: Mapping[str, Any], kind: str, vectors: str | None) -> str:
    """
    Compute a hash that differs between runs with different results for the same rows.

    :param recipe: everything that affects the results, as JSON: model, parameters, dimensions, template
    :param kind: format of the output
    :param vectors: field of the vector in a record, or None if records lack vectors
    :return: hexadecimal digits
    :raises InvalidInputError: if the recipe can't be written as JSON
    """
    whole = {"recipe": recipe, "format": kind, "version": formats.VERSION, "vectors": vectors}
    return hashlib.sha256(canonical(whole, "The recipe")).hexdigest()[:_HASH_DIGITS]


def digest(run: str, rows: Iterable[Row], keys: Iterable[bytes] = ()) -> str:
    """
    Compute a hash that differs between parts with different results.

    :param run: return value of :func:`run_digest`
    :param rows: rows of the part
    :param keys: keys of the rows, if more than the rows and the run affects the results
    :return: hexadecimal digits
    :raises InvalidInputError: if a row can't be written as JSON
    """
    content = hashlib.sha256(run.encode())
    for position, row in enumerate(rows):
        content.update(canonical(row, f"Row {position} of a part") + b"\n")
    for key in keys:
        content.update(key)
    return content.hexdigest()[:_HASH_DIGITS]


def build_part_name(index: int, content: str, kind: str) -> str:
    """
    Build the name of a part.

    :param index: number of the part, from 0
    :param content: return value of :func:`digest`
    :param kind: format of the part
    :return: name of its last file
    """
    return f"part-{index:05d}-{content}.{kind}"


def list_files(name: str) -> list[str]:
    """
    List the files of a part.

    :param name: return value of :func:`build_part_name`
    :return: names in the order of writing
    """
    stem, _, kind = name.rpartition(".")
    return [f"{stem}.{suffix}" for suffix in formats.SUFFIXES[kind]]


def build_keys_name(name: str) -> str:
    """
    Build the name of the file with the keys of a part's rows. Readers of data ignore it: it begins with ``_``.

    :param name: return value of :func:`build_part_name`
    :return: the name
    """
    return f"_{name.rpartition('.')[0]}.keys"


def find_part_names(files: Collection[str]) -> list[str]:
    """
    Find the complete parts of a folder.

    :param files: names of all files in it
    :return: names of the parts, in order
    """
    parts = {name for name in files if is_ours(name) and not name.startswith("_")}
    # A NumPy matrix has JSON Lines beside it.
    matrices = {f"{name.removesuffix('.npy')}.jsonl" for name in parts if name.endswith(".npy")}
    return sorted(name for name in parts - matrices if parts.issuperset(list_files(name)))


def is_ours(name: str) -> bool:
    """
    Check whether a file belongs to a part.

    :param name: name of the file
    :return: True if the whole name has the form of a part's file
    """
    return _NAME.fullmatch(name) is not None


def failed(records: Sequence[Row | None]) -> list[int]:
    """
    Find the failed rows of a part.

    :param records: records of the part
    :return: indexes of the records with an error
    """
    return [position for position, record in enumerate(records) if record and record.get(ERROR) is not None]
