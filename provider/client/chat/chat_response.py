"""
Reads a chat completion: text, reasoning and tool calls. Pure.

Source: OpenAI API reference, "The chat completion object", 2026-05. Services have two names for reasoning: OVHcloud
renamed ``reasoning_content`` to ``reasoning`` in 2026-05. A service without a reasoning parser leaves it in the text,
see :mod:`.reasoning`, and Mistral's sends it as a part of the content.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from ...errors import APIStatusError, ConfigurationError, InvalidResponseError
from ...redaction import excerpt, scrub
from ...validation import quote
from ..answer_check import Answer, find_fault
from ..http.error_body import find_error, read_error
from ..http.error_meaning import choose_error_class
from ..http.http_request import Request
from ..http.http_response import HTTPResponse, _misshaped, facts
from .reasoning import split_reasoning
from .tool_calls import ToolCall

#: Forms in which an answer can be returned.
OUTPUTS = ("response", "text", "json", "message")

#: Fields of a message that may hold its reasoning.
REASONING = ("reasoning", "reasoning_content")

#: Fields of a message with sound or images.
_MEDIA = ("audio", "images")

#: Words in the types of parts with them.
_MEDIA_WORDS = ("audio", "image", "video")

#: Types of parts that are reasoning.
_REASONING_PARTS = ("thinking", "reasoning")


class HasToken(Protocol):
    """
    Settings or a plan, whose ``repr`` doesn't show the token: a traceback may show the values of a function.
    """

    @property
    def token(self) -> str | None:
        """
        The token, or None.
        """


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
    Return the first choice that is usable, or the first if none is.

    :param response: a checked chat completion
    :return: its ``message`` and ``finish_reason``
    """
    choices: list[Mapping[str, Any]] = response["choices"]
    usable = (choice for choice in choices if find_fault(_read_answer(choice), None, None) is None)
    return choices[0] if len(choices) == 1 else next(usable, choices[0])


