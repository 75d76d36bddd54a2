"""A request to a model that the gateway has accepted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..models import Model

#: ``created`` of every answer, 2026-01-01 in UTC, so that answers are always the same bytes.
CREATED = 1_767_225_600


@dataclass(frozen=True)
class Call:
    """
    A request to a model.

    :param model: the model
    :param name: its name for the response
    :param payload: the request's parameters, not validated yet
    """

    model: Model
    name: str
    payload: dict[str, Any] = field(repr=False)
