from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from support.sandbox import PIXEL, check_refusal, message

Ask = Callable[..., Any]


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"messages": []}, "'messages' must be a list with at least one message"),
        ({"messages": "hello"}, "'messages'"),
        ({"messages": ["hello"]}, "position 0: not an object"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "role must be one of system, user, assistant, tool"),
        ({"messages": [{"role": "user"}]}, "content must be"),
        ({"messages": [{"role": "user", "content": []}]}, "content must be"),
        ({"messages": [{"role": "user", "content": [{"type": "audio"}]}]}, "of type 'text' or 'image_url'"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "needs a 'text'"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "tool_call_id"),
        ({"model": "Qwen3.5-9B", "messages": [{"role": "user", "content": [PIXEL] * 6}]}, "at most 5 images"),
        (
            {
                "model": "Qwen3.5-9B",
                "messages": [
                    {
                        "role": "user",
                        "content": [{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}],
                    }
                ],
            },
            "images are not fetched",
        ),
    ],
)
def test_messages_are_validated(chat: Ask, params: dict[str, Any], words: str) -> None:
    check_refusal(chat(**params), words)


def test_conversation_is_counted(chat: Ask) -> None:
    turns = [
        {"role": "user", "content": "Who?"},
        {"role": "assistant", "content": "Me."},
        {"role": "user", "content": [{"type": "text", "text": "Why?"}]},
    ]
    content = message(chat(messages=turns))["content"]
    assert '"Why?"' in content
    assert "question number 2" in content


def test_images_are_counted_by_a_vision_model(chat: Ask) -> None:
    parts = [{"role": "user", "content": [PIXEL, PIXEL]}]
    assert "Images received: 2" in message(chat("Qwen3.5-9B", messages=parts))["content"]
