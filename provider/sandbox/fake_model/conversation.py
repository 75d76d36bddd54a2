"""The ``messages`` of a chat request: what is wrong with them, and what they say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ... import defaults
from . import tokenizer

ROLES = ("system", "user", "assistant", "tool")


#: Tokens that mark the role and the ends of a message.
_MARKS = 3


def wrong_messages(value: Any) -> str | None:
    """
    Check the messages.

    :param value: value of ``messages``
    :return: what is wrong, as the end of a sentence, or ``None``
    """
    if not isinstance(value, list) or not value:
        return "must be a list with at least one message"
    for position, message in enumerate(value):
        if wrong := _wrong_message(message):
            return f"has a wrong message at position {position}: {wrong}"
    if images(value) > defaults.MAX_IMAGES:
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


def images(messages: list[dict[str, Any]]) -> int:
    """
    Count the images.

    :param messages: valid messages
    :return: how many parts are images
    """
    return sum(part["type"] == "image_url" for message in messages for part in _parts(message))


def read_text(message: dict[str, Any]) -> str:
    """
    Read a message.

    :param message: a valid message
    :return: its text without its images
    """
    return "\n".join(part["text"] for part in _parts(message) if part["type"] == "text")


def question(messages: list[dict[str, Any]]) -> str:
    """
    Find what is asked.

    :param messages: valid messages
    :return: the last text of a user, or of anybody where no user spoke
    """
    users = [message for message in messages if message["role"] == "user"]
    return read_text((users or messages)[-1])


def prompt_tokens(messages: list[dict[str, Any]]) -> int:
    """
    Count what a request is billed for; images count nothing.

    :param messages: valid messages
    :return: number of tokens
    """
    return sum(_MARKS + tokenizer.count(read_text(message)) for message in messages)


def _parts(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    content = message.get("content")
    if isinstance(content, str):
        yield {"type": "text", "text": content}
    yield from content if isinstance(content, list) else ()
