"""
From a row of data, or a prompt, to a conversation. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from ...errors import ConfigurationError
from ...validation import quote, text

#: ``{column}``; doubled braces stand for themselves, and whatever is no name (JSON, for one) is left alone.
_PLACE = re.compile(r"\{\{(\w+)\}\}|\{([^\W\d]\w*)\}")


def conversation(row: Mapping[str, Any], prompt: str, system_prompt: str | None = None) -> list[dict[str, str]]:
    """
    Fill the columns of a row into prompts.

    :param row: values by column
    :param prompt: what the user says, with ``{column}`` where a value belongs
    :param system_prompt: what the model is told first, likewise
    :return: messages
    :raises ConfigurationError: if a prompt is no text, or names a column that the row lacks
    """
    for name, value in (("prompt", prompt), ("system_prompt", system_prompt or "")):
        if not isinstance(value, str):
            raise ConfigurationError(f"{name} must be a text, not {quote(value)}.")
    said = {"system": system_prompt, "user": prompt}
    return [{"role": role, "content": fill(text, row)} for role, text in said.items() if text is not None]


def fill(template: str, row: Mapping[str, Any]) -> str:
    """
    Put the values of a row into the places of a text.

    :param template: a text with ``{column}`` in it; ``{{column}}`` stands for the text ``{column}`` itself
    :param row: values by column
    :return: the text; a value that is no text is written as JSON, one that is None as nothing
    :raises ConfigurationError: if the text names a column that the row lacks
    """

    def value(place: re.Match[str]) -> str:
        if place[1]:
            return f"{{{place[1]}}}"
        if place[2] not in row:
            known = ", ".join(map(str, row)) or "none"
            raise ConfigurationError(
                f"The prompt names the column {{{place[2]}}}, which the row does not have; its columns: {known[:300]}."
            )
        return _format_value(row[place[2]])

    return _PLACE.sub(value, template)


def build_messages(messages: Any = None, prompt: Any = None, system_prompt: Any = None) -> Any:
    """
    Make a conversation of what an author gave: messages, or their short forms.

    :param messages: the conversation
    :param prompt: what the user says, in place of ``messages``
    :param system_prompt: what the model is told first
    :return: messages
    :raises ConfigurationError: if both or none are given, or the model would be told two things first
    """
    if prompt is not None and messages is not None:
        raise ConfigurationError("Give messages or prompt, not both.")
    if prompt is None and messages is None:
        raise ConfigurationError("Nothing is asked: give prompt, or messages.")
    if prompt is not None:
        messages = [{"role": "user", "content": text(prompt, "prompt")}]
    if system_prompt is None:
        return messages
    if not isinstance(messages, list | tuple):
        return messages  # refused where the request is built
    if any(isinstance(message, Mapping) and message.get("role") in ("system", "developer") for message in messages):
        # Some models answer several of them with nothing at all.
        raise ConfigurationError("system_prompt is given, and messages have a system message too: give one of them.")
    return [{"role": "system", "content": text(system_prompt, "system_prompt")}, *messages]


def _format_value(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
