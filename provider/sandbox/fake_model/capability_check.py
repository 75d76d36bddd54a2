"""Check that the parameters of a valid chat request fit each other and the model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..http.messages import model_refusal
from ..models import Model
from . import conversation


def check_capabilities(model: Model, params: dict[str, Any]) -> None:
    """
    Refuse parameters that the model doesn't support, or that need another one.

    :param model: model of the request
    :param params: validated parameters
    :raise Refusal: for the first such parameter
    """
    for misfits in (_check_pairs(params), _check_abilities(model, params), _messages(model, params["messages"])):
        for name, why in misfits:
            raise model_refusal(400, f"'{name}' {why}", name, "invalid_value")


def _check_pairs(params: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if "stream_options" in params and not params.get("stream"):
        yield "stream_options", "needs 'stream': true"
    if "tool_choice" in params and "tools" not in params:
        yield "tool_choice", "needs 'tools'"
    if "top_logprobs" in params and not params.get("logprobs"):
        yield "top_logprobs", "needs 'logprobs': true"


def _check_abilities(model: Model, params: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if "tools" in params and not model.tools:
        yield "tools", f"is not supported by {model.id}"
    if "response_format" in params and model.kind == "guard":
        yield "response_format", f"is not supported by {model.id}"
    if "reasoning_effort" in params and params["reasoning_effort"] not in model.efforts:
        reason = f"must be one of {', '.join(model.efforts)} for" if model.efforts else "is not supported by"
        yield "reasoning_effort", f"{reason} {model.id}"


def _messages(model: Model, messages: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    if conversation.count_images(messages) and not model.vision:
        yield "messages", f"holds images, which {model.id} does not read"
    if (tokens := conversation.count_prompt_tokens(messages)) > model.context:
        yield "messages", f"has {tokens} tokens, more than the context of {model.context}"
