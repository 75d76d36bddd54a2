from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.errors import ConfigurationError
from apache_airflow_provider_ovhcloud_ai.validation import integer, number, quote, text


@pytest.mark.parametrize(
    ("value", "result"), [(1, 1.0), (0.5, 0.5), ("0.5", 0.5), (" 2 ", 2.0), (Decimal("1.5"), 1.5), ("1e-1", 0.1)]
)
def test_numbers(value: Any, result: float) -> None:
    assert number(value, "x", 0, 2) == result


@pytest.mark.parametrize(
    ("value", "quoted"),
    [
        ("hot", "'hot'"),
        ("", "''"),
        (3.5, "3.5"),
        (-1, "-1"),
        (math.nan, "nan"),
        ("nan", "'nan'"),
        (math.inf, "inf"),
        (True, "True"),
        (None, "None"),
        ([1], "a value of type list"),
        (10**400, "a number of 1329 bits"),
        ("x" * 100, "'" + "x" * 37 + "...'"),
        ("\ud800", "'\\ud800'"),
        (1j, "a value of type complex"),
    ],
)
def test_not_numbers(value: Any, quoted: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        number(value, "temperature", 0, 2)
    assert str(caught.value) == f"temperature must be a number from 0 to 2, not {quoted}."


@pytest.mark.parametrize(("value", "result"), [(1, 1), ("3", 3), (2.0, 2), ("2.0", 2)])
def test_integers(value: Any, result: int) -> None:
    number = integer(value, "x", 0)
    assert (number, type(number)) == (result, int)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (1.5, "x must be a whole number of at least 0, not 1.5."),
        ("1.5", "x must be a whole number of at least 0, not '1.5'."),
        (-1, "x must be a number of at least 0, not -1."),
        ("many", "x must be a number of at least 0, not 'many'."),
    ],
)
def test_not_integers(value: Any, says: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        integer(value, "x", 0)
    assert str(caught.value) == says


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (5, "model must be a text, not 5."),
        (None, "model must be a text, not None."),
        ("", "model must not be empty."),
        (" \n", "model must not be empty."),
        (b"x", "model must be a text, not a value of type bytes."),
    ],
)
def test_not_texts(value: Any, says: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        text(value, "model")
    assert str(caught.value) == says


def test_quote_shows_no_more_than_fits() -> None:
    assert quote({"password": "secret"}) == "a value of type dict"
    assert len(quote("word " * 1_000)) == 42