def find_message(response: Mapping[str, Any]) -> dict[str, Any]:
    """
    Return the message of the answer.

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
    return _read_text(find_choice(response)["message"])


def read_reasoning(response: Mapping[str, Any]) -> str | None:
    """
    Return the reasoning before the first answer.

    :param response: a checked chat completion
    :return: the reasoning, or None
    """
    return _read_reasoning(find_choice(response)["message"])


def find_tool_calls(response: Mapping[str, Any]) -> list[Any]:
    """
    Return the tool calls of the first answer.

    :param response: a checked chat completion
    :return: the calls, unchanged; they may be of any shape
    """
    return _find_calls(find_choice(response)["message"])


def read_finish_reason(response: Mapping[str, Any]) -> str | None:
    """
    Return the reason why the first answer ended.

    :param response: a checked chat completion
    :return: such as ``stop``, ``length`` or ``tool_calls``; None if it is missing
    """
    return _read_finish_reason(find_choice(response))


def to_history(response: Mapping[str, Any], calls: Sequence[ToolCall]) -> dict[str, Any]:
    """
    Convert an answer to a message of the next request that a strict server accepts.

    :param response: a checked chat completion
    :param calls: its tool calls
    :return: role, text and tool calls; without reasoning, which services don't accept back
    """
    content = read_text(response)
    if not calls:
        return {"role": "assistant", "content": content}
    return {"role": "assistant", "content": content or None, "tool_calls": [call.to_message() for call in calls]}


def check_chat(value: dict[str, Any], response: HTTPResponse, request: Request, settings: HasToken) -> dict[str, Any]:
    """
    Check that a chat completion contains a usable answer.

    :param value: the response's JSON
    :param response: the response
    :param request: its request
    :param settings: with the token, which is removed from everything that is quoted
    :return: the same JSON
    :raises InvalidResponseError: if it doesn't have choices with a message, or contains an error
    :raises APIStatusError: if it contains an error with an HTTP status
    :raises OutputTruncatedError: if the answer was cut before its first word, or in a tool call
    :raises AnswerWithheldError: if the model refused, or a content filter withheld the answer
    :raises InvalidOutputError: if the answer is empty, or the service broke it off
    """
    choices = value.get("choices")
    if not isinstance(choices, list) or not choices:
        raise InvalidResponseError(f"{_misshaped(request)} it has no choices.", **facts(response))
    for choice in choices:
        if not isinstance(choice, dict) or not isinstance(choice.get("message"), dict):
            raise InvalidResponseError(f"{_misshaped(request)} a choice has no message.", **facts(response))
    for each in (value, *choices):
        if error := find_inner_error(each, settings.token):
            error.response, error.request_id = value, response.request_id
            raise error
    fault = find_fault(_read_answer(find_choice(value)), request.model, settings.token)
    if fault:
        fault.response, fault.status, fault.request_id = value, response.status, response.request_id
        raise fault
    return value


def find_inner_error(value: Mapping[str, Any], token: str | None) -> InvalidResponseError | APIStatusError | None:
    """
    Find the error within a completion, a choice, or an event of a stream.

    :param value: its JSON
    :param token: removed from everything that is quoted
    :return: the error to raise, with the class for its HTTP status if it has one; None without an error
    """
    error = read_error(value) if value.get("error") else find_error(value)
    if error is None:
        return None
    words = excerpt(scrub(error.words, token)).rstrip(".") or "no message"
    message = f"The service ended its answer with an error: {words}. Try again later."
    fields: dict[str, Any] = {"code": excerpt(scrub(error.code, token), 80) if error.code else None, "detail": words}
    if error.status is None or error.status < 400:
        return InvalidResponseError(message, **fields)
    return choose_error_class(error.status, words, error.code)(message, status=error.status, **fields)


def _read_answer(choice: Mapping[str, Any]) -> Answer:
    message = choice["message"]
    content = message.get("content")
    parts = [part for part in content if isinstance(part, Mapping)] if isinstance(content, list) else []
    refusals = [each.get("refusal") for each in (message, *parts)]
    return Answer(
        text=_read_text(message),
        finish_reason=_read_finish_reason(choice),
        calls=[call["function"] if _is_call(call) else {} for call in _find_calls(message)],
        refusal=next((refusal for refusal in refusals if isinstance(refusal, str) and refusal), None),
        has_reasoning=_read_reasoning(message) is not None,
        has_media=any(message.get(name) for name in _MEDIA) or any(map(_is_media, parts)),
    )


def _is_call(call: Any) -> bool:
    return isinstance(call, Mapping) and isinstance(call.get("function"), Mapping)


def _find_calls(message: Mapping[str, Any]) -> list[Any]:
    calls = message.get("tool_calls")
    if isinstance(calls, list) and calls:
        return list(calls)
    call = message.get("function_call")  # the older spelling
    return [{"type": "function", "function": call}] if isinstance(call, Mapping) and call.get("name") else []


def _read_finish_reason(choice: Mapping[str, Any]) -> str | None:
    reason = choice.get("finish_reason")
    return reason if isinstance(reason, str) and reason else None


def _read_text(message: Mapping[str, Any]) -> str:
    return split_reasoning(read_content(message.get("content")))[1]


def _read_reasoning(message: Mapping[str, Any]) -> str | None:
    reasoning = next((message[name] for name in REASONING if isinstance(message.get(name), str) and message[name]), "")
    text = read_content(message.get("content"))
    return reasoning or read_content(message.get("content"), reasoning=True) or split_reasoning(text)[0] or None


def read_content(content: Any, *, reasoning: bool = False) -> str:
    """
    Read the content of a message, or of a part of it in a stream.

    :param content: a string, or a list of parts
    :param reasoning: whether to return the text of the parts that are reasoning, in place of the others
    :return: the text; empty for anything else
    """
    if isinstance(content, list):
        return "".join(read_part(part)[1] for part in content if read_part(part)[0] == reasoning)
    return content if isinstance(content, str) and not reasoning else ""


def read_part(part: Any) -> tuple[bool, str]:
    """
    Read a part of a message's content.

    :param part: the part
    :return: whether it is reasoning, and its text; an empty string for anything but text
    """
    if not isinstance(part, Mapping):
        return False, part if isinstance(part, str) else ""
    kind = part.get("type")
    if kind in _REASONING_PARTS:
        content = part.get(str(kind), part.get("text"))
        inner = content if isinstance(content, list) else [content]
        return True, "".join(read_part(each)[1] for each in inner)
    text = part.get("text")
    return False, text if isinstance(text, str) else ""


def _is_media(part: Mapping[str, Any]) -> bool:
    return any(word in str(part.get("type")) for word in _MEDIA_WORDS)
