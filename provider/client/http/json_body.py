"""
Reads JSON that comes from outside. Pure.
"""

from __future__ import annotations

import json
from typing import Any

#: Nested lists and objects: no response has ten levels, and Python can't write or copy a thousand.
MAX_JSON_DEPTH = 100


def read_json(body: bytes) -> tuple[bool, Any]:
    """
    Parse JSON without an exception, which would hold the whole text.

    :param body: the text
    :return: whether it is JSON, at most :data:`MAX_JSON_DEPTH` deep, and its value
    """
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return False, None
    return (False, None) if body.count(b"[") + body.count(b"{") > MAX_JSON_DEPTH and _is_deep(value) else (True, value)


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_JSON_DEPTH):
        contents = (each.values() if isinstance(each, dict) else each for each in level)
        level = [inner for each in contents for inner in each if isinstance(inner, (dict, list))]
        if not level:
            return False
    return True
