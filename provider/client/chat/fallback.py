"""
Whether another model is asked when one did not answer. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...errors import AIEndpointsError, APIStatusError, ConfigurationError, NotFoundError
from ...validation import quote, text
from ..http.error_responses import is_about_model

#: Overloaded, or failed without an answer. 504 is not among them: the model may have answered, and been paid.
OVERLOADED = frozenset({429, 500, 502, 503, 529})

#: Words for a model that was taken out of service, where a service does not answer 404.
_RETIRED = ("deprecated", "decommissioned", "retired", "discontinued", "no longer available", "end of life")


def should_fall_back(error: AIEndpointsError) -> bool:
    """
    Tell whether the next model of a list is asked after an error.

    :param error: what became of asking one
    :return: True where that model is gone, retired or overloaded, and has not answered
    """
    if not isinstance(error, APIStatusError):
        return False
    if error.status in OVERLOADED or error.status == 410:
        return True
    if isinstance(error, NotFoundError):
        return is_about_model(str(error))
    words = (error.detail or "").lower()
    return error.status in {400, 422} and "model" in words and any(word in words for word in _RETIRED)


def warns_of_deprecation(warning: str | None) -> bool:
    """
    Tell whether a service warns of a model's end.

    :param warning: what its ``x-warning`` header says
    :return: True where it names the model as deprecated, or in other such words
    """
    return bool(warning) and any(word in str(warning).lower() for word in _RETIRED)


def model_list(first: Any, others: Any) -> list[Any]:
    """
    List the models to ask, in their order.

    :param first: the model
    :param others: models for when it does not answer: a list, one model, or None
    :return: each model once
    :raises ConfigurationError: if one is no text
    """
    if others is None:
        return [first]
    if isinstance(others, str):
        others = [others]
    if not isinstance(others, Sequence):
        raise ConfigurationError(f"fallback_models must be a list of model ids, not {quote(others)}.")
    named = [text(name, f"fallback_models[{position}]") for position, name in enumerate(others)]
    return list(dict.fromkeys([first, *named]))
