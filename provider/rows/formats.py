"""
File formats of parts: JSON Lines, Parquet, or a NumPy matrix with JSON Lines beside it. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from ..errors import ConfigurationError, InvalidInputError, InvalidResponseError
from . import parquet
from .parquet_schema import FolderSchema
from .serialization import Row, json_line, little_endian, vector

#: Increase this if equal records give different bytes: existing parts are then written again.
VERSION = 1

#: Suffixes of the files of a part, in the order of writing: the part is complete with the last one.
SUFFIXES = {"jsonl": ("jsonl",), "parquet": ("parquet",), "npy": ("jsonl", "npy")}

_SHAPE = re.compile(rb"'shape': \((\d+), (\d+)\)")


def check(kind: Any, vectors: str | None) -> None:
    """
    Check that parts can be written in a format, before any billed request.

    :param kind: ``jsonl``, ``parquet`` or ``npy``
    :param vectors: field of the vector in a record, or None if records lack vectors
    :raises ConfigurationError: if the format is unknown or doesn't fit the records, or pyarrow isn't installed
    """
    if kind not in tuple(SUFFIXES):
        raise ConfigurationError(f"output_format must be one of {', '.join(SUFFIXES)}, not {repr(kind)[:20]}.")
    if kind == "npy" and vectors is None:
        raise ConfigurationError("The format npy is for vectors alone: use jsonl or parquet.")
    if kind == "parquet":
        parquet.load()


def find_schema(kind: str, rows: Any, columns: Collection[str] | None = None) -> Any:
    """
    Find the schema that the columns of the rows keep in a format.

    :param kind: a format that :func:`check` accepts
    :param rows: the rows, as :func:`..reading.read_rows` returns them, or any others
    :param columns: columns to keep; None for all
    :return: schema of Parquet files, or None
    :raises InvalidInputError: if the files have types that can't share a column
    """
    schema = getattr(rows, "schema", None) if kind == "parquet" else None
    if schema is None or columns is None:
        return schema
    return parquet.load().schema([field for field in schema if field.name in columns])


def check_rows(kind: str, rows: Sequence[Row], schema: FolderSchema | None = None) -> None:
    """
    Check that rows can be written in a format, before any billed request.

    :param kind: a format that :func:`check` accepts
    :param rows: rows of a part
    :param schema: schema of a Parquet folder, which is widened for these rows; None for a file on its own
    :raises InvalidInputError: if a value can't be written in the format
    """
    if kind == "parquet":
        (schema or FolderSchema()).add(rows)


def encode(
    kind: str, records: Sequence[Row], vectors: str | None, schema: FolderSchema | None = None
) -> dict[str, bytes]:
    """
    Encode the files of a part.

    :param kind: a format that :func:`check` accepts
    :param records: the records; those of failed rows may lack a vector, except for ``npy``
    :param vectors: field of the vector in a record, or None if records lack vectors
    :param schema: schema of a Parquet folder, which is widened for these records; None for a file on its own
    :return: bytes of each file by suffix, in the order of writing
    :raises InvalidInputError: if a value can't be written in the format
    :raises InvalidResponseError: if vectors differ in their dimensions, or aren't finite
    """
    sizes = sorted({len(record[vectors]) for record in records if record.get(vectors)}) if vectors else []
    if len(sizes) > 1:
        raise InvalidResponseError(f"The vectors of a part have different dimensions: {', '.join(map(str, sizes))}.")
    if kind == "parquet":
        return {"parquet": parquet.encode(records, vectors, schema)}
    if kind == "jsonl":
        return {"jsonl": _join_lines(_format_record(record, vectors) for record in records)}
    rest = [{name: value for name, value in record.items() if name != vectors} for record in records]
    return {
        "jsonl": _join_lines(map(json_line, rest)),
        "npy": _encode_matrix([record.get(vectors or "") for record in records]),
    }


def decode(kind: str, files: Mapping[str, bytes], vectors: str | None, name: str = "The part") -> list[Row]:
    """
    Decode the files of a part that :func:`encode` wrote.

    :param kind: a format that :func:`check` accepts
    :param files: bytes of each file by suffix
    :param vectors: field of the vector in a record, or None if records lack vectors
    :param name: path of the part, for errors
    :return: the records. Parquet gives None for missing columns; JSON gives strings for values of types that it lacks
    :raises InvalidInputError: if a file is damaged
    """
    if kind == "parquet":
        return parquet.decode(files["parquet"], vectors or "", name)
    stem = name.rpartition(".")[0]
    records = _parse_lines(files["jsonl"], f"{stem}.jsonl")
    if kind == "npy":
        vectors_bytes = _split_matrix(files["npy"], f"{stem}.npy")
        if len(vectors_bytes) != len(records):
            raise InvalidInputError(f"{stem}.jsonl is damaged, or cut short.")
        return [{**record, vectors or "": vector(each)} for record, each in zip(records, vectors_bytes, strict=True)]
    for record in records:
        if vectors and record.get(vectors):
            record[vectors] = vector(record[vectors])
    return records


def _parse_lines(data: bytes, name: str) -> list[Row]:
    try:
        records = [json.loads(line) for line in data.splitlines()]
    except ValueError:  # don't chain it: it holds the line
        records = [None]
    if not all(isinstance(record, dict) for record in records):
        raise InvalidInputError(f"{name} is damaged, or cut short.")
    return records


def _join_lines(lines: Iterable[str]) -> bytes:
    return b"".join(f"{line}\n".encode() for line in lines)


def _format_record(record: Row, vectors: str | None) -> str:
    floats = record.get(vectors) if vectors else None
    if not floats:
        return json_line(record)
    # Nine digits are exact for 32-bit floats: 14 bytes a number, json.dumps takes 21 and three times as long.
    numbers = ",".join(["%.9g"] * len(floats)) % tuple(floats)
    if "n" in numbers:  # nan, or inf
        raise InvalidResponseError("A vector holds a number that is not finite.")
    if "-0," in f"{numbers},":  # would be read as an integer, which loses the sign of zero
        numbers = ",".join("-0.0" if number == "-0" else number for number in numbers.split(","))
    rest = json_line({name: value for name, value in record.items() if name != vectors})
    return f"{rest[:-1]}{',' if len(rest) > 2 else ''}{json.dumps(vectors)}:[{numbers}]}}"


def _encode_matrix(vectors: Sequence[Any]) -> bytes:
    if not all(vectors):
        raise ConfigurationError("The format npy has no place for a row without a vector: use jsonl or parquet.")
    shape = f"({len(vectors)}, {len(vectors[0])})"
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}"
    # NumPy requires the numbers to start at a multiple of 64 bytes.
    header += " " * (-(len(header) + 11) % 64) + "\n"
    start = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode()
    return b"".join([start, *map(little_endian, vectors)])


def _split_matrix(data: bytes, name: str) -> list[bytes]:
    start = 10 + int.from_bytes(data[8:10], "little")
    shape = _SHAPE.search(data[:start])
    count, size = (int(shape[1]), 4 * int(shape[2])) if shape else (-1, 0)
    if len(data) != start + count * size:
        raise InvalidInputError(f"{name} is damaged, or cut short.")
    return [data[start + size * row : start + size * (row + 1)] for row in range(count)]
