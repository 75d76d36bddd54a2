"""``POST /v1/chat/completions``."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from ..fake_model import conversation, tokenizer, tool_calls
from ..fake_model.answers import Answer, generate_answer
from ..fake_model.capability_check import check_capabilities
from ..fake_model.stream_events import events
from ..http.messages import Response, model_refusal
from ..models import Model
from .endpoint_call import CREATED, Call
from .parameters import Check, boolean, choice, integer, number, read_params, text, texts


def _check_format(value: Any) -> str | None:
    kind = value.get("type") if isinstance(value, dict) else None
    if kind in ("text", "json_object"):
        return None
    if kind != "json_schema":
        return "must be an object whose 'type' is text, json_object or json_schema"
    described = value.get("json_schema")
    good = isinstance(described, dict) and isinstance(described.get("name"), str)
    good = good and isinstance(described.get("schema"), dict)
    return None if good else "needs a 'json_schema' with a name and a schema"


def _check_stream_options(value: Any) -> str | None:
    good = isinstance(value, dict) and value.keys() <= {"include_usage"}
    good = good and isinstance(value.get("include_usage", False), bool)
    return None if good else 'must be {"include_usage": true or false}'


#: The parameters of the service's OpenAPI description, and ``reasoning_effort``. Read 2026-10.
_PARAMETERS: dict[str, Check] = {
    "model": text,
    "messages": conversation.check_messages,
    "max_tokens": integer(1),
    "temperature": number(0, 2),
    "top_p": number(0, 1),
    "stop": texts,
    "seed": integer(),
    "stream": boolean,
    "stream_options": _check_stream_options,
    "logprobs": boolean,
    "top_logprobs": integer(0, 5),
    "tools": tool_calls.check_tools,
    "tool_choice": tool_calls.check_choice,
    "parallel_tool_calls": boolean,
    "response_format": _check_format,
    "reasoning_effort": choice("none", "minimal", "low", "medium", "high"),
}


def complete(call: Call) -> Response:
    """
    Answer a chat request.

    :param call: the request and its model
    :return: a completion, or its events if the request asks for a stream
    """
    params = read_params(call.payload, _PARAMETERS)
    if "messages" not in params:
        raise model_refusal(400, "'messages' is required", "messages", "missing_required_parameter")
    check_capabilities(call.model, params)
    answer = generate_answer(call.model, params)
    usage = _usage(call.model, params["messages"], answer)
    head = {"id": _id(call.payload), "created": CREATED, "model": call.name}
    if params.get("stream"):
        final_usage = usage if params.get("stream_options", {}).get("include_usage") else None
        return Response(200, events=events(head, answer, final_usage), tokens=usage["total_tokens"])
    choice = {
        "index": 0,
        "message": _message(answer),
        "finish_reason": answer.finish_reason,
        "logprobs": _logprobs(answer, params),
    }
    body = {**head, "object": "chat.completion", "choices": [choice], "usage": usage}
    return Response(200, body, tokens=usage["total_tokens"])


def _message(answer: Answer) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": answer.content}
    if answer.reasoning:
        message["reasoning"] = answer.reasoning
    if answer.tool_calls:
        message["tool_calls"] = answer.tool_calls
    return message


def _usage(model: Model, messages: list[dict[str, Any]], answer: Answer) -> dict[str, Any]:
    prompt = conversation.count_prompt_tokens(messages)
    usage: dict[str, Any] = {
        "prompt_tokens": prompt,
        "completion_tokens": answer.completion_tokens,
        "total_tokens": prompt + answer.completion_tokens,
    }
    if model.efforts:
        usage["completion_tokens_details"] = {"reasoning_tokens": tokenizer.count(answer.reasoning)}
    return usage


def _logprobs(answer: Answer, params: dict[str, Any]) -> dict[str, Any] | None:
    """Return probability 1 for each token: the sandbox never considers another."""
    if not params.get("logprobs"):
        return None
    entries = []
    for piece in tokenizer.pieces(answer.content or ""):
        entry = {"token": piece, "logprob": 0.0, "bytes": list(piece.encode("utf-8", "replace"))}
        entries.append({**entry, "top_logprobs": [entry] if params.get("top_logprobs") else []})
    return {"content": entries}


def _id(payload: dict[str, Any]) -> str:
    """Derive the id from the request, so that the same request gets the same bytes."""
    return "chatcmpl-" + hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest()[:24]
