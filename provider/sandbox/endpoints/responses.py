"""``POST /v1/responses``: the chat endpoint's answer in the Responses format. Nothing is stored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..http.messages import Response, model_refusal
from .chat import complete
from .endpoint_call import Call
from .parameters import Check, boolean, integer, number, read_params, text

#: Parameters that are passed on to the chat endpoint, and their names there.
_CHAT_NAMES = {"temperature": "temperature", "top_p": "top_p", "max_output_tokens": "max_tokens"}


def _check_input(value: Any) -> str | None:
    if isinstance(value, str):
        return None if value else "must not be empty"
    if not isinstance(value, list) or not value:
        return "must be a text or a list with at least one item"
    for position, item in enumerate(value):
        if not isinstance(item, dict) or item.get("type") not in _ITEMS:
            return f"has an item at position {position} whose 'type' is none of {', '.join(_ITEMS)}"
    return None


def _object(value: Any) -> str | None:
    return None if isinstance(value, dict) else "must be an object"


#: Parameters of the service. Source: responses guide, read 2026-10.
_PARAMETERS: dict[str, Check] = {
    "model": text,
    "input": _check_input,
    "instructions": text,
    "max_output_tokens": integer(1),
    "temperature": number(0, 2),
    "top_p": number(0, 1),
    "reasoning": _object,
    "text": _object,
    "tools": lambda value: None if isinstance(value, list) and value else "must be a list of tools",
    "tool_choice": lambda _: None,
    "store": lambda value: None if value is False else "must be false: nothing is kept",
    "metadata": _object,
    "stream": lambda value: boolean(value) or ("is not supported in the sandbox" if value else None),
}


def respond(call: Call) -> Response:
    """
    Answer a request for a response.

    :param call: the request and its model
    :return: the response
    """
    params = read_params(call.payload, _PARAMETERS)
    if "input" not in params:
        raise model_refusal(400, "'input' is required", "input", "missing_required_parameter")
    completion = complete(Call(call.model, call.name, _as_chat(params))).body
    choice = completion["choices"][0]
    cut = choice["finish_reason"] == "length"
    usage = completion["usage"]
    return Response(
        200,
        {
            "id": completion["id"].replace("chatcmpl", "resp"),
            "object": "response",
            "created_at": completion["created"],
            "status": "incomplete" if cut else "completed",
            "incomplete_details": {"reason": "max_output_tokens"} if cut else None,
            "error": None,
            "model": call.name,
            "instructions": params.get("instructions"),
            "metadata": params.get("metadata", {}),
            "output": _output(choice["message"], "incomplete" if cut else "completed"),
            "parallel_tool_calls": True,
            "temperature": params.get("temperature"),
            "top_p": params.get("top_p"),
            "tool_choice": params.get("tool_choice", "auto"),
            "tools": params.get("tools", []),
            "store": False,
            "usage": {
                "input_tokens": usage["prompt_tokens"],
                "input_tokens_details": {"cached_tokens": 0},
                "output_tokens": usage["completion_tokens"],
                "output_tokens_details": usage.get("completion_tokens_details", {"reasoning_tokens": 0}),
                "total_tokens": usage["total_tokens"],
            },
        },
    )


def _as_chat(params: dict[str, Any]) -> dict[str, Any]:
    items = params["input"]
    messages = [{"role": "user", "content": items}] if isinstance(items, str) else [_message(item) for item in items]
    if "instructions" in params:
        messages.insert(0, {"role": "system", "content": params["instructions"]})
    chat = {
        "messages": [each for each in messages if each],
        **{_CHAT_NAMES[n]: params[n] for n in _CHAT_NAMES if n in params},
    }
    if "effort" in params.get("reasoning", {}):
        chat["reasoning_effort"] = params["reasoning"]["effort"]
    form = params.get("text", {}).get("format")
    if isinstance(form, dict):
        inner = {name: value for name, value in form.items() if name != "type"}
        chat["response_format"] = {"type": form.get("type"), **({"json_schema": inner} if inner else {})}
    if "tools" in params:
        chat["tools"] = [
            {"type": "function", "function": {name: value for name, value in tool.items() if name != "type"}}
            for tool in params["tools"]
            if isinstance(tool, dict) and tool.get("type") == "function"
        ]
    if "tool_choice" in params:
        chat["tool_choice"] = params["tool_choice"]
    return chat


def _message(item: dict[str, Any]) -> dict[str, Any]:
    return _ITEMS[item["type"]](item)


def _to_message(item: dict[str, Any]) -> dict[str, Any]:
    role, content = item.get("role"), item.get("content")
    if isinstance(content, list):
        content = [_part(part) for part in content]
    return {"role": "system" if role == "developer" else role, "content": content}


def _part(part: Any) -> Any:
    kind = part.get("type") if isinstance(part, dict) else None
    if kind in ("input_text", "output_text"):
        return {"type": "text", "text": part.get("text")}
    if kind == "input_image":
        return {"type": "image_url", "image_url": {"url": part.get("image_url")}}
    return part


def _to_tool_calls(item: dict[str, Any]) -> dict[str, Any]:
    function = {"name": item.get("name"), "arguments": item.get("arguments")}
    calls = [{"id": item.get("call_id"), "type": "function", "function": function}]
    return {"role": "assistant", "content": None, "tool_calls": calls}


def _to_tool_message(item: dict[str, Any]) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": item.get("call_id"), "content": item.get("output")}


#: Converts each type of input item to a chat message. Reasoning is left out.
_ITEMS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "message": _to_message,
    "function_call": _to_tool_calls,
    "function_call_output": _to_tool_message,
    "reasoning": lambda _: {},
}


def _output(message: dict[str, Any], status: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    if message.get("reasoning"):
        thought = [{"type": "reasoning_text", "text": message["reasoning"]}]
        items.append({"id": "rs_1", "type": "reasoning", "summary": [], "content": thought})
    for place, call in enumerate(message.get("tool_calls", [])):
        function = call["function"]
        items.append(
            {"id": f"fc_{place}", "type": "function_call", "call_id": call["id"], "status": status, **function}
        )
    if message.get("content"):
        content = {"type": "output_text", "text": message["content"], "annotations": [], "logprobs": []}
        items.append({"id": "msg_1", "type": "message", "role": "assistant", "status": status, "content": [content]})
    return items
