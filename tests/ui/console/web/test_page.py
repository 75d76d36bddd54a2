"""
The page's own files.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from apache_airflow_provider_ovhcloud_ai.ui.console.web import page

STATIC = Path(page.__file__).parent / "static"
NAMES = sorted(file.name for file in STATIC.iterdir())


@pytest.mark.parametrize("name", NAMES)
def test_each_file_is_given_with_its_type_and_mark(name: str) -> None:
    file = page.static(name)
    assert file is not None
    assert file.content == (STATIC / name).read_bytes()
    assert file.media_type.startswith({"css": "text/css", "js": "text/javascript"}[name.rpartition(".")[2]])
    assert re.fullmatch(r'"[0-9a-f]{16}"', file.headers["ETag"])


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../plugin.py", "%2e%2e/plugin.py", "index.html", "console.css/", "NUL"]
)
def test_nothing_else_is_given(name: str) -> None:
    assert page.static(name) is None


def test_a_value_in_the_page_cannot_leave_its_attribute() -> None:
    filled = page.index(root='/a"><script>', home="/", framed=True, csrf="'\"<")
    assert "<script>" not in filled.replace("<script src", "").replace("<script type", "")
    assert "/a&quot;&gt;&lt;script&gt;/static/console.css" in filled
    assert "{{" not in filled


@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith(".js")])
def test_scripts_write_no_markup_and_load_nothing_from_elsewhere(name: str) -> None:
    text = (STATIC / name).read_text(encoding="utf-8")
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text)
    assert set(re.findall(r'(?:from|import) "([^"]+)"', text)) <= {f"./{other}" for other in NAMES}
    assert not re.findall(r"https?://(?!www\.w3\.org/)", text)
