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
from ..validation import quote, text
from .forms import Form

#: ``json.dumps`` would make another encoder each time.
_write = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode

#: Bytes a second at which a file may travel: 2 Mbit/s.
SLOWEST = 250_000


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
