"""
Decides whether a model's answer is usable: of a chat completion, a stream, or the Responses API. Pure.

Sources of the reasons: OpenAI's API reference, 2026-05, and the spellings of vLLM (``abort``), OpenRouter (``error``),
DeepSeek (``insufficient_system_resource``), Zhipu (``sensitive``, ``network_error``), Gemini (``SAFETY``), Anthropic
(``refusal``) and Cohere (``ERROR_TOXIC``). A reason that isn't listed is a regular end.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import AnswerWithheldError, InvalidOutputError, OutputTruncatedError
from ..redaction import cut_at_space, excerpt, scrub

#: Characters of a text of the service that are read to quote its beginning.
MAX_TEXT_CHARS = 10_000

#: The answer reached a limit of tokens.
_CUT = frozenset(
    {"length", "max_tokens", "max_output_tokens", "max_length", "model_length", "model_context_window_exceeded"}
)

#: The service withheld the rest of the answer.
_WITHHELD = frozenset(
    {
        *{"content_filter", "content_filtered", "safety", "sensitive", "refusal", "recitation", "blocklist", "blocked"},
        *{"prohibited_content", "spii", "guardrail_intervened", "guardrails", "error_toxic", "image_safety"},
    }
)

#: The service failed in the middle of the answer.
_BROKEN = frozenset(
    {
        *{"abort", "aborted", "cancel", "cancelled", "canceled", "interrupted", "in_progress", "queued"},
        *{"error", "failed", "failure", "timeout", "network_error", "server_error", "engine_error", "overloaded"},
        *{"insufficient_system_resource", "malformed_function_call"},
    }
)


@dataclass(frozen=True)
class Answer:
    """
    What a model answered.

    :param text: text without reasoning
    :param finish_reason: why the answer ended, or None
    :param calls: its tool calls, each with ``arguments``
    :param refusal: words with which the model refused, or None
    :param has_reasoning: whether it has reasoning
    :param has_media: whether it has sound or images
    """

    text: str
    finish_reason: str | None
    calls: Sequence[Any] = ()
    refusal: str | None = None
    has_reasoning: bool = False
    has_media: bool = False


def is_cut(finish_reason: str | None) -> bool:
    """
    Return whether an answer was cut at a limit of tokens.

    :param finish_reason: why the answer ended, or None
    :return: True for ``length`` in any spelling
    """
    return _normalize(finish_reason) in _CUT


def find_fault(
    answer: Answer, model: Any, token: str | None, limit: str = "max_tokens"
) -> InvalidOutputError | OutputTruncatedError | None:
    """
    Decide whether an answer is usable.

    :param answer: the answer
    :param model: model id, for the error
    :param token: removed from everything that is quoted
    :param limit: parameter that limits the number of tokens
    :return: the error to raise, or None for a usable answer. An answer that was cut within its text is usable
    """
    reason = _normalize(answer.finish_reason)
    finish = f" (finish_reason {_quote(answer.finish_reason, token)!r})" if answer.finish_reason else ""
    has_text = bool(answer.text.strip() or answer.has_media)
    if reason in _CUT:
        return _find_cut(answer, has_text, model, finish, limit)
    if reason in _WITHHELD or (answer.refusal and not has_text and not answer.calls):
        words = f": {_quote(answer.refusal, token)}" if answer.refusal else ""
        filtered = f"A content filter withheld the answer of {model}"
        who = filtered if reason in _WITHHELD else f"{model} refused to answer"
        remedy = "It was billed. Change the prompt, or use another model."
        return AnswerWithheldError(f"{who}{finish}{words}. {remedy}")
    if reason in _BROKEN:
        return InvalidOutputError(
            f"The service broke off the answer of {model}{finish}. It is incomplete, and was billed. Try again later."
        )
    if has_text or answer.calls:
        return None
    what = f"The answer of {model} has no text"
    if answer.has_reasoning:
        what = f"The answer of {model} has reasoning, but no text"
    return InvalidOutputError(f"{what}{finish}, and was billed. Try again, or change the prompt.")


def _find_cut(answer: Answer, has_text: bool, model: Any, finish: str, limit: str) -> OutputTruncatedError | None:
    if any(not _is_json(call.get("arguments")) for call in answer.calls if isinstance(call, Mapping)):
        what = f"The answer of {model} reached its token limit within the arguments of a tool call"
    elif has_text or answer.calls:
        return None
    else:
        what = f"The answer of {model} reached its token limit before the first word"
    return OutputTruncatedError(
        f"{what}{finish}, and was billed. Raise {limit}, or leave it out: a reasoning model spends tokens on thinking "
        "first."
    )


def _quote(text: str, token: str | None) -> str:
    return excerpt(scrub(cut_at_space(text, MAX_TEXT_CHARS), token), 200)


def _normalize(finish_reason: str | None) -> str:
    return (finish_reason or "").strip().lower().replace("-", "_").replace(" ", "_")


def _is_json(arguments: Any) -> bool:
    if not isinstance(arguments, str) or not arguments:
        return True  # an object, or a function without parameters
    try:
        json.loads(arguments)
    except (ValueError, RecursionError):
        return False
    return True
