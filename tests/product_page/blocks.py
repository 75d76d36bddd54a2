"""
Cuts the product page, which is plain text, into its code, shell, JSON and tables.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_BEGINS = {
    "python": re.compile(r"(from \w[\w.]* import |def \w+\(|\w+ = \w+\()"),
    "shell": re.compile(r"airflow "),
    "json": re.compile(r"\{$"),
    "table": re.compile(r"(Parameter|Role|Model|Error)( (Type|Description|Cause)\b.*)$"),
}
#: A line at the left margin with which a block of code goes on after a blank line.
_GOES_ON = re.compile(r"(from |import |def |with |\w+ = \w+\(|\)|\]|\})")


@dataclass(frozen=True)
class Block:
    """
    A piece of the page.

    :param kind: python, shell, json or table
    :param line: where it begins, from 1
    :param text: its lines
    """

    kind: str
    line: int
    text: str


def blocks(page: str) -> list[Block]:
    """
    Find the page's blocks.

    :param page: its text
    :return: its blocks in order
    """
    lines = page.splitlines()
    blocks_on_page: list[Block] = []
    at = 0
    while at < len(lines):
        kind = next((kind for kind, begins in _BEGINS.items() if begins.match(lines[at])), None)
        if kind is None:
            at += 1
            continue
        end = _end(lines, at, kind)
        blocks_on_page.append(Block(kind, at + 1, "\n".join(lines[at:end]).rstrip() + "\n"))
        at = end
    return blocks_on_page


def _end(lines: list[str], start: int, kind: str) -> int:
    at = start + 1
    while at < len(lines) and (lines[at].strip() or (kind == "python" and _code_follows(lines, at))):
        at += 1
    return at


def _code_follows(lines: list[str], blank: int) -> bool:
    following = next((line for line in lines[blank:] if line.strip()), "")
    # Two constructor calls after a gap of prose are two blocks; within one, code goes on below a single blank line.
    return following.startswith(" ") or bool(_GOES_ON.match(following))
