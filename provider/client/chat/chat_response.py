"""
Reads a chat completion: text, reasoning and tool calls. Pure.

Source: OpenAI API reference, "The chat completion object", 2026-05. Services have two names for reasoning: OVHcloud
renamed ``reasoning_content`` to ``reasoning`` in 2026-05. A model without a reasoning parser leaves it in the text,
between ``<think>`` and ``</think>``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ...errors import ConfigurationError, InvalidResponseError, OutputTruncatedError
from ...validation import quote
from ..http.http_request import Request
from ..http.http_response import HTTPResponse, _misshaped, facts

#: Forms in which an answer can be returned.
OUTPUTS = ("response", "text", "json", "message")

#: Fields of a message that may hold its reasoning.
REASONING = ("reasoning", "reasoning_content")

_THOUGHTS = re.compile(r"\s*<think>(.*?)</think>\s*", re.DOTALL)


def check_output(kind: Any) -> None:
    """
    Check the form in which an answer is to be returned.

    :param kind: one of :data:`OUTPUTS`
    :raises ConfigurationError: if it isn't one of them
    """
    if kind not in OUTPUTS:
        raise ConfigurationError(f"output must be one of {', '.join(OUTPUTS)}, not {quote(kind)}.")


def find_choice(response: Mapping[str, Any]) -> Mapping[str, Any]:
    """
    Return the first choice.

    :param response: a checked chat completion
    :return: its ``message`` and ``finish_reason``
    """
    first: Mapping[str, Any] = response["choices"][0]
    return first


def find_message(response: Mapping[str, Any]) -> dict[str, Any]:
    """
    Return the message of the first choice.

    :param response: a checked chat completion
    :return: the message, unchanged
    """
    return dict(find_choice(response)["message"])


def read_text(response: Mapping[str, Any]) -> str:
    """
    Return the text of the first answer.

    :param response: a checked chat completion
    :return: the text without reasoning; may be empty
    """
    content = _content(response)
    thoughts = _THOUGHTS.match(content)
    return content[thoughts.end() :] if thoughts else content


def read_reasoning(response: Mapping[str, Any]) -> str | None:
    """
    Return the reasoning before the first answer.

    :param response: a checked chat completion
    :return: the reasoning, or None
    """
    message = find_choice(response)["message"]
    reasoning = next(
        (message[name] for name in REASONING if isinstance(message.get(name), str) and message[name]), None
    )
    if reasoning is not None:
        return str(reasoning)
    thoughts = _THOUGHTS.match(_content(response))
    return (thoughts[1].strip() or None) if thoughts else None


def find_tool_calls(response: Mapping[str, Any]) -> list[Any]:
    """
    Return the tool calls of the first answer.

    :param response: a checked chat completion
    :return: the calls, unchanged; they may be of any shape
    """
    calls = find_choice(response)["message"].get("tool_calls")
    return list(calls) if isinstance(calls, list) else []


def read_finish_reason(response: Mapping[str, Any]) -> str | None:
    """
    Return the reason why the first answer ended.

    :param response: a checked chat completion
    :return: such as ``stop``, ``length`` or ``tool_calls``; None if it is missing
    """
    reason = find_choice(response).get("finish_reason")
    return reason if isinstance(reason, str) else None


def to_history(response: Mapping[str, Any]) -> dict[str, Any]:
    """
    Convert an answer to a message of the next request.

    :param response: a checked chat completion
    :return: role, text and tool calls; without reasoning, which services don't accept back
    """
    message: dict[str, Any] = {"role": "assistant", "content": read_text(response) or None}
    if calls := find_tool_calls(response):
        message["tool_calls"] = calls
    elif message["content"] is None:
        message["content"] = ""
    return message


def _content(response: Mapping[str, Any]) -> str:
    content = find_choice(response)["message"].get("content")
    if isinstance(content, list):  # some services answer in parts
        texts = [part.get("text") for part in content if isinstance(part, Mapping)]
        return "".join(text for text in texts if isinstance(text, str))
    return content if isinstance(content, str) else ""


def check_chat(value: dict[str, Any], response: HTTPResponse, request: Request) -> dict[str, Any]:
    """
    Check that a chat completion contains an answer.

    :param value: the response's JSON
    :param response: the response
    :param request: its request
    :return: the same JSON
    :raises InvalidResponseError: if it doesn't have choices with a message
    :raises OutputTruncatedError: if the answer was cut before its first word
    """
    choices = value.get("choices")
    if not isinstance(choices, list) or not choices:
        raise InvalidResponseError(f"{_misshaped(request)} it has no choices.", **facts(response))
    for choice in choices:
        if not isinstance(choice, dict) or not isinstance(choice.get("message"), dict):
            raise InvalidResponseError(f"{_misshaped(request)} a choice has no message.", **facts(response))
    if all(_is_cut_before_text(choice) for choice in choices):
        raise OutputTruncatedError(
            f"The answer of {request.model} reached its token limit before the first word (finish_reason 'length', "
            "no content), and was billed. Raise max_tokens, or leave it out: a reasoning model spends tokens on "
            "thinking first.",
            response=value,
            **facts(response),
        )
    return value


def _is_cut_before_text(choice: dict[str, Any]) -> bool:
    message = choice["message"]
    return choice.get("finish_reason") == "length" and not message.get("content") and not message.get("tool_calls")
