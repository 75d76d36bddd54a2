"""
Model names, and what a listed model is for. Pure.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from ...errors import ConfigurationError, NotFoundError
from ...validation import integer, quote

#: What the names and numbers of a list of models tell apart.
KINDS = ("chat", "embedding", "speech", "image")


def nearest(wanted: str, names: Iterable[str], count: int = 3) -> list[str]:
    """
    Find the names that somebody may have meant.

    :param wanted: what was typed
    :param names: what there is
    :param count: how many at most
    :return: the nearest first
    """
    by_lower = {name.lower(): name for name in names}
    return [by_lower[key] for key in difflib.get_close_matches(wanted.lower(), by_lower, n=count, cutoff=0.5)]


def find_model(wanted: str, models: list[dict[str, Any]]) -> dict[str, Any] | None:
    """
    Find a model by its id, or by a spelling of it that the service accepts too.

    :param wanted: what was typed
    :param models: as the service lists them
    :return: the model, or None
    """
    exact = {model["id"]: model for model in models}
    if wanted in exact:
        return exact[wanted]
    # Aliases seen in the catalogue differ in case, or carry the maker's name in front.
    by_lower = {name.lower(): model for name, model in exact.items()}
    return by_lower.get(wanted.lower()) or by_lower.get(wanted.lower().rpartition("/")[2])


def find_kind(model: Mapping[str, Any]) -> str | None:
    """
    Tell what a listed model is for.

    :param model: as the service lists it
    :return: ``chat``, ``embedding``, ``speech`` or ``image``; None where nothing says so
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
    Choose among the models of a list.

    :param kind: one of :data:`KINDS` or several, None for any
    :param name: a pattern of the id such as ``qwen3*``, or several, None for any; upper and lower case are alike
    :param min_context: tokens of context at least, None for any number
    :return: tells of a model whether it fits
    :raises ConfigurationError: if an argument cannot work
    """
    kinds, patterns = _several(kind, "kind"), [each.lower() for each in _several(name, "name")]
    for each in kinds:
        if each not in KINDS:
            raise ConfigurationError(f"kind must be one of {', '.join(KINDS)}, not {quote(each)}.")
    least = 0 if min_context is None else integer(min_context, "min_context", 1)

    def fits(model: Mapping[str, Any]) -> bool:
        called, context = str(model["id"]).lower(), model.get("context_length")
        return (
            (not kinds or find_kind(model) in kinds)
            and (not patterns or any(fnmatchcase(called, pattern) for pattern in patterns))
            and (not least or (type(context) is int and context >= least))
        )

    return fits


def _several(value: Any, name: str) -> list[str]:
    if value is None:
        return []
    several = [value] if isinstance(value, str) else value
    if not isinstance(several, (list, tuple)) or not all(isinstance(each, str) and each.strip() for each in several):
        raise ConfigurationError(f"{name} must be a text or a list of texts, not {quote(value)}.")
    return [each.strip() for each in several]


def with_suggestions(error: NotFoundError, wanted: str, names: Iterable[str]) -> NotFoundError:
    """
    Add the nearest model names to an error that misses one.

    :param error: the error
    :param wanted: the model that was asked for
    :param names: the models that are served
    :return: the same error
    """
    close = nearest(wanted, names)
    if close:
        error.args = (f"{error.args[0]} Did you mean {' or '.join(close)}?",)
    return error
