"""
Tools that tests offer to a model, and calls of them.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal, Optional

from pydantic import BaseModel, ConfigDict, Field

DICTIONARY = {"type": "function", "function": {"name": "theirs", "parameters": {"type": "object"}}}


class Colour(enum.Enum):
    RED = "red"
    GREEN = "green"


@dataclass
class Place:
    city: str
    zip_code: int = 0


class Stay(BaseModel):
    model_config = ConfigDict(extra="forbid")

    start: date
    nights: Annotated[int, Field(ge=1, description="How many nights.")] = 1


def weather(
    city: str, days: Annotated[int, Field(ge=1, le=7)] = 3, unit: Literal["celsius", "kelvin"] = "celsius"
) -> str:
    """
    Return the weather
    of a city.

    From a weather service.

    :param city: the city's name,
        in any language
    :param int days: how far to look ahead
    :return: the forecast
    """
    return f"{city}: {days} days in {unit}"


def book(
    place: Place,
    stay: Stay,
    colour: Colour,
    names: list[str],
    extras: dict[str, float],
    note: Optional[str] = None,  # noqa: UP045  (as users may write it)
) -> list[Any]:
    """Book a room.

    Args:
        place (Place): Where to stay,
            and nowhere else.
        names: Who comes.
    Returns:
        place: What is not an argument.
    """
    return [place, stay, colour, names, extras, note]


def nothing() -> None:
    pass


def call(name: Any = "weather", arguments: Any = "{}", identifier: Any = "call_1") -> dict[str, Any]:
    return {"id": identifier, "type": "function", "function": {"name": name, "arguments": arguments}}
