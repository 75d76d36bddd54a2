"""
What a chat completion says, whatever shape its service gives it.
"""

from __future__ import annotations

from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.client.chat import chat_request, chat_response
from apache_airflow_provider_ovhcloud_ai.client.chat.chat_response import check_chat
from apache_airflow_provider_ovhcloud_ai.client.chat.tool_calls import read_tool_calls
from apache_airflow_provider_ovhcloud_ai.client.http.http_response import HTTPResponse
from apache_airflow_provider_ovhcloud_ai.client.settings import ClientSettings
from apache_airflow_provider_ovhcloud_ai.errors import InvalidResponseError, OutputTruncatedError


def response(finish_reason: Any = "stop", **message: Any) -> dict[str, Any]:
    return {"choices": [{"message": {"role": "assistant", **message}, "finish_reason": finish_reason}]}


@pytest.mark.parametrize(
    ("message", "text", "reasoning"),
    [
        ({"content": "Yes."}, "Yes.", None),
        ({"content": None}, "", None),
        ({"content": ""}, "", None),
        ({}, "", None),
        ({"content": "Yes.", "reasoning": "Hm."}, "Yes.", "Hm."),
        ({"content": "Yes.", "reasoning_content": "Hm."}, "Yes.", "Hm."),
        ({"content": "Yes.", "reasoning": None, "reasoning_content": "Hm."}, "Yes.", "Hm."),
        ({"content": "Yes.", "reasoning": ""}, "Yes.", None),
        ({"content": "<think>\nHm.\n</think>\n\nYes."}, "Yes.", "Hm."),
        ({"content": "<think></think>Yes."}, "Yes.", None),
        ({"content": "<think>Hm.</think>Yes.", "reasoning": "First."}, "Yes.", "First."),
        ({"content": "Write <think> and </think>."}, "Write <think> and </think>.", None),
        ({"content": "<think>cut"}, "", "cut"),
        ({"content": "Hm.</think>\n\nYes."}, "Yes.", "Hm."),
        ({"content": "[THINK]Hm.[/THINK]Yes."}, "Yes.", "Hm."),
        (
            {
                "content": [
                    {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]},
                    {"type": "reasoning", "text": " So."},
                    {"type": "text", "text": "Yes."},
                    "!",
                ]
            },
            "Yes.!",
            "Hm. So.",
        ),
        ({"content": [{"type": "text", "text": "Y"}, {"type": "text", "text": "es."}, {"type": "x"}]}, "Yes.", None),
        ({"content": 7, "reasoning": 8}, "", None),
    ],
)
def test_reasoning_is_kept_out_of_the_text(message: dict[str, Any], text: str, reasoning: str | None) -> None:
    assert chat_response.read_text(response(**message)) == text
    assert chat_response.read_reasoning(response(**message)) == reasoning


def test_calls_and_the_reason_of_the_end() -> None:
    calls = [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    chat = response("tool_calls", content=None, tool_calls=calls)
    assert chat_response.find_tool_calls(chat) == calls
    assert chat_response.read_finish_reason(chat) == "tool_calls"
    history = {"role": "assistant", "content": None, "tool_calls": calls}
    assert chat_response.to_history(chat, read_tool_calls(calls)) == history


def test_what_is_no_call_and_no_reason() -> None:
    chat = response(5, content="a", tool_calls="none", reasoning="b")
    assert chat_response.find_tool_calls(chat) == []
    assert chat_response.read_finish_reason(chat) is None
    assert chat_response.to_history(chat, []) == {"role": "assistant", "content": "a"}
    assert chat_response.to_history(response(content=None), []) == {"role": "assistant", "content": ""}


CHAT = chat_request.chat("some-model", [{"role": "user", "content": "Hi"}])


SETTINGS = ClientSettings()
RESPONSE = HTTPResponse(200, {"x-request-id": "r-1"}, b"")


def choice(message: Any = None, finish: str = "stop") -> dict[str, Any]:
    return {"index": 0, "message": message or {"role": "assistant", "content": "Hi"}, "finish_reason": finish}


@pytest.mark.parametrize(
    "choices",
    [
        [choice()],
        [choice({"role": "assistant", "content": None, "tool_calls": [{}]}, "tool_calls")],
        [choice({"role": "assistant", "content": None, "tool_calls": [{}]}, "length")],
        [choice({"role": "assistant", "content": "Hi"}, "length")],
        [choice({"role": "assistant", "content": ""}, "length"), choice()],
        [choice({"role": "assistant", "content": "", "audio": {"id": "a", "data": "UklGRg=="}})],
        [choice({"role": "assistant", "content": [{"type": "image_url", "image_url": {"url": "data:"}}]})],
        [choice({"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}})],
    ],
)
def test_chat_that_is_one(choices: list[Any]) -> None:
    value = {"choices": choices}
    assert check_chat(value, RESPONSE, CHAT, SETTINGS) is value


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({}, "it has no choices."),
        ({"choices": None}, "it has no choices."),
        ({"choices": []}, "it has no choices."),
        ({"choices": {"0": 1}}, "it has no choices."),
        ({"choices": [None]}, "a choice has no message."),
        ({"choices": ["text"]}, "a choice has no message."),
        ({"choices": [{}]}, "a choice has no message."),
        ({"choices": [{"message": None}]}, "a choice has no message."),
        ({"choices": [choice(), {"message": "text"}]}, "a choice has no message."),
    ],
)
def test_chat_that_is_none(value: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidResponseError) as caught:
        check_chat(value, RESPONSE, CHAT, SETTINGS)
    sentence = "The chat completion is not what an OpenAI-compatible service returns: "
    assert str(caught.value) == f"{sentence}{says} (request id r-1)"


@pytest.mark.parametrize("content", [None, "", "absent"])
def test_chat_cut_before_its_first_word(content: str | None) -> None:
    message = {"role": "assistant", "reasoning": "Let me think"} | ({} if content == "absent" else {"content": content})
    value = {"choices": [choice(message, "length")], "usage": {"completion_tokens": 9}}
    with pytest.raises(
        OutputTruncatedError, match=r"some-model reached its token limit.*was billed.*max_tokens"
    ) as caught:
        check_chat(value, RESPONSE, CHAT, SETTINGS)
    assert (caught.value.response, caught.value.status, caught.value.retryable) == (value, 200, False)
