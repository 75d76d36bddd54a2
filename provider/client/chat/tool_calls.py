"""
Reads a model's tool calls, and writes them for the next request so that a strict server accepts them. Pure.

Servers send calls without an id or type, or with arguments that are an object or broken JSON. Strict servers refuse to
get these back.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

#: Characters of a function's name that OpenAI's API doesn't accept.
_BAD_CHARS = re.compile(r"[^A-Za-z0-9_-]")


@dataclass(frozen=True)
class ToolCall:
    """
    A tool call.

    :param id: its id, unique within the conversation
    :param name: name of the tool, as the model wrote it; may be empty
    :param arguments: its arguments as the model wrote them, which may not be JSON; None if they can't be written
    """

    id: str
    name: str
    arguments: str | None

    def to_message(self) -> dict[str, Any]:
        """
        Convert the call to an item of ``tool_calls``.

        :return: the call, with a valid name, and ``{}`` in place of arguments that aren't a JSON object
        """
        name = _BAD_CHARS.sub("_", self.name)[:64] or "unnamed"
        arguments = self.arguments if self.arguments is not None and _is_object(self.arguments) else "{}"
        return {"id": self.id, "type": "function", "function": {"name": name, "arguments": arguments}}


def read_tool_calls(calls: Iterable[Any], messages: Sequence[Any] = ()) -> list[ToolCall]:
    """
    Read the tool calls of an answer.

    :param calls: the calls, of any shape
    :param messages: the conversation so far, whose ids aren't used again
    :return: the calls, each with an id
    """
    ids = {each for message in messages for each in _find_ids(message)}
    read: list[ToolCall] = []
    for call in calls:
        function = to_mapping(to_mapping(call).get("function"))
        name = function.get("name")
        identifier = _choose_id(to_mapping(call).get("id"), ids)
        ids.add(identifier)
        read.append(ToolCall(identifier, name if isinstance(name, str) else "", _read_text(function.get("arguments"))))
    return read


def to_mapping(value: Any) -> Mapping[str, Any]:
    """
    Return a mapping unchanged, and an empty one in place of anything else.

    :param value: any value
    :return: the mapping
    """
    return value if isinstance(value, Mapping) else {}


def _find_ids(message: Any) -> list[str]:
    calls = to_mapping(message).get("tool_calls")
    ids = [to_mapping(call).get("id") for call in calls] if isinstance(calls, (list, tuple)) else []
    return [each for each in ids if isinstance(each, str)]


def _choose_id(identifier: Any, ids: set[str]) -> str:
    if isinstance(identifier, str) and identifier.strip() and identifier not in ids:
        return identifier
    # Nine letters and digits, as Mistral's API needs.
    number = len(ids)
    while (new := f"call{number:05}") in ids:
        number += 1
    return new


def _read_text(arguments: Any) -> str | None:
    """
    Return arguments as a string: some servers send the object itself, or JSON within a JSON string.
    """
    if arguments is None:
        return ""
    if not isinstance(arguments, str):
        return _write(arguments)
    try:
        inner = json.loads(arguments)
    except (ValueError, RecursionError):
        return _check_text(arguments)
    if inner is None:
        return ""
    return _check_text(inner if isinstance(inner, str) and _is_object(inner) else arguments)


def _write(arguments: Any) -> str | None:
    try:
        return _check_text(json.dumps(arguments, ensure_ascii=False))
    except (TypeError, ValueError, RecursionError):
        return None


def _check_text(text: str) -> str | None:
    try:
        text.encode()
    except UnicodeEncodeError:
        return None
    return text


def _is_object(text: str) -> bool:
    try:
        value = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict)


def _refuse(constant: str) -> None:
    raise ValueError(constant)
