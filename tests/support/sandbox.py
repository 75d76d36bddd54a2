"""
What tests of the sandbox send, and what they read in its answers.
"""

from __future__ import annotations

from typing import Any

CHAT = "Meta-Llama-3_3-70B-Instruct"
QUESTION = [{"role": "user", "content": "What is Airflow?"}]
PIXEL = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
TOOL = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {"unit": {"enum": ["celsius"]}, "city": {"type": "string"}},
            "required": ["unit", "city"],
        },
    },
}


def message(answer: Any) -> dict[str, Any]:
    assert answer.status == 200, answer.body
    first_message: dict[str, Any] = answer.body["choices"][0]["message"]
    return first_message


def vectors(answer: Any) -> list[list[float]]:
    assert answer.status == 200, answer.body
    assert [item["index"] for item in answer.body["data"]] == list(range(len(answer.body["data"])))
    return [item["embedding"] for item in answer.body["data"]]


def check_refusal(answer: Any, words: str) -> None:
    assert answer.status == 400
    assert answer.body["error"]["type"] == "invalid_request_error"
    assert words in answer.body["error"]["message"]
