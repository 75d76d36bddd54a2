"""
Values that every store can hold: nothing else is changed, and nothing that needs a change is overlooked.
"""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.json_values import clean_text, is_suspect, make_storable
from hypothesis import given
from hypothesis import strategies as st

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters()), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("value", "storable", "changes"),
    [
        ({"a": ["b", 1, None, True, 0.5]}, {"a": ["b", 1, None, True, 0.5]}, 0),
        ("\U0001f600 ok", "\U0001f600 ok", 0),
        ("\ud83d\ude00", "\U0001f600", 1),
        ("half \ud83d", "half \ufffd", 1),
        (["nul\0", "\0"], ["nul\ufffd", "\ufffd"], 2),
        ({"key\0": 1}, {"key\ufffd": 1}, 1),
        ([math.nan, -math.inf, 1e308], [None, None, 1e308], 2),
    ],
)
def test_only_what_a_store_cannot_hold_is_replaced(value: Any, storable: Any, changes: int) -> None:
    assert make_storable(value) == (storable, changes)


@given(JSON)
def test_any_value_becomes_storable(value: Any) -> None:
    storable, changes = make_storable(value)
    text = json.dumps(storable, allow_nan=False, ensure_ascii=False)
    assert "\\u0000" not in text
    assert text.encode().decode() == text
    assert make_storable(storable)[1] == 0
    if not changes:
        assert storable == value


@given(JSON, st.booleans())
def test_bytes_of_a_value_to_change_are_suspect(value: Any, ascii_only: bool) -> None:
    body = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    assert is_suspect(body) or make_storable(json.loads(body))[1] == 0


@pytest.mark.parametrize("body", [b'{"a": 1e999}', b"[-1E+400]"])
def test_number_that_python_reads_as_infinite_is_suspect(body: bytes) -> None:
    assert is_suspect(body)


@pytest.mark.parametrize("value", [None, 5, 0.5, ["\0"]])
def test_other_value_is_no_text_to_clean(value: Any) -> None:
    assert clean_text(value) is value
