"""The sandbox's answers: fixed words instead of a model's, within the limits of the request."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from ..http.messages import model_refusal
from ..models import Model
from . import conversation, tokenizer, tool_calls
from .schema_instances import instance
from .schema_scalars import Unsatisfiable

#: Longest part of the question that an answer repeats.
_MAX_ECHO_CHARS = 300

#: Words for which the guard models answer "Unsafe" or "Controversial", and words that make an answer a refusal.
_UNSAFE = re.compile(r"\b(bomb|kill|murder|poison|weapon)", re.IGNORECASE)
_CONTROVERSIAL = re.compile(r"\b(controvers|gambl|protest)", re.IGNORECASE)
_REFUSES = re.compile(r"\b(I cannot|I can't|I won't|I will not)\b", re.IGNORECASE)

_THOUGHTS = (
    "No model runs in the sandbox, so there is little to think about.",
    "The question has {words} words.",
    "I will say where I am and repeat the question, so that everybody sees that it arrived.",
)
_THOUGHTS_BY_EFFORT = {"none": 0, "minimal": 1, "low": 1, "medium": 2, "high": 3}


@dataclass
class Answer:
    """
    One answer.

    :param reasoning: reasoning of a reasoning model
    :param content: the text, or ``None`` if the answer calls tools
    :param tool_calls: the calls of tools
    :param finish_reason: ``stop``, ``length`` or ``tool_calls``
    :param completion_tokens: tokens of all parts
    """

    reasoning: str = ""
    content: str | None = None
    tool_calls: list[dict[str, Any]] = field(default_factory=list)
    finish_reason: str = "stop"
    completion_tokens: int = 0


class _Budget:
    """
    The token budget of an answer.

    :param limit: maximum of tokens in all parts
    """

    def __init__(self, limit: int) -> None:
        self._left = limit
        self.spent = 0
        self.exceeded = False

    def spend(self, text: str) -> str:
        pieces = tokenizer.pieces(text)
        tokens = pieces[: self._left]
        self._left -= len(tokens)
        self.spent += len(tokens)
        self.exceeded |= len(tokens) < len(pieces)
        return "".join(tokens)


def generate_answer(model: Model, params: dict[str, Any]) -> Answer:
    """
    Generate the answer to a chat request.

    :param model: model of the request
    :param params: validated parameters
    :return: the answer, cut to ``max_tokens`` and at ``stop``
    """
    budget = _Budget(params.get("max_tokens", model.max_output))
    answer = Answer(reasoning=budget.spend(_reasoning(model, params)), tool_calls=tool_calls.choose_calls(params))
    for call in answer.tool_calls:
        call["function"]["arguments"] = budget.spend(call["function"]["arguments"])
        answer.finish_reason = "tool_calls"
    if not answer.tool_calls:
        answer.content = budget.spend(_before_stop(_text(model, params), params.get("stop")))
    if budget.exceeded:
        answer.finish_reason = "length"
    answer.completion_tokens = budget.spent
    return answer


def _text(model: Model, params: dict[str, Any]) -> str:
    messages = params["messages"]
    form = params.get("response_format", {"type": "text"})
    if form["type"] == "json_schema":
        return _instance(form["json_schema"]["schema"])
    if form["type"] == "json_object":
        return json.dumps({"answer": _echo(model, messages), "sandbox": True}, ensure_ascii=False)
    return _verdict(messages) if model.kind == "guard" else _echo(model, messages)


def _echo(model: Model, messages: list[dict[str, Any]]) -> str:
    result = conversation.read_text(messages[-1]) if messages[-1]["role"] == "tool" else ""
    echo = f'The tool answered: "{_short(result)}"' if result else f'You asked: "{_quote_question(messages)}"'
    beside = f" Images received: {count}." if (count := conversation.count_images(messages)) else ""
    turns = sum(message["role"] == "user" for message in messages)
    beside += f" It was your question number {turns} in this conversation." if turns > 1 and not result else ""
    return f"Hello from the AI Endpoints sandbox, standing in for {model.id}. {echo}{beside} No model was run."


def _quote_question(messages: list[dict[str, Any]]) -> str:
    return _short(conversation.find_question(messages))


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _MAX_ECHO_CHARS else f"{flat[:_MAX_ECHO_CHARS]}..."


def _verdict(messages: list[dict[str, Any]]) -> str:
    text = "\n".join(map(conversation.read_text, messages))
    verdict = "Safety: Safe\nCategories: None"
    if _UNSAFE.search(text):
        verdict = "Safety: Unsafe\nCategories: Violent"
    elif _CONTROVERSIAL.search(text):
        verdict = "Safety: Controversial\nCategories: Politically Sensitive Topics"
    if messages[-1]["role"] != "assistant":
        return verdict
    refuses = _REFUSES.search(conversation.read_text(messages[-1]))
    return f"{verdict}\nRefusal: {'Yes' if refuses else 'No'}"


def _instance(schema: Any) -> str:
    try:
        return json.dumps(instance(schema), sort_keys=True, ensure_ascii=False)
    except Unsatisfiable as error:
        raise model_refusal(400, f"'response_format': {error}", "response_format") from None


def _reasoning(model: Model, params: dict[str, Any]) -> str:
    if not model.efforts:
        return ""
    thoughts = _THOUGHTS[: _THOUGHTS_BY_EFFORT[params.get("reasoning_effort", "medium")]]
    words = len(conversation.find_question(params["messages"]).split())
    return " ".join(thoughts).format(words=words)


def _before_stop(text: str, stop: str | list[str] | None) -> str:
    marks = [stop] if isinstance(stop, str) else stop or []
    ends = [text.index(mark) for mark in marks if mark in text]
    return text[: min(ends, default=len(text))]
