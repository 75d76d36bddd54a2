"""A simple tokeniser: up to six letters or digits, or one other sign, with the blanks before."""

from __future__ import annotations

import re

_PIECE = re.compile(r"\s*(?:\w{1,6}|[^\w\s])|\s+")


def pieces(text: str) -> list[str]:
    """
    Split a text.

    :param text: any text
    :return: its tokens, which joined are the text again
    """
    return _PIECE.findall(text)


def count(text: str) -> int:
    """
    Count the tokens of a text.

    :param text: any text
    :return: number of tokens
    """
    return sum(1 for _ in _PIECE.finditer(text))
