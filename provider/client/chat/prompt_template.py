"""
Fills rows into prompts, and builds conversations. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ...errors import ConfigurationError
from ...validation import quote, text

#: ``{column}``, or its escaped form with doubled braces. Braces around anything else, such as JSON, are left unchanged.
_PLACEHOLDER = re.compile(r"\{\{(\w+)\}\}|\{([^\W\d]\w*)\}")


class RowTemplate:
    """
    Builds the messages about a row.

    :param prompt: the user's message, with ``{column}`` for a value; None if there are ``messages``
    :param system_prompt: system message, likewise
    :param messages: messages, whose texts have placeholders, too
    :param add_images: adds the images of a row to messages, or None
    :raises ConfigurationError: if a prompt isn't a string, or the messages aren't a list
    """

    def __init__(
        self,
        prompt: Any = None,
        system_prompt: Any = None,
        messages: Any = None,
        add_images: Callable[[Any, Mapping[str, Any]], Any] | None = None,
    ) -> None:
        for name, value in (("prompt", prompt), ("system_prompt", system_prompt)):
            if value is not None:
                text(value, name)
        self._messages = build_messages(messages, prompt, system_prompt)
        if isinstance(self._messages, (str, Mapping)) or not isinstance(self._messages, Sequence):
            raise ConfigurationError(f"messages must be a list of messages, not {quote(messages)}.")
        self._add_images = add_images

    @property
    def reads_files(self) -> bool:
        """
        Whether the messages contain files that the rows name.
        """
        return self._add_images is not None

    def build(self, row: Mapping[str, Any]) -> Any:
        """
        Build the messages about a row.

        :param row: values by column
        :return: messages
        :raises ConfigurationError: if the template names a column that the row doesn't have, or an image can't be read
        """
        messages = [_fill_message(message, row) for message in self._messages]
        return messages if self._add_images is None else self._add_images(messages, row)


def _fill_message(message: Any, row: Mapping[str, Any]) -> Any:
    content = message.get("content") if isinstance(message, Mapping) else None
    if isinstance(content, str):
        return {**message, "content": fill_template(content, row)}
    if isinstance(content, (list, tuple)):
        return {**message, "content": [_fill_part(part, row) for part in content]}
    return message


def _fill_part(part: Any, row: Mapping[str, Any]) -> Any:
    value = part.get("text") if isinstance(part, Mapping) else None
    return {**part, "text": fill_template(value, row)} if isinstance(value, str) else part


def fill_template(template: str, row: Mapping[str, Any]) -> str:
    """
    Replace the placeholders of a template with the values of a row.

    :param template: a string with ``{column}`` in it; write ``{{column}}`` for a literal ``{column}``
    :param row: values by column
    :return: the string; a value that isn't a string is written as JSON, None as an empty string
    :raises ConfigurationError: if the template names a column that the row doesn't have
    """

    def value(place: re.Match[str]) -> str:
        if place[1]:
            return f"{{{place[1]}}}"
        if place[2] not in row:
            columns = ", ".join(map(str, row)) or "none"
            raise ConfigurationError(
                f"The prompt names the column {{{place[2]}}}, which the row does not have; its columns: "
                f"{columns[:300]}."
            )
        return _format_value(row[place[2]])

    return _PLACEHOLDER.sub(value, template)


def build_messages(messages: Any = None, prompt: Any = None, system_prompt: Any = None) -> Any:
    """
    Build a conversation from messages or their short forms.

    :param messages: the conversation
    :param prompt: the user's message, in place of ``messages``
    :param system_prompt: system message that comes first
    :return: messages
    :raises ConfigurationError: if both or none are given, or there would be two system messages
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
        return messages  # building the request refuses it
    if any(isinstance(message, Mapping) and message.get("role") in ("system", "developer") for message in messages):
        # Some models return an empty answer to several system messages.
        raise ConfigurationError("system_prompt is given, and messages have a system message too: give one of them.")
    return [{"role": "system", "content": text(system_prompt, "system_prompt")}, *messages]


def _format_value(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
