"""
Decides whether to use the next fallback model after an error. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...errors import AIEndpointsError, APIStatusError, ConfigurationError, QuotaExceededError
from ...validation import quote, text
from ..http.error_meaning import is_forbidden_model, is_missing_model

#: Overloaded, or failed without an answer. Not 499 and 504: the model may have answered, and the answer been billed.
OVERLOAD_STATUSES = frozenset({424, 429, 498, 500, 502, 503, 529})

#: Words for a model that was withdrawn, if a service doesn't answer with 404.
_RETIRED = ("deprecated", "decommissioned", "retired", "discontinued", "no longer available", "end of life")


def should_fall_back(error: AIEndpointsError) -> bool:
    """
    Return whether to use the next model of a list after an error.

    :param error: the error of the last model
    :return: True if that model is missing, withdrawn, overloaded or not allowed, and hasn't answered. False if the
        credit is used up: all models of a service share it
    """
    if not isinstance(error, APIStatusError) or isinstance(error, QuotaExceededError):
        return False
    if error.status in OVERLOAD_STATUSES or error.status == 410:
        return True
    if is_missing_model(error) or is_forbidden_model(error):
        return True
    words = (error.detail or "").lower()
    return error.status in {400, 422} and "model" in words and any(word in words for word in _RETIRED)


def warns_of_deprecation(warning: str | None) -> bool:
    """
    Return whether a service warns that a model will be withdrawn.

    :param warning: the ``x-warning`` header
    :return: True if it calls the model deprecated, or in similar words
    """
    return bool(warning) and any(word in str(warning).lower() for word in _RETIRED)


def list_models(first: Any, others: Any) -> list[Any]:
    """
    Return the models to try, in their order.

    :param first: the model
    :param others: the fallback models: a list, one model, or None
    :return: each model once
    :raises ConfigurationError: if one isn't a string
    """
    if others is None:
        return [first]
    if isinstance(others, str):
        others = [others]
    if not isinstance(others, Sequence):
        raise ConfigurationError(f"fallback_models must be a list of model ids, not {quote(others)}.")
    named = [text(name, f"fallback_models[{position}]") for position, name in enumerate(others)]
    return list(dict.fromkeys([first, *named]))
