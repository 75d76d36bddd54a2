"""``POST /v1/chat/completions``."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from ..fake_model import conversation, tokenizer, tool_calls
from ..fake_model.answers import Answer, answer
from ..fake_model.capability_check import check_capabilities
from ..fake_model.stream_events import events
from ..http.messages import Reply, model_refusal
from ..models import Model
from .endpoint_call import CREATED, Call
from .parameters import Check, boolean, checked, choice, integer, number, text, texts


def _wrong_format(value: Any) -> str | None:
    kind = value.get("type") if isinstance(value, dict) else None
    if kind in ("text", "json_object"):
        return None
    if kind != "json_schema":
        return "must be an object whose 'type' is text, json_object or json_schema"
    described = value.get("json_schema")
    good = isinstance(described, dict) and isinstance(described.get("name"), str)
    good = good and isinstance(described.get("schema"), dict)
    return None if good else "needs a 'json_schema' with a name and a schema"


def _wrong_stream_options(value: Any) -> str | None:
    good = isinstance(value, dict) and value.keys() <= {"include_usage"}
    good = good and isinstance(value.get("include_usage", False), bool)
    return None if good else 'must be {"include_usage": true or false}'


#: The parameters of the service's OpenAPI description, and ``reasoning_effort``. Read 2026-10.
_PARAMETERS: dict[str, Check] = {
    "model": text,
    "messages": conversation.wrong_messages,
    "max_tokens": integer(1),
    "temperature": number(0, 2),
    "top_p": number(0, 1),
    "stop": texts,
    "seed": integer(),
    "stream": boolean,
    "stream_options": _wrong_stream_options,
    "logprobs": boolean,
    "top_logprobs": integer(0, 5),
    "tools": tool_calls.wrong_tools,
    "tool_choice": tool_calls.wrong_choice,
    "parallel_tool_calls": boolean,
    "response_format": _wrong_format,
    "reasoning_effort": choice("none", "minimal", "low", "medium", "high"),
}


def complete(call: Call) -> Reply:
    """
    Answer a chat request.

    :param call: the request and its model
    :return: a completion, or its events where a stream is asked for
    """
    params = checked(call.payload, _PARAMETERS)
    if "messages" not in params:
        raise model_refusal(400, "'messages' is required", "messages", "missing_required_parameter")
    check_capabilities(call.model, params)
    made = answer(call.model, params)
    usage = _usage(call.model, params["messages"], made)
    head = {"id": _id(call.payload), "created": CREATED, "model": call.name}
    if params.get("stream"):
        counted = usage if params.get("stream_options", {}).get("include_usage") else None
        return Reply(200, events=events(head, made, counted))
    choice = {
        "index": 0,
        "message": _message(made),
        "finish_reason": made.finish_reason,
        "logprobs": _logprobs(made, params),
    }
    return Reply(200, {**head, "object": "chat.completion", "choices": [choice], "usage": usage})


def _message(made: Answer) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": made.content}
    if made.reasoning:
        message["reasoning"] = made.reasoning
    if made.tool_calls:
        message["tool_calls"] = made.tool_calls
    return message


def _usage(model: Model, messages: list[dict[str, Any]], made: Answer) -> dict[str, Any]:
    prompt = conversation.prompt_tokens(messages)
    usage: dict[str, Any] = {
        "prompt_tokens": prompt,
        "completion_tokens": made.completion_tokens,
        "total_tokens": prompt + made.completion_tokens,
    }
    if model.efforts:
        usage["completion_tokens_details"] = {"reasoning_tokens": tokenizer.count(made.reasoning)}
    return usage


def _logprobs(made: Answer, params: dict[str, Any]) -> dict[str, Any] | None:
    """Give each token the probability 1: the sandbox never considers another."""
    if not params.get("logprobs"):
        return None
    entries = []
    for piece in tokenizer.pieces(made.content or ""):
        entry = {"token": piece, "logprob": 0.0, "bytes": list(piece.encode("utf-8", "replace"))}
        entries.append({**entry, "top_logprobs": [entry] if params.get("top_logprobs") else []})
    return {"content": entries}


def _id(payload: dict[str, Any]) -> str:
    """Name an answer after its question, so that the same request gets the same bytes."""
    return "chatcmpl-" + hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest()[:24]
