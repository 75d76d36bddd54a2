"""
Model names, and what a listed model is for. Pure.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any


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


def kind_of(model: Mapping[str, Any]) -> str | None:
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
