from __future__ import annotations

from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.sandbox.endpoints import parameters
from apache_airflow_provider_ovhcloud_ai.sandbox.http.messages import Refusal

TABLE = {"size": parameters.integer(1, 5), "name": parameters.text}


def test_null_is_left_out() -> None:
    assert parameters.read_params({"size": 3, "name": None}, TABLE) == {"size": 3}


@pytest.mark.parametrize(
    ("payload", "code", "words"),
    [
        ({"size": 6}, "invalid_value", "'size' must be a whole number from 1 to 5"),
        ({"speed": 1}, "unsupported_parameter", "not currently supported: 'speed'"),
        ({"speed": None}, "unsupported_parameter", "not currently supported: 'speed'"),
    ],
)
def test_refusal_names_the_parameter(payload: dict[str, Any], code: str, words: str) -> None:
    with pytest.raises(Refusal) as caught:
        parameters.read_params(payload, TABLE)
    error = caught.value.response.body["error"]
    assert (error["param"], error["code"]) == (next(iter(payload)), code)
    assert words in error["message"]


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (parameters.boolean, [True, False], [0, 1, "true"]),
        (parameters.text, ["", "a"], [1, ["a"]]),
        (parameters.number(0, 2), [0, 2, 1.5], [-0.1, 2.1, True, "1", float("nan")]),
        (parameters.integer(), [-5, 0], [1.0, False, "1"]),
        (parameters.integer(1), [1, 10**9], [0]),
        (parameters.integer(1, 10), [1, 10], [0, 11]),
        (parameters.choice("a", "b"), ["a", "b"], ["c", ["a"], None]),
        (parameters.texts, ["a", ["a"], ["a"] * 4], ["", [], ["a", ""], ["a"] * 5, [1]]),
    ],
)
def test_what_each_check_accepts(check: parameters.Check, good: list[Any], bad: list[Any]) -> None:
    assert [value for value in good if check(value)] == []
    assert [value for value in bad if not check(value)] == []
