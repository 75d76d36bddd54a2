"""
Embeddings requests: builds, validates and splits them. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ... import defaults
from ...errors import ConfigurationError
from ...validation import quote, text
from ..http.http_request import Request, _write, encode


def embeddings(model: Any, inputs: Any, **params: Any) -> Iterator[tuple[int, Request]]:
    """
    Build the requests that embed any number of strings, each within the service's limits.

    :param model: model id
    :param inputs: one string or a list of strings
    :param params: any further parameter of the OpenAI API, sent unchanged
    :return: the number of strings in each request, and the request; all strings are checked before the first
    :raises ConfigurationError: if an argument is invalid
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
    batch_bytes = 0
    for position, item in enumerate(texts):
        size = _size(item, position)
        if size > room:
            raise ConfigurationError(
                f"input[{position}] is {size:,} bytes; the service accepts {defaults.MAX_REQUEST_BYTES:,} in a "
                "request: split the text."
            )
        if batch and (len(batch) == defaults.EMBEDDING_BATCH_INPUTS or batch_bytes + size > room):
            yield batch
            batch, batch_bytes = [], 0
        batch.append(item)
        batch_bytes += size
    yield batch


def _size(item: str, position: int) -> int:
    # Encoding only the string takes a third of the time of a field. Each is followed by a comma or the end.
    try:
        return len(_write(item).encode()) + 1
    except ValueError:
        return len(encode({f"input[{position}]": item}))  # whose error names the input
