"""
A token to look for in places where none may be, and a prompt that may be in some.
"""

from __future__ import annotations

import base64
import types
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

#: With characters that are spelled otherwise in URLs, HTML and JSON.
TOKEN = "Canary+to/ken=&'7f3a9b-0123456789"

#: Plain enough to be spelled the same in JSON, URLs and HTML.
PROMPT = "colibri-4c1d8e52"


def spellings(token: str = TOKEN) -> list[str]:
    return [token, token[::-1], quote(token, safe=""), token.encode().hex(), *in_base64(token)]


def in_base64(token: str) -> list[str]:
    """
    Spell a token as it looks within a longer text in base64, such as ``Bearer ...`` or ``user:...``.
    """
    encoders = (base64.b64encode, base64.urlsafe_b64encode)
    # What is before and behind has a part in the characters at both ends.
    return [
        encode(b"x" * before + token.encode()).decode()[(0, 2, 3)[before] : (before + len(token)) * 8 // 6]
        for encode in encoders
        for before in range(3)
    ]


def shows(text: str, token: str = TOKEN) -> bool:
    """
    Return whether a string holds the token, or its core, which every escaped spelling keeps.
    """
    return any(spelling.lower() in text.lower() for spelling in [*spellings(token), "7f3a9b-0123456789"])


def traces(error: BaseException, *, frames: bool = True) -> Iterator[str]:
    """
    All that a log, a debugger or an error tracker could print of an exception.

    :param error: the exception
    :param frames: whether the variables of the functions that it passed through are looked at as well
    """
    visited: set[int] = set()
    todo: list[BaseException] = [error]
    while todo:
        current = todo.pop()
        if id(current) in visited:
            continue
        visited.add(id(current))
        yield from (str(current), repr(current), repr(current.args), repr(vars(current)))
        yield from _values(current.args)
        if frames:
            yield from _locals(current.__traceback__)
        linked = (current.__cause__, current.__context__, *current.args, *getattr(current, "exceptions", ()))
        todo += [link for link in linked if isinstance(link, BaseException)]


def _locals(trace: types.TracebackType | None) -> Iterator[str]:
    while trace:
        # The frames of a test hold the canary itself.
        if "/tests/" not in trace.tb_frame.f_code.co_filename:
            yield from (f"{name}={value!r}" for name, value in trace.tb_frame.f_locals.items())
        trace = trace.tb_next


def _values(args: Any) -> Iterator[str]:
    for each in args:
        for name in ("request", "response"):
            yield repr(vars(getattr(each, name))) if hasattr(getattr(each, name, None), "__dict__") else ""
