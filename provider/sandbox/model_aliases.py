"""Find the model for a name in a request: exact names, aliases, virtual models such as ``mistral@latest``."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable
from typing import Any

from .http.messages import Refusal, model_refusal
from .models import BY_NAME, LISTED, Kind, Model

_VIRTUAL = re.compile(r"(?P<tag>[^@?]*)@(?P<ranker>[^@?]*)(?:\?(?P<condition>.*))?")
_CONDITION = re.compile(r"\s*context_size\s*(?P<sign><=|>=|<|>|=)\s*(?P<tokens>\d{1,9})\s*")
_SIGNS: dict[str, Callable[[int, int], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
    "=": operator.eq,
}
#: Kinds of models that each endpoint serves.
_SERVES: dict[str, tuple[Kind, ...]] = {
    "chat": ("chat", "guard"),
    "embedding": ("embedding",),
    "image": ("image",),
    "transcription": ("transcription",),
}


def resolve(name: Any, purpose: str) -> tuple[Model, str]:
    """
    Find the model of a request.

    :param name: value of ``model`` in the request
    :param purpose: ``chat``, ``embedding``, ``image`` or ``transcription``
    :return: the model, and its name for the response: as in the request, or the id if that names a virtual model
    :raise Refusal: the model doesn't exist, or isn't for this purpose
    """
    if not isinstance(name, str) or not name:
        raise model_refusal(400, "'model' is required and must be the name of a model", "model")
    if "@" in name:
        model = _pick(name, purpose)
        return model, model.id
    if (served := BY_NAME.get(name)) is None:
        raise _unknown(name)
    if served.kind not in _SERVES[purpose]:
        raise model_refusal(400, f"'{name}' is a model for {served.kind}, not for {purpose}", "model")
    return served, name


def _pick(query: str, purpose: str) -> Model:
    parts = _VIRTUAL.fullmatch(query)
    if parts is None or parts["ranker"] not in _RANKERS:
        message = f"'{query}' is no query: tag@ranker?condition, where ranker is one of {', '.join(_RANKERS)}"
        raise model_refusal(400, message, "model")
    fits = _condition(parts["condition"])
    tag = parts["tag"].lower()
    served = (model for model in LISTED if model.kind == purpose)
    matches = [model for model in served if tag in f"{model.id} {model.owner}".lower() and fits(model)]
    if not matches:
        raise _unknown(query)
    return min(matches, key=_RANKERS[parts["ranker"]])


def _condition(text: str | None) -> Callable[[Model], bool]:
    if text is None:
        return lambda _: True
    if (parts := _CONDITION.fullmatch(text)) is None:
        raise model_refusal(400, f"condition '{text}' is not understood; try context_size > 100000", "model")
    return lambda model: _SIGNS[parts["sign"]](model.context, int(parts["tokens"]))


def _billions(model: Model, unknown: float) -> float:
    size = re.search(r"(\d+(?:\.\d+)?)b\b", model.id.lower())
    return float(size[1]) if size else unknown


_RANKERS: dict[str, Callable[[Model], tuple[float, str]]] = {
    "fastest": lambda model: (_billions(model, math.inf), model.id),
    "cheapest": lambda model: (float(model.prices[0]), model.id),
    "biggest": lambda model: (-_billions(model, 0), model.id),
    "latest": lambda model: (-model.created, model.id),
    "smallest": lambda model: (_billions(model, math.inf), model.id),
}


def _unknown(name: str) -> Refusal:
    return model_refusal(404, f"The model `{name}` does not exist.", "model", "model_not_found")
