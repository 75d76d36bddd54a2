from __future__ import annotations

import json

import openai
import pytest
from support.sandbox import CHAT, WEATHER


def test_responds(client: openai.OpenAI) -> None:
    response = client.responses.create(
        model="gpt-oss-20b", input="What is Airflow?", instructions="Be brief.", store=False, max_output_tokens=900
    )
    assert "What is Airflow?" in response.output_text
    assert (response.status, response.usage.output_tokens > 0) == ("completed", True)
    assert response.output[0].type == "reasoning"
    again = client.responses.create(
        model="gpt-oss-20b",
        input=[*(item.to_dict() for item in response.output), {"type": "message", "role": "user", "content": "And?"}],
        store=False,
    )
    assert 'You asked: "And?"' in again.output_text
    tool = {**WEATHER["function"], "type": "function", "strict": False}
    called = client.responses.create(model=CHAT, input="get_weather in Brest", tools=[tool], store=False)
    (call,) = called.output
    assert (call.type, call.name, json.loads(call.arguments)["unit"]) == ("function_call", "get_weather", "celsius")
    returned = [call.to_dict(), {"type": "function_call_output", "call_id": call.call_id, "output": "rain"}]
    last = client.responses.create(model=CHAT, input=returned, tools=[tool], store=False)
    assert 'The tool answered: "rain"' in last.output_text


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"input": [{"role": "user", "content": "Hi"}]}, "whose 'type' is none of message"),
        ({"input": "Hi", "previous_response_id": "resp_1"}, "previous_response_id"),
        ({"input": "Hi", "store": True}, "'store' must be false"),
        ({"input": "Hi", "include": ["reasoning.encrypted_content"]}, "include"),
        ({"input": "Hi", "parallel_tool_calls": False}, "parallel_tool_calls"),
        ({"input": ""}, "'input' must not be empty"),
        ({"input": []}, "at least one item"),
    ],
)
def test_a_response_that_would_need_memory(client: openai.OpenAI, params: dict[str, object], words: str) -> None:
    with pytest.raises(openai.BadRequestError, match=words):
        client.responses.create(model=CHAT, **params)
