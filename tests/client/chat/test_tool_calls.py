"""
Tool calls as servers send them, and as a strict server accepts them back.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.client.chat.tool_calls import ToolCall, read_tool_calls
from hypothesis import given
from hypothesis import strategies as st
from support.tool_functions import call


def check_strictly(message: Any) -> None:
    assert set(message) == {"id", "type", "function"}
    assert message["id"].strip()
    assert message["type"] == "function"
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", message["function"]["name"])
    assert isinstance(json.loads(message["function"]["arguments"], parse_constant=pytest.fail), dict)


@pytest.mark.parametrize(
    ("arguments", "text", "sent_back"),
    [
        ('{"a": 1}', '{"a": 1}', '{"a": 1}'),
        ({"a": "é"}, '{"a": "é"}', '{"a": "é"}'),
        ('"{\\"a\\": 1}"', '{"a": 1}', '{"a": 1}'),
        (None, "", "{}"),
        ("", "", "{}"),
        ("null", "", "{}"),
        ('{"a": ', '{"a": ', "{}"),
        ("city=Lyon", "city=Lyon", "{}"),
        ('"Lyon"', '"Lyon"', "{}"),
        ("[1]", "[1]", "{}"),
        ('{"a": NaN}', '{"a": NaN}', "{}"),
        ("\ud83d", None, "{}"),
        ([1], "[1]", "{}"),
    ],
)
def test_arguments_are_read_and_sent_back_as_an_object(arguments: Any, text: str | None, sent_back: str) -> None:
    (read,) = read_tool_calls([call("f", arguments)])
    assert read == ToolCall("call_1", "f", text)
    check_strictly(read.to_message())
    assert read.to_message()["function"]["arguments"] == sent_back


@pytest.mark.parametrize("identifier", [None, "", " ", 5, ["a"]])
def test_missing_id_is_replaced_by_one_of_nine_letters_and_digits(identifier: Any) -> None:
    first, second = read_tool_calls([call(identifier=identifier), call(identifier=identifier)])
    assert first.id != second.id
    assert all(re.fullmatch("[A-Za-z0-9]{9}", each.id) for each in (first, second))


def test_id_is_unique_in_the_conversation() -> None:
    round_one = read_tool_calls([call(identifier=None), call(identifier="a"), call(identifier="a")])
    history = [{"role": "assistant", "tool_calls": [each.to_message() for each in round_one]}]
    round_two = read_tool_calls([call(identifier="a"), call(identifier=None)], history)
    ids = [each.id for each in (*round_one, *round_two)]
    assert len(set(ids)) == 5
    assert ids[1] == "a"


@pytest.mark.parametrize(("name", "sent_back"), [("weather.now", "weather_now"), ("", "unnamed"), ("x" * 99, "x" * 64)])
def test_name_is_sent_back_as_a_valid_one(name: str, sent_back: str) -> None:
    (read,) = read_tool_calls([call(name)])
    assert (read.name, read.to_message()["function"]["name"]) == (name, sent_back)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
CALLS = st.builds(call, JSON, JSON | JSON.map(json.dumps), JSON) | JSON


@given(st.lists(CALLS, max_size=4), st.lists(st.fixed_dictionaries({"tool_calls": JSON}) | JSON, max_size=2))
def test_any_calls_are_valid_when_they_are_sent_back(calls: list[Any], messages: list[Any]) -> None:
    read = read_tool_calls(calls, messages)
    assert len({each.id for each in read}) == len(calls)
    for each in read:
        check_strictly(each.to_message())
