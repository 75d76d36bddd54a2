"""Function calling: what is wrong with ``tools`` and ``tool_choice``, and which calls are made."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

from ..http.messages import model_refusal
from .conversation import question
from .schema_instances import instance
from .schema_scalars import Unsatisfiable

_CHOICES = ("none", "auto", "required")


def wrong_tools(value: Any) -> str | None:
    """
    Check the tools.

    :param value: value of ``tools``
    :return: what is wrong, as the end of a sentence, or ``None``
    """
    if not isinstance(value, list) or not value:
        return "must be a list with at least one function"
    for position, tool in enumerate(value):
        if not _named(tool):
            return f"has no function with a name at position {position}"
        if not isinstance(tool["function"].get("parameters", {}), dict):
            return f"has 'parameters' that are no JSON schema at position {position}"
    return None


def wrong_choice(value: Any) -> str | None:
    """
    Check the choice of a tool.

    :param value: value of ``tool_choice``
    :return: what is wrong, as the end of a sentence, or ``None``
    """
    if value in _CHOICES or _named(value):
        return None
    return 'must be none, auto, required or {"type": "function", "function": {"name": ...}}'


def calls(params: dict[str, Any]) -> list[dict[str, Any]]:
    """
    Decide which tools are called: the named one, one where one is required, else those that the user names.

    :param params: checked parameters of a chat request
    :return: tool calls as they stand in an answer
    """
    functions = [tool["function"] for tool in params.get("tools", ())]
    chosen = _chosen(functions, params)
    if params.get("parallel_tool_calls") is False:
        chosen = chosen[:1]
    return [_call(function, position) for position, function in enumerate(chosen)]


def _chosen(functions: list[dict[str, Any]], params: dict[str, Any]) -> list[dict[str, Any]]:
    choice = params.get("tool_choice", "auto")
    if choice == "none":
        return []
    if name := _named(choice):
        found = [function for function in functions if function["name"] == name]
        if not found:
            raise model_refusal(400, f"'tool_choice' names '{name}', which is not in 'tools'", "tool_choice")
        return found[:1]
    asked = question(params["messages"])
    mentioned = [function for function in functions if _mentions(asked, function["name"])]
    if choice == "required":
        return mentioned or functions[:1]
    return mentioned if params["messages"][-1]["role"] == "user" else []


def _named(entry: Any) -> str:
    """Read the name in a tool, or in the choice of one."""
    is_function = isinstance(entry, dict) and entry.get("type") == "function"
    function = entry.get("function") if is_function else None
    name = function.get("name") if isinstance(function, dict) else None
    return name if isinstance(name, str) else ""


def _mentions(text: str, name: str) -> bool:
    """Find a tool's name also where its underscores are written as blanks."""
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
