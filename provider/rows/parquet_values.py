"""
Values of Python as Parquet columns, and back.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from itertools import accumulate
from typing import Any

from ..errors import InvalidInputError
from ..json_values import map_scalars, replace_surrogates
from .parquet_types import UNITS_NS, is_list, iter_types, load, map_leaves, simplify
from .serialization import Vector, little_endian

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NANOSECONDS = re.compile(r"\.\d{6}(\d{3})")


def build_vectors(values: Sequence[Vector | None]) -> Any:
    """
    Build a column of vectors.

    :param values: the vectors, all of one size; None for a row without one
    :return: an array of lists of 32-bit floats; of fixed size if each row has a vector, of nulls if none has
    """
    arrow = load()
    size = max(len(value or ()) for value in values)
    if not size:
        return arrow.nulls(len(values))
    data = b"".join(little_endian(value) for value in values if value)
    numbers = arrow.Array.from_buffers(arrow.float32(), len(data) // 4, [None, arrow.py_buffer(data)])
    if all(values):
        return arrow.FixedSizeListArray.from_arrays(numbers, size)
    # Before 26, pyarrow can neither write nor read a list of fixed size that is null.
    ends = accumulate((size if value else 0 for value in values), initial=0)
    starts = [end if value else None for end, value in zip(ends, values, strict=False)]
    return arrow.ListArray.from_arrays(arrow.array([*starts, len(numbers)], arrow.int32()), numbers)


def build_array(values: list[Any], kind: Any = None) -> Any:
    """
    Build a column.

    :param values: values of one column
    :param kind: type of the column; None infers it
    :return: an array, or None if no column of the type holds each of the values unchanged
    """
    arrow = load()
    try:
        plain = values if kind is None else _map_texts(values, kind, _parse_time)
        try:
            array = arrow.array(plain, kind)
        except UnicodeEncodeError:
            plain = map_scalars(plain, replace_surrogates)
            array = arrow.array(plain, kind)
        return array if _is_same(plain, array) else None
    except (arrow.ArrowException, TypeError, ValueError, OverflowError):
        return None


def infer_array(values: list[Any]) -> Any:
    """
    Build a column of the type that its values have.

    :param values: values of one column
    :return: an array, or None if they lack a common type, or some readers lack it
    """
    arrow = load()
    array = build_array(values)
    if array is None:
        array = _infer_rest(values)
    has_large_decimal = array is not None and any(map(arrow.types.is_decimal256, iter_types(array.type)))
    return None if has_large_decimal else array


def is_exact(array: Any) -> bool:
    """
    Check whether doubles can represent all integers of a column.

    :param array: the column
    :return: False if there is an integer that a double would change
    """
    arrow = load()
    is_large = [arrow.types.is_int64(kind) or arrow.types.is_uint64(kind) for kind in iter_types(array.type)]
    if not any(is_large):
        return True
    doubles = map_leaves(array.type, lambda leaf: arrow.float64() if arrow.types.is_integer(leaf) else leaf)
    try:
        array.cast(doubles)
    except arrow.ArrowException:
        return False
    return True


def to_python(array: Any) -> list[Any]:
    """
    Convert a column to values of Python.

    :param array: the column
    :return: its values. A time that Python lacks a type for becomes text in ISO 8601, and a duration in nanoseconds
        their number
    :raises InvalidInputError: if a date or time is out of Python's range
    """
    arrow = load()
    kind = simplify(array.type)

    def choose(leaf: Any) -> Any:
        is_duration = arrow.types.is_duration(leaf) and leaf.unit == "ns"
        return arrow.int64() if is_duration or _is_text(leaf) else leaf

    plain = map_leaves(kind, choose)
    try:
        values = (array if plain == array.type else array.cast(plain)).to_pylist()
    except (OverflowError, ValueError):
        values = None
    if values is None:
        raise InvalidInputError(f"a {kind} that Python can't represent, such as a date after the year 9999")
    return _map_texts(values, kind, _format_time)


def _infer_rest(values: list[Any]) -> Any:
    arrow = load()
    try:
        kind = arrow.infer_type(values)
    except (arrow.ArrowException, TypeError, ValueError, OverflowError):
        return None
    if arrow.types.is_timestamp(kind):  # pyarrow cuts the nanoseconds of a pandas.Timestamp
        return build_array(values, arrow.timestamp("ns", kind.tz))
    if arrow.types.is_decimal(kind):  # pyarrow finds no place for the digits of an integer
        return build_array([Decimal(value) if type(value) is int else value for value in values])
    return None


def _is_same(values: list[Any], array: Any) -> bool:
    # pyarrow makes bytes of a text beside bytes, a date of a time beside a date, and UTC of a time without a zone.
    types = load().types
    kinds = list(iter_types(array.type))
    is_changeable = [types.is_binary(kind) or types.is_date(kind) or types.is_timestamp(kind) for kind in kinds]
    if any(map(_is_text, kinds)) or not any(is_changeable):
        return True
    return Counter(_iter_scalars(values)) == Counter(_iter_scalars(array.to_pylist()))


def _iter_scalars(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from _iter_scalars(item)
    elif value is not None and value == value:  # noqa: PLR0124  (NaN is never equal)
        yield value


def _is_text(kind: Any) -> bool:
    types = load().types
    if types.is_timestamp(kind):
        return bool(kind.unit == "ns" or (kind.tz and _find_zone(kind.tz) is None))
    return bool(types.is_time64(kind) and kind.unit == "ns")


def _find_zone(name: str) -> Any:
    try:
        return load().lib.string_to_tzinfo(name)
    except (LookupError, ValueError):
        return None


def _map_texts(values: list[Any], kind: Any, change: Callable[[Any, Any], Any]) -> list[Any]:
    if not any(map(_is_text, iter_types(kind))):
        return values
    return [_map_text(value, kind, change) for value in values]


def _map_text(value: Any, kind: Any, change: Callable[[Any, Any], Any]) -> Any:
    types = load().types
    if value is None:
        return None
    if types.is_struct(kind):
        return {name: _map_text(item, kind.field(name).type, change) for name, item in value.items()}
    if types.is_map(kind):
        return [(_map_text(key, kind.key_type, change), _map_text(item, kind.item_type, change)) for key, item in value]
    if is_list(kind):
        return [_map_text(item, kind.value_type, change) for item in value]
    return change(value, kind) if _is_text(kind) else value


def _format_time(value: int, kind: Any) -> str:
    microseconds, nanoseconds = divmod(value * UNITS_NS[kind.unit], 1_000)
    moment = _EPOCH + timedelta(microseconds=microseconds)
    is_timestamp = load().types.is_timestamp(kind)
    zone = (_find_zone(kind.tz) or UTC) if is_timestamp and kind.tz else None
    moment = moment.astimezone(zone) if zone else moment.replace(tzinfo=None)
    text = moment.isoformat(timespec="microseconds" if nanoseconds else "auto")
    if nanoseconds:
        text = re.sub(r"(\.\d{6})", rf"\g<1>{nanoseconds:03d}", text)
    return text if is_timestamp else text.partition("T")[2]


def _parse_time(value: Any, kind: Any) -> int:
    is_timestamp = load().types.is_timestamp(kind)
    if not isinstance(value, (str, datetime if is_timestamp else time)):
        raise TypeError("neither a time nor the text of one")
    match = _NANOSECONDS.search(value) if isinstance(value, str) else None
    nanoseconds = int(match[1]) if match else getattr(value, "nanosecond", 0)
    text = value if isinstance(value, str) else value.isoformat()
    moment = datetime.fromisoformat(text if is_timestamp else f"1970-01-01T{text}")
    if (moment.tzinfo is None) != (not is_timestamp or kind.tz is None):
        raise ValueError("one has a time zone, and the other has none")
    since = moment.replace(tzinfo=moment.tzinfo or UTC) - _EPOCH
    return (since // timedelta(microseconds=1) * 1_000 + nanoseconds) // UNITS_NS[kind.unit]
