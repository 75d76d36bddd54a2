"""A simple tokeniser: up to six letters or digits, or one other character, with the whitespace before."""

from __future__ import annotations

import re

_PIECE = re.compile(r"\s*(?:\w{1,6}|[^\w\s])|\s+")


def pieces(text: str) -> list[str]:
    """
    Split a string into tokens.

    :param text: any string
    :return: its tokens; joined, they are the same string
    """
    return _PIECE.findall(text)


def count(text: str) -> int:
    """
    Count the tokens of a string.

    :param text: any string
    :return: number of tokens
    """
    return sum(1 for _ in _PIECE.finditer(text))
