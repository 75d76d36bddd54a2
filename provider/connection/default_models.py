"""
Check that a connection's default models are served and of the right kind. Pure.
"""

from __future__ import annotations

from typing import Any

from ..client.models.model_names import find_kind, find_model, nearest
from ..redaction import excerpt, scrub
from .check_report import SETTING, Step
from .settings import ConnectionSettings

#: Models and characters of a name that are compared to suggest a similar one: comparing takes time.
_MAX_COMPARED_MODELS = 2_000
_MAX_COMPARED_CHARS = 100


def check_default_models(settings: ConnectionSettings, models: list[dict[str, Any]]) -> Step:
    """
    Find the default models among the listed ones.

    :param settings: of the connection
    :param models: as the service lists them
    :return: an ok step, with the exact id if the connection has another spelling; or a failed one
    """
    notes: list[str] = []
    faults: list[str] = []
    for use, model_id in (("chat", settings.chat_model), ("embedding", settings.embedding_model)):
        fault, note = _check(use, model_id, models) if model_id else ("", "")
        notes += [f"Also, {fault}.", note] if faults and fault else [note]
        faults += [fault] if fault else []
    detail = scrub(" ".join(note for note in notes if note), settings.client.token)
    return Step("failed", faults[0], detail, SETTING) if faults else Step("ok", "default models served", detail)


def _check(use: str, model_id: str, models: list[dict[str, Any]]) -> tuple[str, str]:
    label = f"'{use.capitalize()} model'"
    if {"@", "?"} & set(model_id):
        return "", f"{label} {_short(model_id, 80)} is a query that the service answers itself, and was not looked for."
    model = find_model(model_id, models)
    if model is None:
        headline = f"model not found: {_short(model_id)} (the {use} model)"
        return headline, f"{_suggestion(model_id, models)}Correct {label} in the connection."
    kind = find_kind(model)
    if kind not in {None, use}:
        name = _short(model["id"])
        return f"{name} is a model for {kind}, not for {use}", f"Correct {label} in the connection."
    return "", "" if model[
        "id"
    ] == model_id else f"The exact id of {_short(model_id, 80)} is {_short(model['id'], 80)}."


def _suggestion(model_id: str, models: list[dict[str, Any]]) -> str:
    names = [model["id"] for model in models[:_MAX_COMPARED_MODELS] if len(model["id"]) <= _MAX_COMPARED_CHARS]
    close = nearest(model_id, names) if len(model_id) <= _MAX_COMPARED_CHARS else []
    return f"Did you mean {' or '.join(excerpt(name, 80) for name in close)}? " if close else ""


def _short(name: str, length: int = 32) -> str:
    return excerpt(name, length)
