"""What strict servers refuse: optional fields, and messages whose tool calls don't fit together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..http.messages import Refusal, Response, model_refusal, parse_json

#: Optional fields by path, and the status with which servers are known to refuse them.
#: Sources: ovh/public-cloud-roadmap#1162 (400), vllm#6174 (400), and Mistral's API (422), 2026-05.
_REFUSED = {
    "/v1/chat/completions": {"stream_options": 400, "parallel_tool_calls": 400},
    "/v1/embeddings": {"encoding_format": 422},
    "/v1/images/generations": {"response_format": 400},
}


def check_strictly(path: str, payload: Mapping[str, Any]) -> None:
    """
    Refuse a request that a strict server refuses.

    :param path: path of the request
    :param payload: its parameters
    :raise Refusal: for the first optional field, or the first wrong message
    """
    for name, status in _REFUSED.get(path, {}).items():
        if name in payload:
            raise _refuse_field(name, status)
    messages = payload.get("messages")
    # The endpoint refuses messages of another shape.
    if isinstance(messages, list) and all(isinstance(message, dict) for message in messages):
        for position, problem in _iter_problems(messages):
            raise model_refusal(422, f"messages[{position}]: {problem}", "messages", "invalid_value")


def _refuse_field(name: str, status: int) -> Refusal:
    if status == 400:
        return model_refusal(400, f"{name} is not supported", name, "unsupported_parameter")
    detail = {"type": "extra_forbidden", "loc": ["body", name], "msg": "Extra inputs are not permitted"}
    return Refusal(Response(status, {"detail": [detail]}))


def _iter_problems(messages: list[Any]) -> Iterator[tuple[int, str]]:
    unanswered: list[Any] = []
    for position, message in enumerate(messages):
        calls = message.get("tool_calls") or []
        if message.get("content") is None and not calls:
            yield position, "content must not be null"
        if message.get("role") == "tool":
            if message.get("tool_call_id") not in unanswered:
                yield position, "tool_call_id is not the id of a tool call before it"
            else:
                unanswered.remove(message["tool_call_id"])
            continue
        if unanswered:
            yield position, f"the tool calls before it have no answer: {', '.join(unanswered)}"
        problem = next(filter(None, map(_find_problem, calls)), None)
        if problem:
            yield position, problem
        unanswered = [call["id"] for call in calls if not problem]
    if unanswered:
        yield len(messages) - 1, f"tool calls have no answer: {', '.join(unanswered)}"


def _find_problem(call: Any) -> str | None:
    fields = call if isinstance(call, dict) else {}
    if not isinstance(fields.get("id"), str) or not fields["id"]:
        return "a tool call needs an id"
    if fields.get("type") != "function":
        return "the type of a tool call must be 'function'"
    function = fields.get("function")
    arguments = function.get("arguments") if isinstance(function, dict) else None
    try:
        good = isinstance(arguments, str) and isinstance(parse_json(arguments.encode()), dict)
    except ValueError:
        good = False
    return None if good else "the arguments of a tool call must be a JSON object in a string"
