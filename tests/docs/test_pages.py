"""The site is arranged by the reader's question, each page says what to see at its end, and each picture was taken."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.pages import PAGES, REFERENCE, ROOT, without_blocks

DOCS = ROOT / "docs"
README = (ROOT / "README.md").read_text(encoding="utf-8")
SITE = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))

#: Parts of a page, which another page includes.
TABLES = {pattern for pattern in SITE["exclude_docs"].split() if pattern.endswith(".md")}
#: Pages that a reader does something with, or is to understand.
READ = [page for page in DOCS.rglob("*.md") if page not in REFERENCE and page.name not in {*TABLES, "index.md"}]

LAST = "## What you should see now"
GROUPS = ["Start", "Connection", "How to", "Troubleshooting", "Reference", "Explanation", "Migration"]

PICTURE = re.compile(r"!\[[^\]]*\]\((?P<address>[^)\s]+)\)")


def pages_in(nav: Any) -> Iterator[str]:
    """
    Give the pages of the navigation in their order.
    """
    if isinstance(nav, str):
        yield nav
        return
    for part in nav.values() if isinstance(nav, dict) else nav:
        yield from pages_in(part)


def pictures_on(page: Path) -> list[Path]:
    """
    Give the files of the pictures that a page shows.
    """
    addresses = [picture["address"] for picture in PICTURE.finditer(without_blocks(page))]
    return [(page.parent / address).resolve() for address in addresses if "://" not in address]


def list_screenshots() -> set[str]:
    """
    Give the names under which browser tests keep pictures.
    """
    calls = [
        node
        for file in (ROOT / "tests" / "live").glob("test_*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "picture"
    ]
    return {ast.literal_eval(call.args[0]) for call in calls}


def test_every_page_is_in_the_navigation_once() -> None:
    paths = [str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md") if page.name not in TABLES]
    assert sorted(pages_in(SITE["nav"])) == sorted(paths)


def test_the_navigation_is_grouped_by_the_readers_question() -> None:
    assert [name for group in SITE["nav"] for name in group] == GROUPS


@pytest.mark.parametrize("page", READ, ids=lambda page: page.stem)
def test_a_page_ends_with_what_to_see(page: Path) -> None:
    headings = re.findall(r"^#+ .*", without_blocks(page), re.MULTILINE)
    assert headings[-1] == LAST
    assert headings.count(LAST) == 1
    end = page.read_text(encoding="utf-8").rpartition(LAST)[2].strip()
    assert 1 <= len(end.splitlines()) <= 12


def test_every_picture_is_taken_by_a_browser_test_and_shown() -> None:
    files = {file.name for file in (DOCS / "images").iterdir()}
    assert files == {f"{name}.png" for name in list_screenshots()}
    pictures = [picture for page in PAGES for picture in pictures_on(page)]
    assert {picture.name for picture in pictures} == files
    assert {picture.parent for picture in pictures} == {DOCS / "images"}


def test_the_first_screen_of_the_readme() -> None:
    first = "\n".join(README.splitlines()[:40])
    assert "\n```bash\npip install airflow-provider-ovhcloud-ai\n```\n" in first
    code = re.findall(r"^```python\n(.*?)^```", first, re.MULTILINE | re.DOTALL)
    assert [block.count("with DAG(") for block in code] == [1]
    assert len(code[0].splitlines()) <= 12
    assert [picture["address"].startswith("docs/images/") for picture in PICTURE.finditer(first)].count(True) == 1


def test_the_readme_has_at_most_three_badges() -> None:
    badges = [
        picture["address"] for picture in PICTURE.finditer(README) if not picture["address"].startswith("docs/images/")
    ]
    assert len(badges) + README.count("<img") <= 3
