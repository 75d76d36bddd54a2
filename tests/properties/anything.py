"""
Whatever JSON can hold, and texts of the kind that spoils things.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

#: Numbers that break arithmetic, and those that do not.
NUMBERS = (
    st.integers()
    | st.floats()
    | st.sampled_from([0, -1, 10**400, -(10**400), 2**63, 1e308, float("inf"), float("-inf"), float("nan")])
)

#: Texts with line ends, halves of characters, controls and templates.
TEXTS = st.text() | st.sampled_from(
    ["", " ", "\0", "\ud800", "a\r\n\r\nb", "\u2028", "{{ var.value.secret }}", "é" * 500]
)


def json_values(names: st.SearchStrategy[str] = TEXTS) -> st.SearchStrategy[Any]:
    """
    Any JSON, as Python reads it; the names in its objects are drawn among those given.
    """
    scalars = st.none() | st.booleans() | NUMBERS | TEXTS
    return st.recursive(
        scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4), max_leaves=12
    )


def objects(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """
    Objects whose fields are as given, of any other kind, or missing.
    """
    spoilt = {name: value | json_values() for name, value in fields.items()}
    return st.fixed_dictionaries({}, optional=spoilt)


def outcome(call: Callable[[], Any], error: type[Exception]) -> Any:
    """
    What a call returns, or the one error that it may raise.
    """
    try:
        return call()
    except error as raised:
        return raised
