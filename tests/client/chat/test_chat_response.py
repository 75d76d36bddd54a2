"""
What a chat completion says, whatever shape its service gives it.
"""

from __future__ import annotations

from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.client.chat import chat_response


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
        ({"content": "<think>cut"}, "<think>cut", None),
        ({"content": [{"type": "text", "text": "Y"}, {"type": "text", "text": "es."}, {"type": "x"}]}, "Yes.", None),
        ({"content": 7, "reasoning": 8}, "", None),
    ],
)
def test_reasoning_is_kept_out_of_the_text(message: dict[str, Any], text: str, reasoning: str | None) -> None:
    assert chat_response.read_text(response(**message)) == text
    assert chat_response.read_reasoning(response(**message)) == reasoning


def test_calls_and_the_reason_of_the_end() -> None:
    calls = [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    found = response("tool_calls", content=None, tool_calls=calls)
    assert chat_response.find_tool_calls(found) == calls
    assert chat_response.read_finish_reason(found) == "tool_calls"
    assert chat_response.to_history(found) == {"role": "assistant", "content": None, "tool_calls": calls}


def test_what_is_no_call_and_no_reason() -> None:
    found = response(5, content="a", tool_calls="none", reasoning="b")
    assert chat_response.find_tool_calls(found) == []
    assert chat_response.read_finish_reason(found) is None
    assert chat_response.to_history(found) == {"role": "assistant", "content": "a"}
    assert chat_response.to_history(response(content=None)) == {"role": "assistant", "content": ""}
