"""
A response that is put together from events, whatever they hold.
"""

from __future__ import annotations

import json

import pytest
from apache_airflow_provider_ovhcloud_ai.client.chat.stream_assembly import StreamedChat
from apache_airflow_provider_ovhcloud_ai.errors import InvalidResponseError
from support import canary


def feed_stream(*data: object) -> tuple[StreamedChat, list[str]]:
    chat = StreamedChat()
    return chat, [chat.take(each if isinstance(each, str) else json.dumps(each)) for each in data]


def test_answer_in_pieces() -> None:
    chat, texts = feed_stream(
        {"model": "m", "choices": [{"delta": {"role": "assistant", "content": ""}}]},
        {"choices": [{"delta": {"reasoning": "Hm"}}]},
        {"choices": [{"delta": {"content": "He"}}]},
        {"choices": [{"delta": {"content": "llo"}, "finish_reason": None}]},
        {"choices": [{"delta": {}, "finish_reason": "stop"}]},
        {"choices": [], "usage": {"prompt_tokens": 3}},
        "[DONE]",
    )
    assert "".join(texts) == "Hello"
    assert (chat.model, chat.finish_reason, chat.usage, chat.complete) == ("m", "stop", {"prompt_tokens": 3}, True)


def test_answer_in_one_piece() -> None:
    chat, texts = feed_stream({"choices": [{"message": {"content": "Hello"}, "finish_reason": "length"}]})
    assert (texts, chat.finish_reason, chat.complete) == (["Hello"], "length", True)


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"choices": None},
        {"choices": "x"},
        {"choices": ["x"]},
        {"choices": [{"delta": ["x"]}]},
        {"choices": [{"delta": {"content": 5}}]},
        {"choices": [{"delta": {"content": None}, "finish_reason": 7}]},
        {"choices": [{"message": "x"}], "usage": [1], "model": 5},
    ],
)
def test_event_of_another_shape_adds_nothing(event: object) -> None:
    chat, texts = feed_stream(event)
    assert texts == [""]
    assert (chat.model, chat.finish_reason, chat.usage, chat.complete) == (None, None, {}, False)


@pytest.mark.parametrize("data", ["[1]", "null", "5", '"x"', "{", "<p>", "[" * 100_000])
def test_event_that_is_no_object(data: str) -> None:
    with pytest.raises(InvalidResponseError, match="no JSON object"):
        StreamedChat().take(data)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        ({"message": "Out of memory"}, "Out of memory"),
        ("Out of memory", "Out of memory"),
        ({"message": "x" * 280 + canary.TOKEN}, "x" * 280),
    ],
)
def test_error_in_the_stream(error: object, sentence: str) -> None:
    with pytest.raises(InvalidResponseError, match="ended its answer with an error") as raised:
        StreamedChat(canary.TOKEN).take(json.dumps({"error": error}))
    assert sentence in str(raised.value)
    assert canary.TOKEN[:6] not in str(raised.value)


def test_everything_that_comes_in_pieces_is_put_together() -> None:
    def call(index: int, **fields: object) -> dict[str, object]:
        return {"choices": [{"index": 0, "delta": {"tool_calls": [{"index": index, **fields}]}}]}

    chat, _ = feed_stream(
        {"id": "c-1", "created": 5, "object": "chat.completion.chunk", "model": "m", "system_fingerprint": None},
        {"choices": [{"index": 0, "delta": {"role": "assistant", "content": None, "reasoning_content": "Let me "}}]},
        {"choices": [{"index": 0, "delta": {"reasoning_content": "see."}}]},
        call(0, id="a", type="function", function={"name": "weather", "arguments": ""}),
        call(1, id="b", type="function", function={"name": "time", "arguments": "{}"}),
        call(0, function={"arguments": '{"city": '}),
        call(0, id=None, function={"name": None, "arguments": '"Lyon"}'}),
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]},
        {"choices": [], "usage": {"total_tokens": 9}},
    )
    assert chat.complete
    assert chat.response() == {
        "id": "c-1",
        "created": 5,
        "model": "m",
        "object": "chat.completion",
        "usage": {"total_tokens": 9},
        "choices": [
            {
                "index": 0,
                "finish_reason": "tool_calls",
                "message": {
                    "role": "assistant",
                    "content": None,
                    "reasoning_content": "Let me see.",
                    "tool_calls": [
                        {
                            "id": "a",
                            "type": "function",
                            "function": {"name": "weather", "arguments": '{"city": "Lyon"}'},
                        },
                        {"id": "b", "type": "function", "function": {"name": "time", "arguments": "{}"}},
                    ],
                },
            }
        ],
    }


def test_several_answers_stay_apart_and_all_must_end() -> None:
    def piece(index: int, text: str, reason: str | None = None) -> dict[str, object]:
        logprobs = {"content": [{"token": text}]}
        return {
            "choices": [{"index": index, "delta": {"content": text}, "finish_reason": reason, "logprobs": logprobs}]
        }

    chat, texts = feed_stream(piece(1, "Non"), piece(0, "Oui"), piece(1, ".", "stop"))
    assert (texts, chat.complete) == (["", "Oui", ""], False)
    chat.take(json.dumps(piece(0, "!", "stop")))
    assert chat.complete
    assert [each["message"]["content"] for each in chat.response()["choices"]] == ["Oui!", "Non."]
    assert chat.response()["choices"][1]["logprobs"] == {"content": [{"token": "Non"}, {"token": "."}]}


def test_it_has_begun_with_the_first_token_of_any_kind() -> None:
    chat, _ = feed_stream({"choices": [{"delta": {"role": "assistant", "content": ""}}]})
    assert not chat.begun
    chat.take('{"choices": [{"delta": {"reasoning": "Hm"}}]}')
    assert chat.begun
