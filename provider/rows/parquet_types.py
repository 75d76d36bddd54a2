"""
Types of Parquet columns: which one holds the values of two. Pure, but for the import of pyarrow when it is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ..errors import ConfigurationError

#: Units of times, and nanoseconds in each.
UNITS_NS = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}

#: Digits of the largest decimal that all readers know, and of the largest integers by their bits.
MAX_DECIMAL_DIGITS = 38
_INTEGER_DIGITS = {8: 3, 16: 5, 32: 10, 64: 20}

#: Types that differ from another one only in memory, or fit into one that all readers know.
_SIMPLER_TYPES = {
    "large_string": "string",
    "string_view": "string",
    "large_binary": "binary",
    "binary_view": "binary",
    "date64[ms]": "date32",
    "halffloat": "float32",
}


def load() -> Any:
    """
    Import pyarrow.

    :return: its module, with ``parquet`` in it
    :raises ConfigurationError: if it is not installed
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise ConfigurationError(
            "Parquet needs pyarrow, which is not installed here: "
            'pip install "airflow-provider-ovhcloud-ai[parquet]", or use jsonl.'
        ) from None
    return pyarrow


def map_leaves(kind: Any, change: Callable[[Any], Any], *, is_nested: bool = False) -> Any:
    """
    Apply a function to the leaves of a type, in the order of the columns of a file.

    :param kind: a type of pyarrow
    :param change: function from an old to a new leaf
    :param is_nested: whether the type is within another one, in which a list of fixed size becomes one of any size
    :return: the new type, with nullable fields and without dictionaries and large offsets
    """
    arrow = load()
    types = arrow.types
    if types.is_struct(kind):
        fields = ((field.name, field.type) for field in _list_fields(kind))
        return arrow.struct([(name, map_leaves(field, change, is_nested=True)) for name, field in fields])
    if types.is_map(kind):
        key, item = (map_leaves(part, change, is_nested=True) for part in (kind.key_type, kind.item_type))
        return arrow.map_(kind.key_type if types.is_null(key) else key, item)  # keys can't be null
    if types.is_dictionary(kind):
        return map_leaves(kind.value_type, change, is_nested=is_nested)
    if is_list(kind):
        value = map_leaves(kind.value_type, change, is_nested=True)
        # Before 26, pyarrow can neither write nor read a list of fixed size that is null.
        is_fixed = types.is_fixed_size_list(kind) and not is_nested
        return arrow.list_(value, kind.list_size) if is_fixed else arrow.list_(value)
    return change(kind)


def iter_types(kind: Any) -> Iterator[Any]:
    """
    Iterate over a type and all types within it.

    :param kind: a type of pyarrow
    :return: the types
    """
    types = load().types
    yield kind
    if types.is_struct(kind):
        parts = [field.type for field in _list_fields(kind)]
    elif types.is_map(kind):
        parts = [kind.key_type, kind.item_type]
    else:
        parts = [kind.value_type] if is_list(kind) else []
    for part in parts:
        yield from iter_types(part)


def is_list(kind: Any) -> bool:
    """
    Check whether a type is a list of any kind.

    :param kind: a type of pyarrow
    :return: True for lists of any or of fixed size
    """
    types = load().types
    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def simplify(kind: Any) -> Any:
    """
    Remove from a type what makes no difference to the values in a file.

    :param kind: a type of pyarrow
    :return: the type, as :func:`map_leaves` returns it, without views and small decimals
    """
    arrow = load()

    def change(leaf: Any) -> Any:
        if arrow.types.is_decimal(leaf) and leaf.bit_width < 128:
            return arrow.decimal128(leaf.precision, leaf.scale)
        simpler = _SIMPLER_TYPES.get(str(leaf))
        return arrow.type_for_alias(simpler) if simpler else leaf

    return map_leaves(kind, change)


