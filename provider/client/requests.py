"""
What to send: requests as data, checked before anything leaves the machine. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .. import defaults
from ..errors import ConfigurationError
from ..validation import integer, number, quote, text
from .forms import Form

#: ``json.dumps`` would make another encoder each time.
_write = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode

#: Bytes a second at which a file may travel: 2 Mbit/s.
SLOWEST = 250_000

#: Roles of the OpenAI chat format. ``function`` is its older spelling of ``tool``.
ROLES = ("system", "developer", "user", "assistant", "tool", "function")

#: What a message of a role needs beside its content. Source: OpenAI's OpenAPI description 2.3.0, 2026-05.
_NEEDED = {"tool": "tool_call_id", "function": "name"}

#: Texts at which an answer may stop. Source: the same.
MAX_STOPS = 4


@dataclass(frozen=True)
class Request:
    """
    One HTTP request to come.

    :param method: HTTP method
    :param path: path below the base URL
    :param what: what it is, for errors and logs
    :param model: the model it names, if any
    :param content: JSON body, or None
    :param repeatable: whether sending it again costs nothing that was not asked for, even if the service may have
        answered it already; a chat's answer is billed each time
    :param streamed: whether the answer comes as events
    :param form: a form with a file in place of a JSON body
    :param size: bytes of a file that is sent or comes, which has more time than other requests
    """

    method: str
    path: str
    what: str
    model: str | None = None
    content: bytes | None = field(default=None, repr=False)
    repeatable: bool = True
    streamed: bool = False
    form: Form | None = field(default=None, repr=False)
    size: int = 0

    @property
    def more_seconds(self) -> float:
        """
        Seconds that an attempt may take beyond those of any other, for its file.
        """
        return self.size / SLOWEST


def models() -> Request:
    """
    Build the request for the list of models.

    :return: the request
    """
    return Request("GET", "/models", "list of models")


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
    Build a chat completion. What is None is not sent.

    :param model: model id
    :param messages: list of messages, each with a ``role``
    :param temperature: 0 to 2
    :param max_tokens: tokens to generate at most
    :param top_p: 0 to 1
    :param stop: one text or several at which to stop
    :param params: any further parameter of the OpenAI API, sent as it is
    :return: the request
    :raises ConfigurationError: if an argument cannot work
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
    return Request("POST", "/chat/completions", "chat completion", body["model"], content, repeatable=False)


def embeddings(model: Any, inputs: Any, **params: Any) -> Iterator[tuple[int, Request]]:
    """
    Build the requests that embed any number of texts, each within what the service takes at once.

    :param model: model id
    :param inputs: one text or a list of texts
    :param params: any further parameter of the OpenAI API, sent as it is
    :return: the number of texts in each request, and the request; all texts are checked before the first comes
    :raises ConfigurationError: if an argument cannot work
    """
    texts = _texts(inputs)
    model = text(model, "model")
    room = defaults.MAX_REQUEST_BYTES - len(encode({"model": model, "input": [], **params}))
    batches = list(_batches(texts, room))
    return (
        (
            len(batch),
            Request("POST", "/embeddings", "embedding", model, encode({"model": model, "input": batch, **params})),
        )
        for batch in batches
    )


def as_stream(request: Request) -> Request:
    """
    Ask for the same answer as events, the last of which tells the tokens used.

    :param request: a chat completion
    :return: the request to send
    """
    body = json.loads(request.content or b"{}")
    content = encode({**body, "stream": True, "stream_options": {"include_usage": True}})
    return replace(request, content=content, streamed=True)


def as_numbers(request: Request) -> Request:
    """
    Ask for vectors as JSON numbers.

    :param request: an embeddings request
    :return: the request to send
    """
    body = json.loads(request.content or b"{}")
    body.pop("encoding_format", None)
    return replace(request, content=encode(body))


def encode(body: Mapping[str, Any]) -> bytes:
    """
    Write a JSON body.

    :param body: its fields; those that are None are left out
    :return: the bytes to send
    :raises ConfigurationError: if a field is not JSON
    """
    fields = {name: value for name, value in body.items() if value is not None}
    try:
        return _write(fields).encode()
    except (TypeError, ValueError, RecursionError) as error:
        culprit = _culprit(fields) or "The request"
        raise ConfigurationError(f"{culprit} cannot be written as JSON: {str(error).rstrip('.')}.") from None


def _culprit(fields: Mapping[str, Any]) -> str:
    for name, value in fields.items():
        try:
            json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
        except (TypeError, ValueError, RecursionError):
            inside = {f"{name}[{position}]": item for position, item in enumerate(value)} if type(value) is list else {}
            return _culprit(inside) or name
    return ""


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
    needed = _NEEDED.get(role)
    if needed and not isinstance(message.get(needed), str):
        raise ConfigurationError(f"{where} has the role {role!r}, which needs a text as {needed!r}.")


def _stop(stop: Any) -> Any:
    if stop is None or isinstance(stop, str):
        return stop
    if not isinstance(stop, Sequence) or not all(isinstance(item, str) for item in stop):
        raise ConfigurationError(f"stop must be a text or a list of texts, not {quote(stop)}.")
    if not 1 <= len(stop) <= MAX_STOPS:
        raise ConfigurationError(f"stop holds {len(stop)} texts; a request takes 1 to {MAX_STOPS}.")
    return list(stop)


def _texts(inputs: Any) -> list[str]:
    if isinstance(inputs, str):
        return [text(inputs, "input")]
    if isinstance(inputs, Mapping) or not isinstance(inputs, Sequence):
        raise ConfigurationError(f"input must be a text or a list of texts, not {quote(inputs)}.")
    if not inputs:
        raise ConfigurationError("input must hold at least one text.")
    return [text(item, f"input[{position}]") for position, item in enumerate(inputs)]


def _batches(texts: list[str], room: int) -> Iterator[list[str]]:
    batch: list[str] = []
    used = 0
    for position, item in enumerate(texts):
        size = _size(item, position)
        if size > room:
            raise ConfigurationError(
                f"input[{position}] is {size:,} bytes; the service accepts {defaults.MAX_REQUEST_BYTES:,} in a "
                "request: split the text."
            )
        if batch and (len(batch) == defaults.EMBEDDING_BATCH or used + size > room):
            yield batch
            batch, used = [], 0
        batch.append(item)
        used += size
    yield batch


def _size(item: str, position: int) -> int:
    # A text alone is written in a third of the time that a field takes. Each is followed by a comma or the end.
    try:
        return len(_write(item).encode()) + 1
    except ValueError:
        return len(encode({f"input[{position}]": item}))  # whose error says which text it is
