"""
Whether a connection's default models are served, and are what they are set for. Pure.
"""

from __future__ import annotations

from typing import Any

from ..client.models.model_names import find_kind, find_model, nearest
from ..redaction import excerpt, scrub
from .check_report import SETTING, Step
from .settings import ConnectionSettings

#: Models and characters of a name among which a similar one is looked for: comparing takes time.
_COMPARED = 2_000
_COMPARED_LENGTH = 100


def check_default_models(settings: ConnectionSettings, models: list[dict[str, Any]]) -> Step:
    """
    Look for the default models among those that are listed.

    :param settings: of the connection
    :param models: as the service lists them
    :return: a step that is ok, with the exact ids where others were typed, or failed
    """
    notes: list[str] = []
    faults: list[str] = []
    for use, wanted in (("chat", settings.chat_model), ("embedding", settings.embedding_model)):
        fault, note = _check(use, wanted, models) if wanted else ("", "")
        notes += [f"Also, {fault}.", note] if faults and fault else [note]
        faults += [fault] if fault else []
    detail = scrub(" ".join(note for note in notes if note), settings.client.token)
    return Step("failed", faults[0], detail, SETTING) if faults else Step("ok", "default models served", detail)


def _check(use: str, wanted: str, models: list[dict[str, Any]]) -> tuple[str, str]:
    label = f"'{use.capitalize()} model'"
    if {"@", "?"} & set(wanted):
        return "", f"{label} {_short(wanted, 80)} is a query that the service answers itself, and was not looked for."
    found = find_model(wanted, models)
    if found is None:
        headline = f"model not found: {_short(wanted)} (the {use} model)"
        return headline, f"{_suggestion(wanted, models)}Correct {label} in the connection."
    kind = find_kind(found)
    if kind not in {None, use}:
        name = _short(found["id"])
        return f"{name} is a model for {kind}, not for {use}", f"Correct {label} in the connection."
    return "", "" if found["id"] == wanted else f"The exact id of {_short(wanted, 80)} is {_short(found['id'], 80)}."


def _suggestion(wanted: str, models: list[dict[str, Any]]) -> str:
    names = [model["id"] for model in models[:_COMPARED] if len(model["id"]) <= _COMPARED_LENGTH]
    close = nearest(wanted, names) if len(wanted) <= _COMPARED_LENGTH else []
    return f"Did you mean {' or '.join(excerpt(name, 80) for name in close)}? " if close else ""


def _short(name: str, length: int = 32) -> str:
    return excerpt(name, length)
