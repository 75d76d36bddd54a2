"""``POST /v1/embeddings``."""

from __future__ import annotations

import base64
import sys
from array import array
from typing import Any

from ...defaults import EMBEDDING_BATCH_INPUTS
from ..fake_model import tokenizer
from ..fake_model.fake_vectors import vector
from ..http.messages import Response, model_refusal
from ..models import Model
from .endpoint_call import Call
from .parameters import Check, choice, integer, read_params, text

#: The only model whose vectors can be shortened, and its smallest ``dimensions``. Source: catalogue, 2026-08.
_SHORTENABLE_MODEL = "Qwen3-Embedding-8B"
_MIN_DIMENSIONS = 32


def _check_input(value: Any) -> str | None:
    several = [value] if isinstance(value, str) else value
    if not isinstance(several, list) or not several:
        return "must be a text or a list with at least one text"
    if len(several) > EMBEDDING_BATCH_INPUTS:
        return f"holds {len(several)} texts, more than the {EMBEDDING_BATCH_INPUTS} of one request"
    wrong = next((place for place, item in enumerate(several) if not isinstance(item, str) or not item), None)
    return None if wrong is None else f"must hold texts that are not empty; see position {wrong}"


_PARAMETERS: dict[str, Check] = {
    "model": text,
    "input": _check_input,
    "dimensions": integer(1),
    "encoding_format": choice("float", "base64"),
    "user": text,
}


def embed(call: Call) -> Response:
    """
    Answer an embeddings request.

    :param call: the request and its model
    :return: one vector for each input string, in the same order
    """
    params = read_params(call.payload, _PARAMETERS)
    if "input" not in params:
        raise model_refusal(400, "'input' is required", "input", "missing_required_parameter")
    dimensions = _dimensions(call.model, params.get("dimensions"))
    inputs = [params["input"]] if isinstance(params["input"], str) else params["input"]
    tokens = sum(_count_tokens(call.model, item) for item in inputs)
    as_text = params.get("encoding_format") == "base64"
    data = []
    for index, item in enumerate(inputs):
        floats = vector(item, call.model.dimensions, dimensions)
        data.append(
            {
                "object": "embedding",
                "index": index,
                "embedding": _base64(floats) if as_text else floats.tolist(),
            }
        )
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return Response(200, {"object": "list", "data": data, "model": call.name, "usage": usage}, tokens=tokens)


def _dimensions(model: Model, dimensions: int | None) -> int:
    if dimensions is None or dimensions == model.dimensions:
        return model.dimensions
    if model.id != _SHORTENABLE_MODEL:
        message = f"'dimensions' is not supported by {model.id}: its vectors have {model.dimensions}"
        raise model_refusal(400, message, "dimensions")
    if not _MIN_DIMENSIONS <= dimensions <= model.dimensions:
        message = f"'dimensions' must be from {_MIN_DIMENSIONS} to {model.dimensions}"
        raise model_refusal(400, message, "dimensions")
    return dimensions


def _count_tokens(model: Model, item: str) -> int:
    tokens = tokenizer.count(item)
    if tokens > model.context:
        message = f"'input' holds a text of {tokens} tokens, more than the context of {model.context}"
        raise model_refusal(400, message, "input", "context_length_exceeded")
    return tokens


def _base64(floats: array[float]) -> str:
    if sys.byteorder == "big":
        floats = array("f", floats)
        floats.byteswap()
    return base64.b64encode(floats.tobytes()).decode("ascii")
