"""Checks of request parameters: tables from a parameter's name to the check of its value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..http.messages import model_refusal

#: Returns the error of a value, as the end of a sentence that begins with the parameter's name, or ``None``.
Check = Callable[[Any], str | None]


def read_params(payload: Mapping[str, Any], table: Mapping[str, Check]) -> dict[str, Any]:
    """
    Validate the parameters of a request as the service does.

    :param payload: the request
    :param table: the check of each parameter, by its name
    :return: the parameters without those that are null
    :raise Refusal: a parameter is unknown or its value is invalid
    """
    params = {name: value for name, value in payload.items() if value is not None or name not in table}
    for name, value in params.items():
        if name not in table:
            message = f"feature 'extra arguments' is not currently supported: '{name}'"
            raise model_refusal(400, message, name, "unsupported_parameter")
        if error := table[name](value):
            raise model_refusal(400, f"'{name}' {error}", name, "invalid_value")
    return params


def boolean(value: Any) -> str | None:
    """Accept true and false."""
    return None if isinstance(value, bool) else "must be true or false"


def text(value: Any) -> str | None:
    """Accept a string."""
    return None if isinstance(value, str) else "must be a text"


def number(low: float, high: float) -> Check:
    """
    Accept a number within bounds.

    :param low: smallest value
    :param high: largest value
    :return: the check
    """

    def check(value: Any) -> str | None:
        good = isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high
        return None if good else f"must be a number from {low} to {high}"

    return check


def integer(low: int | None = None, high: int | None = None) -> Check:
    """
    Accept a whole number within bounds.

    :param low: smallest value
    :param high: largest value
    :return: the check
    """
    bounds = "" if low is None else f" of at least {low}" if high is None else f" from {low} to {high}"

    def check(value: Any) -> str | None:
        good = isinstance(value, int) and not isinstance(value, bool)
        good = good and (low is None or value >= low) and (high is None or value <= high)
        return None if good else f"must be a whole number{bounds}"

    return check


def choice(*values: str) -> Check:
    """
    Accept one of several strings.

    :param values: the strings
    :return: the check
    """

    def check(value: Any) -> str | None:
        return None if isinstance(value, str) and value in values else f"must be one of {', '.join(values)}"

    return check


def texts(value: Any) -> str | None:
    """Accept a string, or a list of up to four; none may be empty."""
    several = [value] if isinstance(value, str) else value
    good = isinstance(several, list) and 1 <= len(several) <= 4
    good = good and all(isinstance(item, str) and item for item in several)
    return None if good else "must be a text, or a list of one to four texts, none of them empty"
