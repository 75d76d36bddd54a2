"""One request to a model, after the gateway let it pass."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..models import Model

#: ``created`` of every answer, 2026-01-01 in UTC: answers are the same bytes at any time.
CREATED = 1_767_225_600


@dataclass(frozen=True)
class Call:
    """
    A request to a model.

    :param model: the model
    :param name: its name for the reply
    :param payload: the request's parameters, not yet checked
    """

    model: Model
    name: str
    payload: dict[str, Any] = field(repr=False)
