"""
Model names, and the kind of a listed model. Pure.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from ...errors import ConfigurationError, NotFoundError
from ...validation import integer, quote

#: Kinds of models that can be recognised from the service's list.
KINDS = ("chat", "embedding", "speech", "image")


def nearest(name: str, names: Iterable[str], count: int = 3) -> list[str]:
    """
    Return the names most similar to a misspelled one.

    :param name: the misspelled name
    :param names: the valid names
    :param count: maximum number of names
    :return: the most similar first
    """
    by_lower = {each.lower(): each for each in names}
    return [by_lower[key] for key in difflib.get_close_matches(name.lower(), by_lower, n=count, cutoff=0.5)]


def find_model(model_id: str, models: list[dict[str, Any]]) -> dict[str, Any] | None:
    """
    Find a model by its id, or by another spelling that the service accepts.

    :param model_id: the id as typed
    :param models: the service's list
    :return: the model, or None
    """
    exact = {model["id"]: model for model in models}
    if model_id in exact:
        return exact[model_id]
    # Aliases in the catalogue differ in case, or begin with the vendor's name.
    by_lower = {name.lower(): model for name, model in exact.items()}
    return by_lower.get(model_id.lower()) or by_lower.get(model_id.lower().rpartition("/")[2])


def find_kind(model: Mapping[str, Any]) -> str | None:
    """
    Return the kind of a listed model.

    :param model: an entry of the service's list
    :return: ``chat``, ``embedding``, ``speech`` or ``image``; None if it can't be recognised
    """
    name = str(model["id"]).lower()
    if any(part in name for part in ("embed", "bge-")):
        return "embedding"
    if any(part in name for part in ("whisper", "tts")):
        return "speech"
    if "diffusion" in name:
        return "image"
    tokens = model.get("max_completion_tokens")
    return "chat" if isinstance(tokens, int) and tokens > 0 else None


def filter_models(kind: Any = None, name: Any = None, min_context: Any = None) -> Callable[[Mapping[str, Any]], bool]:
    """
    Return a filter for the models of a list.

    :param kind: one or several of :data:`KINDS`; None for any
    :param name: one or several patterns of the id, such as ``qwen3*``, ignoring case; None for any
    :param min_context: minimum of context in tokens; None for any
    :return: a function that returns whether a model matches
    :raises ConfigurationError: if an argument is invalid
    """
    kinds, patterns = _to_list(kind, "kind"), [each.lower() for each in _to_list(name, "name")]
    for each in kinds:
        if each not in KINDS:
            raise ConfigurationError(f"kind must be one of {', '.join(KINDS)}, not {quote(each)}.")
    min_tokens = 0 if min_context is None else integer(min_context, "min_context", 1)

    def fits(model: Mapping[str, Any]) -> bool:
        model_id, context = str(model["id"]).lower(), model.get("context_length")
        return (
            (not kinds or find_kind(model) in kinds)
            and (not patterns or any(fnmatchcase(model_id, pattern) for pattern in patterns))
            and (not min_tokens or (type(context) is int and context >= min_tokens))
        )

    return fits


def _to_list(value: Any, name: str) -> list[str]:
    if value is None:
        return []
    several = [value] if isinstance(value, str) else value
    if not isinstance(several, (list, tuple)) or not all(isinstance(each, str) and each.strip() for each in several):
        raise ConfigurationError(f"{name} must be a text or a list of texts, not {quote(value)}.")
    return [each.strip() for each in several]


def with_suggestions(error: NotFoundError, model_id: str, names: Iterable[str]) -> NotFoundError:
    """
    Add the most similar model names to an error about an unknown model.

    :param error: the error
    :param model_id: the unknown model
    :param names: ids of the available models
    :return: the same error
    """
    close = nearest(model_id, names)
    if close:
        error.args = (f"{error.args[0]} Did you mean {' or '.join(close)}?",)
    return error
