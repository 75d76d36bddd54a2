"""
Rows as JSON, and vectors.
"""

from __future__ import annotations

import json
import math
import struct
from array import array
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from apache_airflow_provider_ovhcloud_ai.errors import InvalidInputError
from apache_airflow_provider_ovhcloud_ai.rows.serialization import canonical, json_line, little_endian, vector
from hypothesis import given
from hypothesis import strategies as st

FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(st.lists(FLOATS))
def test_a_vector_is_the_same_from_bytes_and_from_numbers(numbers: list[float]) -> None:
    data = struct.pack(f"<{len(numbers)}f", *numbers)
    assert vector(data) == vector(numbers) == array("f", numbers)
    assert little_endian(vector(numbers)) == data


@given(st.dictionaries(st.text(), JSON), st.dictionaries(st.text(), JSON))
def test_the_canonical_form_is_equal_for_equal_rows_alone(one: dict[str, Any], other: dict[str, Any]) -> None:
    turned = dict(reversed(list(one.items())))
    assert canonical(one, "A row") == canonical(turned, "A row")
    # repr, as 1 == 1.0 == True while their texts in a prompt differ
    alike = _sorted_repr(one) == _sorted_repr(other)
    assert (canonical(one, "A row") == canonical(other, "A row")) is alike
    assert b"\n" not in canonical(one, "A row")


def _sorted_repr(value: Any) -> str:
    if isinstance(value, dict):
        return f"{{{','.join(f'{name!r}:{_sorted_repr(value[name])}' for name in sorted(value))}}}"
    if isinstance(value, list):
        return f"[{','.join(map(_sorted_repr, value))}]"
    return repr(value)


FURTHER = [
    (datetime(2026, 1, 2, 3, 4, 5), "2026-01-02T03:04:05"),
    (date(2026, 1, 2), "2026-01-02"),
    (time(3, 4), "03:04:00"),
    (timedelta(hours=1), "1:00:00"),
    (Decimal("1.10"), "1.10"),
    (UUID(int=7), "00000000-0000-0000-0000-000000000007"),
    (b"\0\1", "AAE="),
]


@pytest.mark.parametrize(("value", "text"), FURTHER)
def test_further_types_of_parquet(value: Any, text: str) -> None:
    assert json.loads(json_line({"a": [value]})) == {"a": [text]}
    assert canonical({"a": value}, "A row") != canonical({"a": text}, "A row")


def test_values_that_json_and_utf8_cannot_hold_are_replaced() -> None:
    row = {"n": math.nan, "deep": [{"i": -math.inf, "f": 1.5}], "t": "NaN Infinity", "h": "a\ud83d\u00e9", "p": "😀"}
    line = json_line(row).encode()
    assert json.loads(line) == {
        "n": None,
        "deep": [{"i": None, "f": 1.5}],
        "t": "NaN Infinity",
        "h": "a\ufffd\u00e9",
        "p": "😀",
    }
    assert canonical(row, "A row").isascii()


@pytest.mark.parametrize("value", [object(), {1, 2}, 1j, {("a",): 1}, {"a": 1, 2: 3}])
def test_other_types_are_named_not_shown(value: Any) -> None:
    with pytest.raises(InvalidInputError, match=r"^A row cannot be written as JSON: .+\.$") as caught:
        canonical({"a": value}, "A row")
    assert caught.value.__context__ is None


def test_a_row_that_holds_itself() -> None:
    row: dict[str, Any] = {}
    row["a"] = row
    with pytest.raises(InvalidInputError, match="Circular"):
        canonical(row, "A row")