def allow_nulls(kind: Any) -> Any:
    """
    Return the type of a column in which a value is null.

    :param kind: a simple type
    :return: a list of any size for one of fixed size; any other type unchanged
    """
    arrow = load()
    return arrow.list_(kind.value_type) if arrow.types.is_fixed_size_list(kind) else kind


def fill_nulls(kind: Any) -> Any:
    """
    Replace the type of columns without values, which few readers know.

    :param kind: a simple type
    :return: the type with strings in place of nulls
    """
    arrow = load()
    return map_leaves(kind, lambda leaf: arrow.string() if arrow.types.is_null(leaf) else leaf)


def unify(one: Any, other: Any, *, is_exact: bool = True) -> Any:
    """
    Find the type that holds the values of two types unchanged.

    :param one: a simple type
    :param other: a simple type
    :param is_exact: whether doubles can represent all integers of both
    :return: the type, or None if there is none
    """
    types = load().types
    if one == other or types.is_null(other):
        return one
    if types.is_null(one):
        return other
    kinds = (one, other)
    if all(map(is_list, kinds)) or all(map(types.is_map, kinds)) or all(map(types.is_struct, kinds)):
        return _unify_nested(one, other, is_exact)
    if all(types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind) for kind in kinds):
        return _unify_numbers(kinds, is_exact)
    return _unify_times(kinds)


def _unify_nested(one: Any, other: Any, is_exact: bool) -> Any:
    arrow = load()
    if is_list(one):
        value = unify(one.value_type, other.value_type, is_exact=is_exact)
        return None if value is None else arrow.list_(value)
    if arrow.types.is_map(one):
        key = unify(one.key_type, other.key_type, is_exact=is_exact)
        item = unify(one.item_type, other.item_type, is_exact=is_exact)
        return None if key is None or item is None else arrow.map_(key, item)
    fields: dict[str, Any] = {}
    for field in (*_list_fields(one), *_list_fields(other)):
        kind = unify(fields.get(field.name, arrow.null()), field.type, is_exact=is_exact)
        if kind is None:
            return None
        fields[field.name] = kind
    return arrow.struct(list(fields.items()))


def _unify_numbers(kinds: tuple[Any, Any], is_exact: bool) -> Any:
    arrow = load()
    types = arrow.types
    if any(map(types.is_floating, kinds)):
        has_decimal, has_integer = any(map(types.is_decimal, kinds)), any(map(types.is_integer, kinds))
        return None if has_decimal or (has_integer and not is_exact) else arrow.float64()
    if all(map(types.is_unsigned_integer, kinds)):
        return arrow.uint64()
    if all(map(types.is_integer, kinds)) and not any(map(types.is_uint64, kinds)):
        return arrow.int64()
    sizes = [
        (kind.precision - kind.scale, kind.scale) if types.is_decimal(kind) else (_INTEGER_DIGITS[kind.bit_width], 0)
        for kind in kinds
    ]
    whole, scale = (max(sides) for sides in zip(*sizes, strict=True))
    return arrow.decimal128(whole + scale, scale) if whole + scale <= MAX_DECIMAL_DIGITS else None


def _unify_times(kinds: tuple[Any, Any]) -> Any:
    arrow = load()
    types = arrow.types
    is_same_kind = [all(map(is_kind, kinds)) for is_kind in (types.is_timestamp, types.is_duration, types.is_time)]
    if not any(is_same_kind):
        return None
    unit = min((kind.unit for kind in kinds), key=lambda unit: UNITS_NS[unit])
    if is_same_kind[1]:
        return arrow.duration(unit)
    if is_same_kind[2]:
        return arrow.time32(unit) if unit in ("s", "ms") else arrow.time64(unit)
    zones = {kind.tz for kind in kinds}
    if len(zones) > 1:
        return None if None in zones else arrow.timestamp(unit, "UTC")
    return arrow.timestamp(unit, zones.pop())


def _list_fields(kind: Any) -> list[Any]:
    return [kind.field(index) for index in range(kind.num_fields)]
