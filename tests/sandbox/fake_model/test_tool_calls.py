from __future__ import annotations

from collections.abc import Callable
from typing import Any

import openai
import pytest
from support.sandbox import CHAT, TOOL, WEATHER, check_refusal, message

Ask = Callable[..., Any]
OTHER = {"type": "function", "function": {"name": "add"}}


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"tools": []}, "'tools'"),
        ({"tools": [{"type": "function", "function": {}}]}, "no function with a name at position 0"),
        ({"tools": [{"type": "function", "function": {"name": "f", "parameters": []}}]}, "no JSON schema"),
        ({"tools": [TOOL], "tool_choice": "always"}, "'tool_choice'"),
        ({"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "g"}}}, "names 'g'"),
    ],
)
def test_tools_and_their_choice_are_validated(chat: Ask, params: dict[str, Any], words: str) -> None:
    check_refusal(chat(**params), words)


@pytest.mark.parametrize(
    ("params", "called"),
    [
        ({}, []),
        ({"messages": [{"role": "user", "content": "look_up x and add y"}]}, ["look_up", "add"]),
        (
            {"messages": [{"role": "user", "content": "look up x, add y"}], "parallel_tool_calls": False},
            ["look_up"],
        ),
        ({"messages": [{"role": "user", "content": "the address"}]}, []),
        ({"messages": [{"role": "user", "content": "add"}], "tool_choice": "none"}, []),
        ({"tool_choice": "required"}, ["look_up"]),
        ({"tool_choice": {"type": "function", "function": {"name": "add"}}}, ["add"]),
    ],
)
def test_which_tools_are_called(chat: Ask, params: dict[str, Any], called: list[str]) -> None:
    tool_calls = message(chat(tools=[TOOL, OTHER], **params)).get("tool_calls", [])
    assert [call["function"]["name"] for call in tool_calls] == called
    assert all(call["function"]["arguments"] == "{}" for call in tool_calls)


def test_calls_the_tool_that_is_named_in_the_question(client: openai.OpenAI) -> None:
    messages = [{"role": "user", "content": "Please get weather for Lille"}]
    answer = client.chat.completions.create(model=CHAT, messages=messages, tools=[WEATHER])
    assert answer.choices[0].finish_reason == "tool_calls"
    assert answer.choices[0].message.content is None
    (call,) = answer.choices[0].message.tool_calls
    assert call.function.name == "get_weather"
    assert call.function.arguments == '{"city": "sandbox", "unit": "celsius"}'

    message = answer.choices[0].message.to_dict()
    messages += [message, {"role": "tool", "tool_call_id": call.id, "content": "12 degrees"}]
    final = client.chat.completions.create(model=CHAT, messages=messages, tools=[WEATHER])
    assert "12 degrees" in final.choices[0].message.content
