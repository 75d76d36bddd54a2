"""
Chat completion requests: build and validate. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ... import defaults
from ...errors import ConfigurationError
from ...validation import integer, number, quote, text
from ..http.http_request import Request, encode

#: Roles of the OpenAI chat format. ``function`` is its older spelling of ``tool``.
ROLES = ("system", "developer", "user", "assistant", "tool", "function")


#: Fields that a message of a role needs beside its content. Source: OpenAI's OpenAPI description 2.3.0, 2026-05.
_REQUIRED_FIELDS = {"tool": "tool_call_id", "function": "name"}


#: Strings at which an answer may stop. Source: the same.
MAX_STOP_STRINGS = 4


def chat(
    model: Any,
    messages: Any,
    *,
    temperature: Any = None,
    max_tokens: Any = None,
    top_p: Any = None,
    stop: Any = None,
    **params: Any,
) -> Request:
    """
    Build the request for a chat completion. Parameters that are None aren't sent.

    :param model: model id
    :param messages: list of messages, each with a ``role``
    :param temperature: 0 to 2
    :param max_tokens: maximum of generated tokens
    :param top_p: 0 to 1
    :param stop: one string or several at which to stop
    :param params: any further parameter of the OpenAI API, sent unchanged
    :return: the request
    :raises ConfigurationError: if an argument is invalid
    """
    if params.get("stream"):
        raise ConfigurationError(
            "stream=True is not supported here: leave it out, the answer comes in one piece. It is shown as it comes "
            "by the chat operator's stream=True and the hook's stream_chat_completion()."
        )
    body = {
        "model": text(model, "model"),
        "messages": _messages(messages),
        "temperature": None if temperature is None else number(temperature, "temperature", 0, 2),
        "max_tokens": None if max_tokens is None else integer(max_tokens, "max_tokens", 1),
        "top_p": None if top_p is None else number(top_p, "top_p", 0, 1),
        "stop": _stop(stop),
        **params,
    }
    content = encode(body)
    limit = defaults.MAX_REQUEST_BYTES_IMAGES if b'"image_url"' in content else defaults.MAX_REQUEST_BYTES
    if len(content) > limit:
        raise ConfigurationError(
            f"The request is {len(content):,} bytes; the service accepts {limit:,}: send shorter messages."
        )
    return Request("POST", "/chat/completions", "chat completion", body["model"], content, safe_to_retry=False)


def chat_stream(model: Any, messages: Any, **params: Any) -> Request:
    """
    Build the request for a chat completion as a stream of events.

    The last event reports usage, unless the service refuses ``stream_options``, or the author passes their own. None
    leaves them out.

    :param model: model id
    :param messages: list of messages, each with a ``role``
    :param params: further parameters of :func:`chat`
    :return: the request
    :raises ConfigurationError: if an argument is invalid
    """
    request = chat(model, messages, **params)
    added = {} if "stream_options" in params else {"stream_options": {"include_usage": True}}
    content = encode({**json.loads(request.content or b"{}"), "stream": True, **added})
    return replace(request, content=content, streamed=True, optional=tuple(added))


def _messages(messages: Any) -> list[Any]:
    if isinstance(messages, (str, Mapping)) or not isinstance(messages, Sequence):
        raise ConfigurationError(
            "messages must be a list of messages such as "
            f'[{{"role": "user", "content": "..."}}], not {quote(messages)}.'
        )
    if not messages:
        raise ConfigurationError("messages must hold at least one message.")
    for position, message in enumerate(messages):
        _check_message(message, f"messages[{position}]")
    return list(messages)


def _check_message(message: Any, where: str) -> None:
    if not isinstance(message, Mapping):
        raise ConfigurationError(f"{where} must be a dictionary with 'role' and 'content', not {quote(message)}.")
    role = message.get("role")
    if role not in ROLES:
        raise ConfigurationError(f"{where} has the role {quote(role)}; a role is one of {', '.join(ROLES)}.")
    content = message.get("content")
    if content is None and role == "assistant":
        return
    if not isinstance(content, (str, list, tuple)):
        raise ConfigurationError(f"{where} must have a text or a list of parts as 'content', not {quote(content)}.")
    if not isinstance(content, str) and not content:
        raise ConfigurationError(f"{where} has an empty list as 'content': give at least one part, or a text.")
    if role == "function" and not isinstance(content, str):
        raise ConfigurationError(f"{where} has the role 'function', whose 'content' is a text.")
    needed = _REQUIRED_FIELDS.get(role)
    if needed and not isinstance(message.get(needed), str):
        raise ConfigurationError(f"{where} has the role {role!r}, which needs a text as {needed!r}.")


def _stop(stop: Any) -> Any:
    if stop is None or isinstance(stop, str):
        return stop
    if not isinstance(stop, Sequence) or not all(isinstance(item, str) for item in stop):
        raise ConfigurationError(f"stop must be a text or a list of texts, not {quote(stop)}.")
    if not 1 <= len(stop) <= MAX_STOP_STRINGS:
        raise ConfigurationError(f"stop holds {len(stop)} texts; a request takes 1 to {MAX_STOP_STRINGS}.")
    return list(stop)
