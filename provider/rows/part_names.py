"""
Rows in parts, and parts by names that say what is in them. Pure.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from . import formats
from .serialization import Row, canonical

#: Rows in a part unless told otherwise: some megabytes, and a thousand files for a million rows.
PART_SIZE = 1_000

#: The field of a record that says why its row has no result.
ERROR = "error"

#: Hexadecimal digits that tell parts apart: 64 bits.
_DIGITS = 16

_NAME = re.compile(rf"part-\d{{5,}}-[0-9a-f]{{{_DIGITS}}}\.({'|'.join(formats.SUFFIXES)})")


def split(rows: Iterable[Row], part_size: int = PART_SIZE) -> Iterator[tuple[int, list[Row]]]:
    """
    Take rows in parts; only one is held at a time.

    :param rows: any number of rows
    :param part_size: rows in each part but the last, at least 1
    :return: the number of each part from 0 on, and its rows
    """
    source = iter(rows)
    index = 0
    while part := list(islice(source, part_size)):
        yield index, part
        index += 1


def run_digest(recipe: Mapping[str, Any], kind: str, vectors: str | None) -> str:
    """
    Tell runs apart that would give other results for the same rows.

    :param recipe: all that decides about a result, as JSON: model, parameters, dimensions, template
    :param kind: format of the output
    :param vectors: the field that holds a record's vector, if there is one
    :return: hexadecimal digits
    :raises InvalidInputError: if the recipe cannot be written as JSON
    """
    whole = {"recipe": recipe, "format": kind, "version": formats.VERSION, "vectors": vectors}
    return hashlib.sha256(canonical(whole, "The recipe")).hexdigest()[:_DIGITS]


def digest(run: str, rows: Iterable[Row]) -> str:
    """
    Tell parts apart that hold other results.

    :param run: what :func:`run_digest` gave
    :param rows: the rows of the part
    :return: hexadecimal digits
    :raises InvalidInputError: if a row cannot be written as JSON
    """
    found = hashlib.sha256(run.encode())
    for position, row in enumerate(rows):
        found.update(canonical(row, f"Row {position} of a part") + b"\n")
    return found.hexdigest()[:_DIGITS]


def build_part_name(index: int, content: str, kind: str) -> str:
    """
    Name a part.

    :param index: its number, from 0 on
    :param content: what :func:`digest` gave
    :param kind: its format
    :return: the name of its last file
    """
    return f"part-{index:05d}-{content}.{kind}"


def list_files(name: str) -> list[str]:
    """
    Name the files of a part.

    :param name: what :func:`name_of` gave
    :return: their names in the order in which they are written
    """
    stem, _, kind = name.rpartition(".")
    return [f"{stem}.{suffix}" for suffix in formats.SUFFIXES[kind]]


def is_ours(name: str) -> bool:
    """
    Tell whether a file's name is that of a part's file.

    :param name: its name
    :return: whether it is exactly so
    """
    return _NAME.fullmatch(name) is not None


def failed(records: Sequence[Row]) -> list[int]:
    """
    Find the rows of a part that are to be tried again.

    :param records: the part's records
    :return: positions of those that have an error
    """
    return [position for position, record in enumerate(records) if record.get(ERROR) is not None]
