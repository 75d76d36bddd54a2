"""Whoever silences a checker says why, on the same line; which rule is silenced, ruff and mypy ask for themselves."""

from __future__ import annotations

import re
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("provider", "scripts", "tests", "benchmarks", "example_dags")

SILENCED = re.compile(
    r"type: ignore\[[\w, -]+\]|(?:ruff: )?noqa: [A-Z]+\d+(?:, ?[A-Z]+\d+)*|pragma: no cover|mypy: [\w-]+(?:=[\w,-]+)?"
)


def unexplained(file):
    """Comments that silence and say nothing else, with their lines."""
    with file.open("rb") as text:
        for token in tokenize.tokenize(text.readline):
            reason = SILENCED.sub("", token.string)
            if token.type == tokenize.COMMENT and reason != token.string and not re.search(r"\w{2}", reason):
                yield f"{file}:{token.start[0]}: {token.string}"


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_suppression_has_a_reason(folder):
    files = list((ROOT / folder).rglob("*.py"))
    assert files
    assert [line for file in files for line in unexplained(file)] == []


@pytest.mark.parametrize(
    ("comment", "is_explained"),
    [
        ("# type: ignore[arg-type]", False),
        ("# type: ignore[arg-type]  # rendered text", True),
        ("# noqa: S105", False),
        ("# noqa: E402, F401", False),
        ("# noqa: S105  (a place)", True),
        ("# noqa: S105 - a place", True),
        ("# pragma: no cover", False),
        ("# ruff: noqa: E501", False),
    ],
)
def test_a_reason_is_words_beside_the_rule(comment, is_explained, tmp_path):
    file = tmp_path / "module.py"
    file.write_text(f"x = 1  {comment}\n", encoding="utf-8")
    assert (list(unexplained(file)) == []) is is_explained
