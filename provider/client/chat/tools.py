"""
The tools of a conversation: dictionaries in OpenAI's format, and Python functions, which run here. Pure.

A call is data: its name is looked up in the list, and nothing else runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import ConfigurationError
from ...json_values import clean_text
from ...redaction import excerpt
from .function_tools import Function, check_name
from .tool_calls import ToolCall, to_mapping


@dataclass(frozen=True)
class ToolAnswer:
    """
    The answer to a tool call.

    :param name: the name that the model called, shortened and cleaned for logs
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
    :raises ConfigurationError: if one is neither, or can't be described to a model, or two have the same name
    """

    def __init__(self, tools: Any) -> None:
        tool_list = list(tools) if isinstance(tools, (list, tuple)) else [tools]
        if not tool_list:
            raise ConfigurationError("tools is an empty list: name a tool, or leave it out.")
        #: The definitions to send, in OpenAI's format.
        self.definitions: list[dict[str, Any]] = []
        self._functions: dict[str, Function] = {}
        self._names: list[str] = []
        for position, tool in enumerate(tool_list):
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

    def runs(self, calls: Sequence[ToolCall]) -> bool:
        """
        Return whether the calls of an answer run here.

        :param calls: the tool calls
        :return: False if one names a dictionary, or all tools are dictionaries: the author then answers them
        """
        theirs = set(self._names) - self._functions.keys()
        return bool(self._functions) and not any(call.name in theirs for call in calls)

    def answer(self, call: ToolCall) -> ToolAnswer:
        """
        Run the function that a call names. Its exceptions propagate, except :class:`ToolError`.

        :param call: a tool call
        :return: the result, or the model's mistake
        :raises ConfigurationError: if it names a dictionary, or the result can't be written as JSON
        """
        display_name = excerpt(call.name[:1000], 64)
        function = self._functions.get(call.name)
        if function is None and call.name in self._names:
            raise ConfigurationError(
                f"The tool {call.name} is a dictionary, which cannot be run: answer its calls yourself."
            )
        unknown = self._unknown(display_name), "unknown tool"
        content, problem = function.answer(call.arguments) if function else unknown
        message = {"role": "tool", "tool_call_id": call.id, "content": clean_text(content)}
        return ToolAnswer(display_name or "(no name)", message, len(call.arguments or ""), len(content), problem)

    def _unknown(self, display_name: str) -> str:
        reason = f"there is no tool {display_name!r}" if display_name else "the call names no tool"
        return f"Error: {reason}; there are {', '.join(self._names)}."


def _read_name(definition: Mapping[str, Any], position: int) -> str:
    name = to_mapping(definition.get("function")).get("name")
    if definition.get("type") != "function" or not isinstance(name, str):
        raise ConfigurationError(
            f'tools[{position}] must be {{"type": "function", "function": {{"name": ...}}}}, or a Python function.'
        )
    return check_name(name, position)
