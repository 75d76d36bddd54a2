"""Whether the parts of a valid chat request go with each other and with the model that is asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..http.messages import model_refusal
from ..models import Model
from . import conversation


def check_capabilities(model: Model, params: dict[str, Any]) -> None:
    """
    Refuse what the model cannot do and what lacks its other half.

    :param model: the model that is asked
    :param params: checked parameters
    """
    for misfits in (_halves(params), _abilities(model, params), _messages(model, params["messages"])):
        for name, why in misfits:
            raise model_refusal(400, f"'{name}' {why}", name, "invalid_value")


def _halves(params: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if "stream_options" in params and not params.get("stream"):
        yield "stream_options", "needs 'stream': true"
    if "tool_choice" in params and "tools" not in params:
        yield "tool_choice", "needs 'tools'"
    if "top_logprobs" in params and not params.get("logprobs"):
        yield "top_logprobs", "needs 'logprobs': true"


def _abilities(model: Model, params: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if "tools" in params and not model.tools:
        yield "tools", f"is not supported by {model.id}"
    if "response_format" in params and model.kind == "guard":
        yield "response_format", f"is not supported by {model.id}"
    if "reasoning_effort" in params and params["reasoning_effort"] not in model.efforts:
        known = f"must be one of {', '.join(model.efforts)} for" if model.efforts else "is not supported by"
        yield "reasoning_effort", f"{known} {model.id}"


def _messages(model: Model, messages: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    if conversation.images(messages) and not model.vision:
        yield "messages", f"holds images, which {model.id} does not read"
    if (used := conversation.prompt_tokens(messages)) > model.context:
        yield "messages", f"has {used} tokens, more than the context of {model.context}"
