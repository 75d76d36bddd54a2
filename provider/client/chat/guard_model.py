"""
What a guard model is asked, and how its verdict is read. Pure.

Source: Qwen3Guard's model card and chat template, 2025-10. The answer's text has a line ``Safety:`` with one of three
words, a line ``Categories:``, and about an assistant's message a line ``Refusal:``. Only the last message of a
conversation is judged; what comes before it is context.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from ... import validation
from ...errors import ConfigurationError, InvalidResponseError, OutputTruncatedError
from ..http.http_request import Request
from ..http.http_response import Reply, facts
from .chat_response import read_finish_reason, read_text

#: The guard model that is asked unless another is named; the service also has ``Qwen3Guard-Gen-0.6B`` (2026-09-28).
MODEL = "Qwen3Guard-Gen-8B"

#: What a verdict can be, from the mildest to the gravest.
SAFETIES = ("Safe", "Controversial", "Unsafe")

#: What content can be unsafe for; ``Jailbreak`` is said of a user's message only.
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

#: A line with its label, in whatever spelling: ``Safety: Safe``, ``**safety**: SAFE.``, ``- SAFETY : safe``
_LINE = re.compile(r"^[\s*_#>`-]*(safety|categor(?:y|ies)|refusal)[\s*_`]*[:\uff1a](.*)$", re.IGNORECASE | re.MULTILINE)
#: What may stand around a word without changing it.
_SURROUNDING_CHARS = " \t\r*_`'\".,;[]"

#: Letters of a category that is in no list: what a model says there may be anything.
_CATEGORY_LENGTH = 100


def conversation(text: Any, answer: Any, messages: Any) -> Any:
    """
    Put together what is judged: its last message.

    :param text: what a user says
    :param answer: what a model answered to it, or None
    :param messages: a conversation in their place
    :return: messages; those that were given as such have yet to be checked like any chat's, but for the last
    :raises ConfigurationError: if there is nothing to judge, or more than one thing
    """
    if messages is None:
        if text is None:
            raise ConfigurationError("There is nothing to check: give text, or messages in its place.")
        said = [{"role": "user", "content": validation.text(text, "text")}]
        return said if answer is None else [*said, {"role": "assistant", "content": validation.text(answer, "answer")}]
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
    Read which verdicts count as unsafe.

    :param unsafe_levels: their names, several in a list or with commas
    :return: ``Unsafe``, and ``Controversial`` where it was named
    :raises ConfigurationError: if other names are given, or ``Unsafe`` is not
    """
    names = unsafe_levels.split(",") if isinstance(unsafe_levels, str) else unsafe_levels
    known = isinstance(names, Collection) and not isinstance(names, (Mapping, bytes))
    found = {_SAFETIES.get(str(name).strip().casefold()) for name in names} if known else set()
    counted = frozenset(name for name in found if name)
    if len(counted) != len(found) or "Unsafe" not in counted or "Safe" in counted:
        said = validation.quote(", ".join(map(str, names)) if known else unsafe_levels)
        raise ConfigurationError(f"unsafe_levels must be 'Unsafe', or both 'Unsafe' and 'Controversial', not {said}.")
    return counted


def read_verdict(value: dict[str, Any], reply: Reply, request: Request, unsafe: Collection[str]) -> dict[str, Any]:
    """
    Read the verdict out of a guard model's answer. An answer that has none is never taken for a safe one.

    :param value: the reply's JSON, a checked chat completion
    :param reply: the reply
    :param request: what it answers
    :param unsafe: which verdicts count as unsafe
    :return: ``safe``, ``safety``, ``categories``, ``refusal`` (None where the model does not say) and ``model``
    :raises InvalidResponseError: if the text has no verdict, or more than one
    :raises OutputTruncatedError: if it was cut before the verdict
    """
    lines = [
        (label.casefold(), said.strip(_SURROUNDING_CHARS))
        for label, said in _LINE.findall(_after_thinking(read_text(value)))
    ]
    safeties = {_SAFETIES.get(said.casefold()) for label, said in lines if label == "safety"}
    safety = safeties.pop() if len(safeties) == 1 else None
    if safety is None or len(value["choices"]) > 1:
        raise _without_verdict(value, reply, request)
    refusals = {_REFUSALS.get(said.casefold()) for label, said in lines if label == "refusal"}
    return {
        "safe": safety not in unsafe,
        "safety": safety,
        "categories": _categories(said for label, said in lines if label.startswith("categor")),
        "refusal": refusals.pop() if len(refusals) == 1 else None,
        "model": value["model"] if isinstance(value.get("model"), str) else request.model,
    }


def _after_thinking(said: str) -> str:
    # A thought may weigh a verdict that it does not come to: none is read out of one that has no beginning or no end.
    said = said.rpartition("</think>")[2]
    return "" if "<think>" in said else said


def _categories(lines: Iterable[str]) -> list[str]:
    names = [name.strip(_SURROUNDING_CHARS) for said in lines for name in re.split(r"[,;|\uff0c\u3001]", said)]
    found = [_CATEGORIES.get(name.casefold(), name[:_CATEGORY_LENGTH]) for name in names]
    return list(dict.fromkeys(name for name in found if name and name.casefold() != "none"))


def _without_verdict(
    value: dict[str, Any], reply: Reply, request: Request
) -> InvalidResponseError | OutputTruncatedError:
    reason = read_finish_reason(value)
    if reason == "length":
        return OutputTruncatedError(
            f"The answer of {request.model} was cut at its token limit (finish_reason 'length') before its verdict, so "
            "nothing is known to be safe. Leave max_tokens out.",
            response=value,
            **facts(reply),
        )
    # Not quoted: a model that is no guard may repeat what it was asked.
    advice = "" if is_guard(request.model) else f" {request.model} does not sound like a guard model: take {MODEL}."
    return InvalidResponseError(
        f"The answer of {request.model} ({len(read_text(value)):,} characters, finish_reason {reason!r}) is no "
        f"verdict: exactly one line 'Safety:' with {', '.join(SAFETIES[:-1])} or {SAFETIES[-1]} was expected, so "
        f"nothing is known to be safe.{advice}",
        response=value,
        **facts(reply),
    )


def is_guard(model: str | None) -> bool:
    """
    Tell whether a model is a guard model by its name; one behind a gateway may have any.

    :param model: model id
    :return: whether its name says so
    """
    return "guard" in (model or "").casefold()


def described(verdict: Mapping[str, Any]) -> str:
    """
    Say a verdict in few words, none of which were judged.

    :param verdict: as :func:`read_verdict` gives it
    :return: such as ``Unsafe (Violent, PII)``; a category that is in no list is counted, not named
    """
    named = [name for name in verdict["categories"] if name in CATEGORIES]
    others = len(verdict["categories"]) - len(named)
    said = ", ".join([*named, *([f"{others} unknown"] if others else [])])
    return f"{verdict['safety']} ({said})" if said else str(verdict["safety"])
