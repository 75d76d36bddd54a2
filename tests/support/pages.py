"""
The pages of the documentation, and the code blocks on them.
"""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
#: Those that `make reference` writes are held against the code by a test of their own.
REFERENCE = sorted((ROOT / "docs" / "reference").glob("*.md"))
PAGES = [*(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")), *(ROOT / "docs").rglob("*.md")]

FENCED = re.compile(r"^(?P<indent> *)```(?P<kind>.*)\n(?P<text>(?:.*\n)*?)(?P=indent)``` *$", re.MULTILINE)


class Block(NamedTuple):
    """
    A fenced block.

    :param page: its page, from the root of the project
    :param line: where it begins
    :param kind: the words behind the fence
    :param text: what is in it
    """

    page: str
    line: int
    kind: str
    text: str


def find_blocks(page: Path) -> list[Block]:
    """
    Find the blocks of a page.

    :param page: its file
    :return: each block in its order
    """
    text = page.read_text(encoding="utf-8")
    name = str(page.relative_to(ROOT))
    return [
        Block(name, text.count("\n", 0, match.start()) + 1, match["kind"].strip(), dedent(match["text"]))
        for match in FENCED.finditer(text)
    ]


def without_blocks(page: Path) -> str:
    """
    Leave the blocks of a page out.

    :param page: its file
    :return: the rest
    """
    return FENCED.sub("", page.read_text(encoding="utf-8"))
