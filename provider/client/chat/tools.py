"""
What a model may call: dictionaries in OpenAI's format, and Python functions, which are run here. Pure.

A call is data: its name is looked up in the list, and nothing else runs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...errors import ConfigurationError
from ...redaction import excerpt
from .function_tools import Function, checked_name


@dataclass(frozen=True)
class ToolAnswer:
    """
    What a call came to.

    :param name: the name that the model called, cut and cleaned for logs
    :param message: the message that answers the call
    :param arguments_size: characters of the arguments
    :param result_size: characters of the answer
    :param problem: ``unknown tool``, ``bad arguments``, ``refused by the tool`` or None
    """

    name: str
    message: dict[str, Any]
    arguments_size: int
    result_size: int
    problem: str | None


class Tools:
    """
    The tools of a conversation.

    :param tools: dictionaries in OpenAI's format and typed functions, in a list, or one of them
    :raises ConfigurationError: if one is neither, or cannot be described to a model, or two share a name
    """

    def __init__(self, tools: Any) -> None:
        listed = list(tools) if isinstance(tools, (list, tuple)) else [tools]
        if not listed:
            raise ConfigurationError("tools is an empty list: name a tool, or leave it out.")
        #: What the service is told, in OpenAI's format.
        self.definitions: list[dict[str, Any]] = []
        self._functions: dict[str, Function] = {}
        self._names: list[str] = []
        for position, tool in enumerate(listed):
            self._add(tool, position)

    def _add(self, tool: Any, position: int) -> None:
        if isinstance(tool, Mapping):
            definition, function = dict(tool), None
            name = _read_name(definition, position)
        else:
            function = Function(tool, position)
            definition, name = function.definition, function.name
        if name in self._names:
            raise ConfigurationError(f"Two tools have the name {name!r}: rename one, or the model cannot choose.")
        self._names.append(name)
        self.definitions.append(definition)
        if function:
            self._functions[name] = function

    def runs(self, calls: Any) -> bool:
        """
        Tell whether the calls of an answer are answered here.

        :param calls: the tool calls, as the model made them
        :return: False if one names a dictionary, or all tools are: then the author answers them
        """
        theirs = set(self._names) - self._functions.keys()
        return bool(self._functions) and not any(_parts(call)[0] in theirs for call in calls or ())

    def answer(self, call: Any) -> ToolAnswer:
        """
        Run the function that a call names. What it raises passes through, but for :class:`ToolError`.

        :param call: a tool call, as the model made it
        :return: the result, or what the model did wrong
        :raises ConfigurationError: if it names a dictionary, or the result cannot be written as JSON
        """
        name, arguments = _parts(call)
        text = _as_text(arguments)
        shown = excerpt(name[:1000], 64)
        function = self._functions.get(name)
        if function is None and name in self._names:
            raise ConfigurationError(
                f"The tool {name} is a dictionary, which cannot be run: answer its calls yourself."
            )
        content, problem = function.answer(text) if function else (self._unknown(shown), "unknown tool")
        identifier = _mapping(call).get("id")
        message = {
            "role": "tool",
            "tool_call_id": identifier if isinstance(identifier, str) else "",
            "content": content,
        }
        return ToolAnswer(shown or "(no name)", message, len(text or ""), len(content), problem)

    def _unknown(self, shown: str) -> str:
        asked = f"there is no tool {shown!r}" if shown else "the call names no tool"
        return f"Error: {asked}; there are {', '.join(self._names)}."


def _read_name(definition: Mapping[str, Any], position: int) -> str:
    name = _mapping(definition.get("function")).get("name")
    if definition.get("type") != "function" or not isinstance(name, str):
        raise ConfigurationError(
            f'tools[{position}] must be {{"type": "function", "function": {{"name": ...}}}}, or a Python function.'
        )
    return checked_name(name, position)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _parts(call: Any) -> tuple[str, Any]:
    """
    Read the name, which may be empty, and the arguments of a call.
    """
    function = _mapping(_mapping(call).get("function"))
    name = function.get("name")
    return name if isinstance(name, str) else "", function.get("arguments")


def _as_text(arguments: Any) -> str | None:
    """
    Give arguments as JSON; some servers send the object itself. None if it cannot be written.
    """
    if isinstance(arguments, str) or arguments is None:
        return _writable(arguments or "")
    try:
        return _writable(json.dumps(arguments, ensure_ascii=False))
    except (TypeError, ValueError, RecursionError):
        return None


def _writable(text: str) -> str | None:
    try:
        text.encode()
    except UnicodeEncodeError:
        return None
    return text
