"""
What a part looks like as bytes: lines of JSON, Parquet, or a NumPy matrix with lines of JSON beside it. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..errors import ConfigurationError, InvalidResponseError
from . import parquet
from .serialization import Row, json_line, little_endian, vector

#: To be raised when equal records become other bytes: parts of before are then made anew.
VERSION = 1

#: The files of a part by their suffixes, in the order in which they are written: with the last one it is complete.
SUFFIXES = {"jsonl": ("jsonl",), "parquet": ("parquet",), "npy": ("jsonl", "npy")}

_SHAPE = re.compile(rb"'shape': \((\d+), (\d+)\)")


def check(kind: Any, vectors: str | None) -> None:
    """
    Check that parts can be written in a format, before anything is paid for.

    :param kind: ``jsonl``, ``parquet`` or ``npy``
    :param vectors: the field of a record that holds its vector, if it has one
    :raises ConfigurationError: if there is no such format, it is none for such records, or pyarrow is missing
    """
    if kind not in tuple(SUFFIXES):
        raise ConfigurationError(f"output_format must be one of {', '.join(SUFFIXES)}, not {repr(kind)[:20]}.")
    if kind == "npy" and vectors is None:
        raise ConfigurationError("The format npy is for vectors alone: use jsonl or parquet.")
    if kind == "parquet":
        parquet.load()


def check_rows(kind: str, rows: Sequence[Row]) -> None:
    """
    Check that rows fit into a format, before their results are paid for.

    :param kind: a format that :func:`check` accepts
    :param rows: the rows of a part
    :raises InvalidInputError: if they hold what it has no form for
    """
    if kind == "parquet":
        parquet.encode(rows, None)


def encode(kind: str, records: Sequence[Row], vectors: str | None) -> dict[str, bytes]:
    """
    Write the files of a part.

    :param kind: a format that :func:`check` accepts
    :param records: the records, of which those that failed may lack a vector, except for ``npy``
    :param vectors: the field that holds a record's vector, if there is one
    :return: the bytes of each file by its suffix, in the order in which to write them
    :raises InvalidInputError: if a record holds what the format has no form for
    :raises InvalidResponseError: if vectors differ in their dimensions, or hold a number that JSON has no word for
    """
    sizes = sorted({len(record[vectors]) for record in records if record.get(vectors)}) if vectors else []
    if len(sizes) > 1:
        raise InvalidResponseError(f"The vectors of a part have different dimensions: {', '.join(map(str, sizes))}.")
    if kind == "parquet":
        return {"parquet": parquet.encode(records, vectors)}
    if kind == "jsonl":
        return {"jsonl": _lines(_with_vector(record, vectors) for record in records)}
    rest = [{name: value for name, value in record.items() if name != vectors} for record in records]
    return {"jsonl": _lines(map(json_line, rest)), "npy": _matrix([record.get(vectors or "") for record in records])}


def decode(kind: str, files: Mapping[str, bytes], vectors: str | None) -> list[Row]:
    """
    Read back what :func:`encode` wrote.

    :param kind: a format that :func:`check` accepts
    :param files: the bytes of each file by its suffix
    :param vectors: the field that holds a record's vector, if there is one
    :return: the records. Those from Parquet have None where they had no such column; those from JSON have text where
        they had a value of a type that JSON lacks
    """
    if kind == "parquet":
        return parquet.decode(files["parquet"], vectors or "")
    records: list[Row] = [json.loads(line) for line in files["jsonl"].splitlines()]
    if kind == "npy":
        found = _iter_vector_bytes(files["npy"])
        return [{**record, vectors or "": vector(each)} for record, each in zip(records, found, strict=True)]
    for record in records:
        if vectors and record.get(vectors):
            record[vectors] = vector(record[vectors])
    return records


def _lines(lines: Iterable[str]) -> bytes:
    return b"".join(f"{line}\n".encode() for line in lines)


def _with_vector(record: Row, vectors: str | None) -> str:
    floats = record.get(vectors) if vectors else None
    if not floats:
        return json_line(record)
    # Nine digits tell all 32-bit floats apart: 14 bytes a number where json.dumps takes 21, in a third of its time.
    numbers = ",".join(["%.9g"] * len(floats)) % tuple(floats)
    if "n" in numbers:  # nan, or inf
        raise InvalidResponseError("A vector holds a number that is not finite.")
    if "-0," in f"{numbers},":  # which would be read as a whole number, whose zero has no sign
        numbers = ",".join("-0.0" if number == "-0" else number for number in numbers.split(","))
    rest = json_line({name: value for name, value in record.items() if name != vectors})
    return f"{rest[:-1]}{',' if len(rest) > 2 else ''}{json.dumps(vectors)}:[{numbers}]}}"


def _matrix(vectors: Sequence[Any]) -> bytes:
    if not all(vectors):
        raise ConfigurationError("The format npy has no place for a row without a vector: use jsonl or parquet.")
    shape = f"({len(vectors)}, {len(vectors[0])})"
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}"
    # NumPy wants the numbers to begin at a multiple of 64 bytes.
    header += " " * (-(len(header) + 11) % 64) + "\n"
    start = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode()
    return b"".join([start, *map(little_endian, vectors)])


def _iter_vector_bytes(data: bytes) -> Iterable[bytes]:
    start = 10 + int.from_bytes(data[8:10], "little")
    found = _SHAPE.search(data[:start])
    count, size = (int(found[1]), 4 * int(found[2])) if found else (0, 0)
    return (data[start + size * row : start + size * (row + 1)] for row in range(count))
