"""
Guard models: builds the messages to check and reads the verdict. Pure.

Source: Qwen3Guard's model card and chat template, 2025-10. The answer's text has a line ``Safety:`` with one of three
words, a line ``Categories:``, and for an assistant's message a line ``Refusal:``. Only the last message is judged; the
messages before it are context.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from ... import validation
from ...errors import ConfigurationError, InvalidResponseError, OutputTruncatedError
from ..http.http_request import Request
from ..http.http_response import HTTPResponse, facts
from .chat_response import read_finish_reason, read_text

#: Default guard model; the service also has ``Qwen3Guard-Gen-0.6B`` (2026-09-28).
MODEL = "Qwen3Guard-Gen-8B"

#: Safety levels, from the mildest to the gravest.
SAFETIES = ("Safe", "Controversial", "Unsafe")

#: Categories of unsafe content; ``Jailbreak`` is for a user's message only.
CATEGORIES = (
    "Violent",
    "Non-violent Illegal Acts",
    "Sexual Content or Sexual Acts",
    "PII",
    "Suicide & Self-Harm",
    "Unethical Acts",
    "Politically Sensitive Topics",
    "Copyright Violation",
    "Jailbreak",
)

_SAFETIES = {name.casefold(): name for name in SAFETIES}
_CATEGORIES = {name.casefold(): name for name in CATEGORIES}
_REFUSALS = {"yes": True, "no": False}

#: A line with its label, in any spelling: ``Safety: Safe``, ``**safety**: SAFE.``, ``- SAFETY : safe``
_LINE = re.compile(r"^[\s*_#>`-]*(safety|categor(?:y|ies)|refusal)[\s*_`]*[:\uff1a](.*)$", re.IGNORECASE | re.MULTILINE)
#: Characters that are ignored around a word.
_SURROUNDING_CHARS = " \t\r*_`'\".,;[]"

#: Maximum length of an unlisted category, which may be any text of the model.
_MAX_CATEGORY_CHARS = 100


def build_conversation(text: Any, answer: Any, messages: Any) -> Any:
    """
    Build the messages to check; the last one is judged.

    :param text: the user's message
    :param answer: the model's answer to it, or None
    :param messages: a conversation in place of both
    :return: the messages. Of given ``messages``, only the last is checked here
    :raises ConfigurationError: if there is nothing to judge, or both forms are given
    """
    if messages is None:
        if text is None:
            raise ConfigurationError("There is nothing to check: give text, or messages in its place.")
        user_messages = [{"role": "user", "content": validation.text(text, "text")}]
        if answer is None:
            return user_messages
        return [*user_messages, {"role": "assistant", "content": validation.text(answer, "answer")}]
    if text is not None or answer is not None:
        raise ConfigurationError(
            "Give either text and answer or messages, not both: an answer is the last of the messages, with the role "
            "'assistant'."
        )
    if isinstance(messages, Sequence) and messages and isinstance(messages[-1], Mapping):
        _check_last(messages[-1])
    return messages


def _check_last(message: Mapping[str, Any]) -> None:
    if message.get("role") not in ("user", "assistant"):
        raise ConfigurationError(
            f"The last of the messages is what is checked, and must be of the role user or assistant, not "
            f"{validation.quote(message.get('role'))}."
        )
    content = message.get("content")
    if isinstance(content, (list, tuple)):
        parts = [part if isinstance(part, Mapping) else {} for part in content]
        if any(part.get("type") != "text" for part in parts):
            raise ConfigurationError("The last of the messages holds more than text: a guard model reads text only.")
        content = "".join(str(part.get("text") or "") for part in parts)
    validation.text(content, "the last of the messages")


def read_unsafe_levels(unsafe_levels: Any) -> frozenset[str]:
    """
    Parse the safety levels that count as unsafe.

    :param unsafe_levels: their names, in a list or separated by commas
    :return: ``Unsafe``, and ``Controversial`` if it was named
    :raises ConfigurationError: if other names are given, or ``Unsafe`` isn't
    """
    names = unsafe_levels.split(",") if isinstance(unsafe_levels, str) else unsafe_levels
    is_list = isinstance(names, Collection) and not isinstance(names, (Mapping, bytes))
    matches = {_SAFETIES.get(str(name).strip().casefold()) for name in names} if is_list else set()
    levels = frozenset(name for name in matches if name)
    if len(levels) != len(matches) or "Unsafe" not in levels or "Safe" in levels:
        value = validation.quote(", ".join(map(str, names)) if is_list else unsafe_levels)
        raise ConfigurationError(f"unsafe_levels must be 'Unsafe', or both 'Unsafe' and 'Controversial', not {value}.")
    return levels


def read_verdict(
    value: dict[str, Any], response: HTTPResponse, request: Request, unsafe: Collection[str]
) -> dict[str, Any]:
    """
    Read the verdict from a guard model's answer. An answer without a verdict never counts as safe.

    :param value: the response's JSON, a checked chat completion
    :param response: the response
    :param request: its request
    :param unsafe: the safety levels that count as unsafe
    :return: ``safe``, ``safety``, ``categories``, ``refusal`` (None if the model doesn't say) and ``model``
    :raises InvalidResponseError: if the text doesn't have exactly one verdict
    :raises OutputTruncatedError: if it was cut before the verdict
    """
    lines = [
        (label.casefold(), text.strip(_SURROUNDING_CHARS))
        for label, text in _LINE.findall(_after_thinking(read_text(value)))
    ]
    safeties = {_SAFETIES.get(text.casefold()) for label, text in lines if label == "safety"}
    safety = safeties.pop() if len(safeties) == 1 else None
    if safety is None or len(value["choices"]) > 1:
        raise _without_verdict(value, response, request)
    refusals = {_REFUSALS.get(text.casefold()) for label, text in lines if label == "refusal"}
    return {
        "safe": safety not in unsafe,
        "safety": safety,
        "categories": _categories(text for label, text in lines if label.startswith("categor")),
        "refusal": refusals.pop() if len(refusals) == 1 else None,
        "model": value["model"] if isinstance(value.get("model"), str) else request.model,
    }


def _after_thinking(text: str) -> str:
    # Reasoning may mention a verdict that it then rejects: never read one from reasoning that is incomplete.
    text = text.rpartition("</think>")[2]
    return "" if "<think>" in text else text


def _categories(lines: Iterable[str]) -> list[str]:
    names = [name.strip(_SURROUNDING_CHARS) for line in lines for name in re.split(r"[,;|\uff0c\u3001]", line)]
    categories = [_CATEGORIES.get(name.casefold(), name[:_MAX_CATEGORY_CHARS]) for name in names]
    return list(dict.fromkeys(name for name in categories if name and name.casefold() != "none"))


def _without_verdict(
    value: dict[str, Any], response: HTTPResponse, request: Request
) -> InvalidResponseError | OutputTruncatedError:
    reason = read_finish_reason(value)
    if reason == "length":
        return OutputTruncatedError(
            f"The answer of {request.model} was cut at its token limit (finish_reason 'length') before its verdict, so "
            "nothing is known to be safe. Leave max_tokens out.",
            response=value,
            **facts(response),
        )
    # Not quoted: a model that isn't a guard model may repeat the content.
    advice = "" if is_guard(request.model) else f" {request.model} does not sound like a guard model: take {MODEL}."
    return InvalidResponseError(
        f"The answer of {request.model} ({len(read_text(value)):,} characters, finish_reason {reason!r}) is no "
        f"verdict: exactly one line 'Safety:' with {', '.join(SAFETIES[:-1])} or {SAFETIES[-1]} was expected, so "
        f"nothing is known to be safe.{advice}",
        response=value,
        **facts(response),
    )


def is_guard(model: str | None) -> bool:
    """
    Return whether a model's name is that of a guard model; one behind a gateway may have any name.

    :param model: model id
    :return: True if the name contains ``guard``
    """
    return "guard" in (model or "").casefold()


def describe_verdict(verdict: Mapping[str, Any]) -> str:
    """
    Describe a verdict without quoting the content.

    :param verdict: from :func:`read_verdict`
    :return: such as ``Unsafe (Violent, PII)``; unlisted categories are counted, not named
    """
    named = [name for name in verdict["categories"] if name in CATEGORIES]
    others = len(verdict["categories"]) - len(named)
    names = ", ".join([*named, *([f"{others} unknown"] if others else [])])
    return f"{verdict['safety']} ({names})" if names else str(verdict["safety"])
