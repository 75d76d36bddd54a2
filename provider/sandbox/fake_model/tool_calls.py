"""Function calling: the validation of ``tools`` and ``tool_choice``, and the calls of an answer."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

from ..http.messages import model_refusal
from .conversation import find_question
from .schema_instances import instance
from .schema_scalars import Unsatisfiable

_CHOICES = ("none", "auto", "required")


def check_tools(value: Any) -> str | None:
    """
    Check the value of ``tools``.

    :param value: the value
    :return: the error, as the end of a sentence, or ``None``
    """
    if not isinstance(value, list) or not value:
        return "must be a list with at least one function"
    for position, tool in enumerate(value):
        if not _read_name(tool):
            return f"has no function with a name at position {position}"
        if not isinstance(tool["function"].get("parameters", {}), dict):
            return f"has 'parameters' that are no JSON schema at position {position}"
    return None


def check_choice(value: Any) -> str | None:
    """
    Check the value of ``tool_choice``.

    :param value: the value
    :return: the error, as the end of a sentence, or ``None``
    """
    if value in _CHOICES or _read_name(value):
        return None
    return 'must be none, auto, required or {"type": "function", "function": {"name": ...}}'


def choose_calls(params: dict[str, Any]) -> list[dict[str, Any]]:
    """
    Choose the tools to call: the tool of ``tool_choice``, or those that the user mentions; at least one if required.

    :param params: validated parameters of a chat request
    :return: tool calls in the API's form
    """
    functions = [tool["function"] for tool in params.get("tools", ())]
    functions = _choose(functions, params)
    if params.get("parallel_tool_calls") is False:
        functions = functions[:1]
    return [_call(function, position) for position, function in enumerate(functions)]


def _choose(functions: list[dict[str, Any]], params: dict[str, Any]) -> list[dict[str, Any]]:
    choice = params.get("tool_choice", "auto")
    if choice == "none":
        return []
    if name := _read_name(choice):
        matches = [function for function in functions if function["name"] == name]
        if not matches:
            raise model_refusal(400, f"'tool_choice' names '{name}', which is not in 'tools'", "tool_choice")
        return matches[:1]
    text = find_question(params["messages"])
    mentioned = [function for function in functions if _mentions(text, function["name"])]
    if choice == "required":
        return mentioned or functions[:1]
    return mentioned if params["messages"][-1]["role"] == "user" else []


def _read_name(entry: Any) -> str:
    """Read the name in a tool or in ``tool_choice``."""
    is_function = isinstance(entry, dict) and entry.get("type") == "function"
    function = entry.get("function") if is_function else None
    name = function.get("name") if isinstance(function, dict) else None
    return name if isinstance(name, str) else ""


def _mentions(text: str, name: str) -> bool:
    """Search for a tool's name; spaces and hyphens match its underscores."""
    spelling = r"[\s_-]".join(map(re.escape, name.split("_")))
    return re.search(rf"(?<!\w){spelling}(?!\w)", text, re.IGNORECASE) is not None


def _call(function: dict[str, Any], position: int) -> dict[str, Any]:
    name = function["name"]
    try:
        arguments = json.dumps(instance(function.get("parameters", {"type": "object"})), sort_keys=True)
    except Unsatisfiable as error:
        raise model_refusal(400, f"'tools': no arguments for '{name}': {error}", "tools") from None
    mark = hashlib.sha256(f"{position} {name} {arguments}".encode("utf-8", "surrogatepass")).hexdigest()[:24]
    return {"id": f"call_{mark}", "type": "function", "function": {"name": name, "arguments": arguments}}
