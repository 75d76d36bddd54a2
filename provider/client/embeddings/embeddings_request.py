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

#: Parameters that don't affect the form of a vector's numbers. Sources: API references of OpenAI, Cohere, Jina, NVIDIA
#: NIM and vLLM, 2026-10.
_OTHER_PARAMETERS = frozenset(
    {
        "dimensions",
        "encoding_format",
        "input_type",
        "priority",
        "prompt_name",
        "task",
        "truncate",
        "truncate_prompt_tokens",
        "user",
    }
)

#: Values of ``output_dtype``, ``embed_dtype`` and so on that are read from base64.
_READABLE_DTYPES = (None, "float", "float32")


def embeddings(model: Any, inputs: Any, **params: Any) -> Iterator[tuple[int, Request]]:
    """
    Build the requests that embed any number of strings, each within the service's limits.

    :param model: model id
    :param inputs: one string or a list of strings
    :param params: any further parameter of the OpenAI API, sent unchanged
    :return: the number of strings in each request, and the request; all strings are checked before the first
    :raises ConfigurationError: if an argument is invalid
    """
    for name, value in params.items():
        if "dtype" in name and value not in _READABLE_DTYPES and params.get("encoding_format") == "base64":
            raise ConfigurationError(
                f"encoding_format='base64' can't be read with {name}={quote(value)}: base64 is read as 32-bit floats. "
                "Leave encoding_format out."
            )
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


def is_form_free(params: Mapping[str, Any]) -> bool:
    """
    Return whether no parameter may change the form of a vector's numbers, as ``output_dtype`` does.

    :param params: further parameters of a request
    :return: True if all of them are known not to
    """
    return params.keys() <= _OTHER_PARAMETERS


def find_dimensions(params: Mapping[str, Any]) -> int | None:
    """
    Find the number of dimensions that the author requested.

    :param params: further parameters of a request
    :return: the number; None without one, or if another parameter may change it: packed bits are fewer numbers
    """
    dimensions = params.get("dimensions")
    return dimensions if type(dimensions) is int and is_form_free(params) else None


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
