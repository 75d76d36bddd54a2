from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from support.sandbox import check_refusal, message

Ask = Callable[..., Any]


def test_same_request_gets_the_same_bytes(chat: Ask) -> None:
    assert chat().body == chat().body
    assert chat().body["id"] != chat(seed=1).body["id"]


def test_logprobs_cover_the_answer(chat: Ask) -> None:
    answer = chat(logprobs=True, top_logprobs=2)
    tokens = answer.body["choices"][0]["logprobs"]["content"]
    assert "".join(token["token"] for token in tokens) == message(answer)["content"]
    assert tokens[0]["top_logprobs"][0]["logprob"] == 0.0


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"chat_template_kwargs": {}}, "feature 'extra arguments' is not currently supported"),
        ({"n": 1}, "'n'"),
        ({"temperature": 2.1}, "'temperature' must be a number from 0 to 2"),
        ({"temperature": "hot"}, "'temperature'"),
        ({"temperature": True}, "'temperature'"),
        ({"top_p": -0.1}, "'top_p'"),
        ({"max_tokens": 0}, "'max_tokens' must be a whole number of at least 1"),
        ({"max_tokens": 1.5}, "'max_tokens'"),
        ({"stop": ["a", "b", "c", "d", "e"]}, "'stop'"),
        ({"stop": ""}, "'stop'"),
        ({"seed": "x"}, "'seed'"),
        ({"stream": "yes"}, "'stream'"),
        ({"stream": True, "stream_options": {"x": 1}}, "'stream_options'"),
        ({"logprobs": True, "top_logprobs": 6}, "from 0 to 5"),
        ({"messages": None}, "'messages' is required"),
        ({"response_format": {"type": "xml"}}, "'response_format'"),
        ({"response_format": {"type": "json_schema"}}, "needs a 'json_schema'"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "odd"}}}},
            "unknown type 'odd'",
        ),
        ({"model": "bge-m3"}, "'bge-m3' is a model for embedding, not for chat"),
        ({"model": "whisper-large-v3"}, "for transcription, not for chat"),
        ({"model": None}, "'model' is required"),
    ],
)
def test_what_the_service_refuses_is_refused_in_a_sentence(chat: Ask, params: dict[str, Any], words: str) -> None:
    check_refusal(chat(**params), words)


def test_null_is_as_good_as_absent(chat: Ask) -> None:
    nothing = dict.fromkeys(("temperature", "max_tokens", "stop", "tools", "response_format", "stream"))
    assert message(chat(**nothing)) == message(chat())
