"""
Rows as JSON, in a canonical form for hashes and a readable form for files, and vectors of 32-bit floats. Pure.
"""

from __future__ import annotations

import base64
import json
import sys
from array import array
from collections.abc import Iterable, Mapping
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any, TypeAlias
from uuid import UUID

from ..errors import InvalidInputError
from ..json_values import map_scalars, replace_non_finite, replace_surrogates

#: Values by column: of an input row, or of a record, which also has the columns of the result.
Row: TypeAlias = dict[str, Any]

#: 32-bit floats, ``array("f")``: an eighth of the memory of a list of Python's floats.
Vector: TypeAlias = "array[float]"


def read_text_column(row: Row, number: int, column: str) -> str:
    """
    Read the text of a row.

    :param row: the row
    :param number: number of the row, from 0, for the error
    :param column: column of the text
    :return: the text
    :raises InvalidInputError: if the column is missing, or isn't a string, or is blank
    """
    value = row.get(column)
    if isinstance(value, str) and value.strip():
        return value
    columns = ", ".join(map(str, row))[:300] or "none"
    has = f"a value of type {type(value).__name__}" if column in row else f"no such column, but {columns}"
    has = "a blank one" if isinstance(value, str) else has
    raise InvalidInputError(
        f"Row {number} has no text in the column {column!r}: it has {has}. text_column names the column with the text."
    )


def vector(value: bytes | Iterable[float]) -> Vector:
    """
    Create a vector.

    :param value: little-endian 32-bit floats, or numbers
    :return: the vector
    """
    floats = array("f", value)
    if sys.byteorder == "big" and isinstance(value, bytes):
        floats.byteswap()
    return floats


def little_endian(floats: Vector) -> memoryview:
    """
    Return a vector as little-endian bytes; without a copy if the machine is little-endian.

    :param floats: the vector
    :return: four bytes for each number
    """
    if sys.byteorder == "big":
        floats = floats[:]
        floats.byteswap()
    return memoryview(floats).cast("B")


def canonical(value: Any, what: str) -> bytes:
    """
    Encode a value so that only equal values give equal bytes.

    :param value: a JSON value, which may contain the further types of Parquet
    :param what: description of the value, for the error
    :return: one line of ASCII
    :raises InvalidInputError: if it contains a value of another type
    """
    return _dump(value, what, default=_tag_value, sort_keys=True).encode()


def json_line(record: Mapping[str, Any]) -> str:
    """
    Format a record as one line of JSON.

    Numbers that aren't finite become null, and lone surrogates become U+FFFD, as JSON and UTF-8 don't allow them.

    :param record: the record
    :return: the line, without its end
    :raises InvalidInputError: if it contains a value of a type that neither JSON nor Parquet has
    """
    text = _dump(record, "A record", default=_format_value, ensure_ascii=False)
    if "NaN" in text or "Infinity" in text:
        text = _dump(map_scalars(record, replace_non_finite), "A record", default=_format_value, ensure_ascii=False)
    return str(replace_surrogates(text))


def _dump(value: Any, what: str, **options: Any) -> str:
    try:
        return json.dumps(value, separators=(",", ":"), **options)
    except (TypeError, ValueError, RecursionError) as error:
        reason = str(error)
    raise InvalidInputError(f"{what} cannot be written as JSON: {reason}.")


def _format_value(value: Any) -> str:
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, (Decimal, UUID, timedelta)):
        return str(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(f"it holds a value of type {type(value).__name__}")


def _tag_value(value: Any) -> list[str]:
    return [type(value).__name__, _format_value(value)]
