"""
Usage of requests: tokens, or seconds of audio. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeGuard

#: Tokens of one request: a million times the maximum of any model.
MAX_TOKENS = 10**12

#: Longest time in a recording, in seconds. A number above isn't a duration.
MAX_SECONDS = 1e9


@dataclass(frozen=True)
class Usage:
    """
    The usage of requests. Add two with ``+``.

    A count is None if no response reports it. Safe to use from several threads: nothing changes it.

    :param requests: number of responses
    :param input_tokens: tokens of prompts and texts
    :param output_tokens: tokens of answers, with reasoning
    :param total_tokens: both together
    :param reasoning_tokens: output tokens of the reasoning
    :param cached_tokens: input tokens from the service's cache
    :param audio_seconds: billed seconds of recordings
    :param missing_tokens: number of responses without the token counts that their cost needs
    :param missing_total: number of responses without a total
    """

    requests: int = 0
    input_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    reasoning_tokens: int | None = None
    cached_tokens: int | None = None
    audio_seconds: float | None = None
    missing_tokens: int = 0
    missing_total: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(*(_add(getattr(self, field.name), getattr(other, field.name)) for field in fields(self)))

    def __str__(self) -> str:
        names = ("audio_seconds",) if self.audio_seconds is not None else ("input_tokens", "output_tokens")
        counts = ((name, getattr(self, name)) for name in names)
        return " ".join(f"{name}={count}" for name, count in counts if count is not None)

    def as_dict(self) -> dict[str, Any]:
        """
        Return the usage as JSON, for XCom and manifests.

        :return: ``requests``, and each reported count by name
        """
        counts = {field.name: getattr(self, field.name) for field in fields(self)[:-2]}
        return {name: count for name, count in counts.items() if count is not None}


def read_usage(response: Mapping[str, Any] | None, requests: int = 1) -> Usage:
    """
    Read the usage of a response.

    :param response: response in OpenAI's format; None counts as one without usage
    :param requests: number of requests that it combines
    :return: the usage; counts that aren't numbers in their range are ignored
    """
    usage = _read_mapping(response, "usage")
    tokens_in, tokens_out, total = (
        _read_count(usage, name) for name in ("prompt_tokens", "completion_tokens", "total_tokens")
    )
    # Embeddings have no output tokens.
    is_complete = tokens_in is not None and (tokens_out is not None or usage.get("completion_tokens", 0) == 0)
    if total is None and is_complete:
        total = (tokens_in or 0) + (tokens_out or 0)
    return Usage(
        requests=requests,
        input_tokens=tokens_in,
        output_tokens=tokens_out,
        total_tokens=total,
        reasoning_tokens=_read_count(_read_mapping(usage, "completion_tokens_details"), "reasoning_tokens"),
        cached_tokens=_read_count(_read_mapping(usage, "prompt_tokens_details"), "cached_tokens"),
        audio_seconds=read_audio_seconds(response),
        missing_tokens=0 if is_complete else requests,
        missing_total=0 if total is not None else requests,
    )


def read_stored_usage(value: Any) -> Usage:
    """
    Read the usage that :meth:`Usage.as_dict` wrote to a file.

    :param value: the JSON value
    :return: the usage; counts that aren't numbers in their range are ignored
    """
    counts = value if isinstance(value, Mapping) else {}
    seconds = counts.get("audio_seconds")
    return Usage(
        requests=_read_count(counts, "requests") or 0,
        input_tokens=_read_count(counts, "input_tokens"),
        output_tokens=_read_count(counts, "output_tokens"),
        total_tokens=_read_count(counts, "total_tokens"),
        reasoning_tokens=_read_count(counts, "reasoning_tokens"),
        cached_tokens=_read_count(counts, "cached_tokens"),
        audio_seconds=seconds if is_seconds(seconds) else None,
    )


def read_audio_seconds(response: Mapping[str, Any] | None) -> float | None:
    """
    Read the billed seconds of a recording.

    :param response: a transcript
    :return: seconds; None if the service doesn't report them
    """
    usage = _read_mapping(response, "usage")
    # ``duration`` until 2026-05, ``seconds`` since.
    candidates = (usage.get("seconds"), usage.get("duration"))
    return next((value for value in candidates if is_seconds(value)), None)


def is_count(value: Any) -> TypeGuard[int]:
    """
    Return whether a value can be a number of tokens: a negative one, or one of a thousand digits, would spoil a sum.

    :param value: any value
    :return: True if it can
    """
    return type(value) is int and 0 <= value <= MAX_TOKENS


def is_seconds(value: Any) -> TypeGuard[float]:
    """
    Return whether a value can be a time in a recording.

    :param value: any value
    :return: True for a number from 0 to :data:`MAX_SECONDS`
    """
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= MAX_SECONDS


def _read_count(counts: Mapping[str, Any], name: str) -> int | None:
    value = counts.get(name)
    return value if is_count(value) else None


def _read_mapping(value: Mapping[str, Any] | None, name: str) -> Mapping[str, Any]:
    inner = value.get(name) if isinstance(value, Mapping) else None
    return inner if isinstance(inner, Mapping) else {}


def _add(one: Any, other: Any) -> Any:
    if one is None or other is None:
        return one if other is None else other
    return one + other
