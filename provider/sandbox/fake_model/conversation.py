"""The ``messages`` of a chat request: their validation and their text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ... import defaults
from . import tokenizer

ROLES = ("system", "user", "assistant", "tool")


#: Tokens that mark the role and the ends of a message.
_MARKS = 3


def check_messages(value: Any) -> str | None:
    """
    Check the value of ``messages``.

    :param value: the value
    :return: the error, as the end of a sentence, or ``None``
    """
    if not isinstance(value, list) or not value:
        return "must be a list with at least one message"
    for position, message in enumerate(value):
        if wrong := _wrong_message(message):
            return f"has a wrong message at position {position}: {wrong}"
    if count_images(value) > defaults.MAX_IMAGES:
        return f"may hold at most {defaults.MAX_IMAGES} images"
    return None


def _wrong_message(message: Any) -> str | None:
    if not isinstance(message, dict):
        return "not an object"
    role = message.get("role")
    if role not in ROLES:
        return f"role must be one of {', '.join(ROLES)}"
    if role == "tool" and not isinstance(message.get("tool_call_id"), str):
        return "a tool's message needs a 'tool_call_id'"
    content = message.get("content")
    if content is None and role == "assistant" and message.get("tool_calls"):
        return None
    return _wrong_content(content)


def _wrong_content(content: Any) -> str | None:
    if isinstance(content, str):
        return None
    if not isinstance(content, list) or not content:
        return "content must be a text or a list of parts"
    return next(filter(None, map(_wrong_part, content)), None)


def _wrong_part(part: Any) -> str | None:
    kind = part.get("type") if isinstance(part, dict) else None
    if kind == "text":
        return None if isinstance(part.get("text"), str) else "a part of type 'text' needs a 'text'"
    if kind != "image_url":
        return "a part must be of type 'text' or 'image_url'"
    image = part.get("image_url")
    url = image.get("url") if isinstance(image, dict) else None
    if isinstance(url, str) and url.startswith("data:image/"):
        return None
    return "images are not fetched: send a 'data:image/...' URL"


def count_images(messages: list[dict[str, Any]]) -> int:
    """
    Count the images.

    :param messages: valid messages
    :return: number of images
    """
    return sum(part["type"] == "image_url" for message in messages for part in _parts(message))


def read_text(message: dict[str, Any]) -> str:
    """
    Read the text of a message.

    :param message: a valid message
    :return: its text, without images
    """
    return "\n".join(part["text"] for part in _parts(message) if part["type"] == "text")


def find_question(messages: list[dict[str, Any]]) -> str:
    """
    Find the question.

    :param messages: valid messages
    :return: text of the last message with the role ``user``; of the last message if there is none
    """
    users = [message for message in messages if message["role"] == "user"]
    return read_text((users or messages)[-1])


def count_prompt_tokens(messages: list[dict[str, Any]]) -> int:
    """
    Count the tokens of the prompt; images don't count.

    :param messages: valid messages
    :return: number of tokens
    """
    return sum(_MARKS + tokenizer.count(read_text(message)) for message in messages)


def _parts(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    content = message.get("content")
    if isinstance(content, str):
        yield {"type": "text", "text": content}
    yield from content if isinstance(content, list) else ()
