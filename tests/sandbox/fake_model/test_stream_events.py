from __future__ import annotations

import json

import openai
from support.sandbox import CHAT, QUESTION, WEATHER


def test_stream_spells_the_same_answer(client: openai.OpenAI) -> None:
    plain = client.chat.completions.create(model="gpt-oss-20b", messages=QUESTION)
    chunks = list(
        client.chat.completions.create(
            model="gpt-oss-20b", messages=QUESTION, stream=True, stream_options={"include_usage": True}
        )
    )
    deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    assert "".join(delta.content or "" for delta in deltas) == plain.choices[0].message.content
    assert "".join(getattr(delta, "reasoning", "") for delta in deltas) == plain.choices[0].message.reasoning
    assert len(deltas) > 10
    assert chunks[-1].usage == plain.usage
    assert chunks[-2].choices[0].finish_reason == "stop"


def test_stream_without_usage_has_none(client: openai.OpenAI) -> None:
    chunks = list(client.chat.completions.create(model=CHAT, messages=QUESTION, stream=True))
    assert all(chunk.choices and chunk.usage is None for chunk in chunks)


def test_streams_a_required_tool_call(client: openai.OpenAI) -> None:
    chunks = list(
        client.chat.completions.create(
            model=CHAT, messages=QUESTION, tools=[WEATHER], tool_choice="required", stream=True
        )
    )
    parts = [chunk.choices[0].delta.tool_calls[0] for chunk in chunks if chunk.choices[0].delta.tool_calls]
    assert parts[0].function.name == "get_weather"
    assert json.loads("".join(part.function.arguments for part in parts)) == {"city": "sandbox", "unit": "celsius"}
    assert chunks[-1].choices[0].finish_reason == "tool_calls"
