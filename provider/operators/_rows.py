"""
Rows and paths that authors give.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..errors import ConfigurationError
from ..hooks.files.object_path import to_object_path


def read_rows(values: Any, path: Any, kind: str | None, name: str) -> Iterable[dict[str, Any]]:
    """
    Read the rows of a task.

    :param values: the rows themselves, or None
    :param path: path of the rows otherwise
    :param kind: format of the files, if their suffix doesn't say
    :param name: the parameter that holds the values, for the error
    :return: the rows
    :raises ConfigurationError: if both or neither are given, or the list is empty
    """
    from ..rows import reading

    if path is None:
        if not values and values is not None:
            raise ConfigurationError(f"{name} must hold at least one row.")
        return reading.from_values(values)
    if values is not None:
        raise ConfigurationError(f"Give either {name} or input_path, not both.")
    return reading.read_rows(to_object_path(path, "input_path"), kind)
