"""The built site, opened from the file system: it asks no other host, its links lead somewhere, its search finds."""

from __future__ import annotations

import html
import json
import os
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from support import browser
from support.needs import missing

ROOT = Path(__file__).parents[2]
MKDOCS = ROOT / ".venvs" / "tools" / "bin" / "mkdocs"
TROUBLESHOOTING = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
MESSAGES = [re.findall(r"`([^`]+)`", heading) for heading in re.findall(r"^### (.+)", TROUBLESHOOTING, re.MULTILINE)]

#: A message as a user reads it and pastes it into the search: its heading.
PASTED = {
    "No module named 'apache_airflow_provider_ovhcloud_ai'": "No module named 'apache_airflow_provider_ovhcloud_ai'",
    "Failed: token refused (403 Forbidden)": "Failed: token refused (…)",
    "Model not found: 'Mistral-7B' (404)": "Model not found: … (…)",
    "The base URL 'http://llm.example.com/v1' would send the token unencrypted": (
        "The base URL … would send the token unencrypted"
    ),
    "No response from oai.endpoints.kepler.ai.cloud.ovh.net to the chat completion: its name is not known here": (
        "No response from … to the …: its name is not known here"
    ),
}


class Links(HTMLParser):
    """What a page has to link to, what it links to, and what it makes a browser load."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.anchors: set[str] = {""}
        self.targets: list[str] = []
        self.loaded: list[str] = []
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self.anchors |= {attributes[name] for name in ("id", "name") if name in attributes}
        self.loaded += [attributes["src"]] if "src" in attributes else []
        if "href" in attributes:
            (self.targets if tag == "a" else self.loaded).append(attributes["href"])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not MKDOCS.exists():
        missing("mkdocs is not installed: `make docs` installs it")
    folder = tmp_path_factory.mktemp("site")
    command = [MKDOCS, "build", "--strict", "--site-dir", folder]
    settings = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=settings, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Links]:
    # A server gives 404.html for any address, so its links begin at the root.
    return {page: Links(page) for page in site.rglob("*.html") if page.name != "404.html"}


@pytest.fixture(scope="module")
def page() -> Iterator[Any]:
    with browser.chromium() as running:
        page = running.new_page(viewport={"width": 1300, "height": 960})
        page.set_default_timeout(20_000)
        yield page


def find_sections(page: Any, words: str) -> list[str]:
    """
    Paste words into the search of the open page, without a key, and give the addresses of the first sections there.
    """
    page.evaluate("document.querySelector('.md-search-result__list').replaceChildren()")
    page.locator("input[name=query]").fill(words)
    page.locator(".md-search-result__item").first.wait_for()
    addresses = page.locator(".md-search-result__item > a").evaluate_all("links => links.map(link => link.href)")
    return [address.rpartition("/")[2] for address in addresses if "#" in address][:3]


def test_every_link_leads_somewhere(pages: dict[Path, Links]) -> None:
    assert len(pages) > 20
    broken = []
    for page, links in pages.items():
        for target in links.targets:
            path, fragment = urlsplit(target).path, urlsplit(target).fragment
            file = (page.parent / unquote(path)).resolve() if path else page
            inside = not urlsplit(target).scheme
            if inside and not (file.is_file() and unquote(fragment) in getattr(pages.get(file), "anchors", {""})):
                broken.append(f"{page.name}: {target}")
    assert broken == []


def test_nothing_is_named_that_another_host_has(pages: dict[Path, Links]) -> None:
    assert all(links.loaded for links in pages.values())
    foreign = [
        f"{page.name}: {name}" for page, links in pages.items() for name in links.loaded if urlsplit(name).netloc
    ]
    assert foreign == []


@pytest.mark.browser
def test_nothing_is_asked_of_another_host(page: Any, pages: dict[Path, Links]) -> None:
    urls: list[str] = []
    page.on("request", lambda request: urls.append(request.url))
    # The scripts are the same on each page.
    longest = {file.parent: file for file in sorted(pages, key=lambda file: file.stat().st_size)}
    for file in longest.values():
        page.goto(file.as_uri())
        page.locator("input[name=query]").click()
        assert find_sections(page, "token")
    assert len(urls) > len(longest)
    assert [url for url in urls if urlsplit(url).scheme not in ("file", "data", "about")] == []


@pytest.fixture(scope="module")
def search(page: Any, site: Path) -> Callable[[str], list[str]]:
    page.goto((site / "index.html").as_uri())
    page.locator("input[name=query]").click()
    assert find_sections(page, "token"), "a search that finds nothing at all is told once"
    return partial(find_sections, page)


@pytest.fixture(scope="module")
def sections(site: Path) -> list[str]:
    """Anchors of the sections of Troubleshooting, in their order."""
    return re.findall(r'<h3 id="([^"]+)"', (site / "troubleshooting.html").read_text(encoding="utf-8"))


@pytest.mark.browser
@pytest.mark.parametrize(("pasted", "message"), PASTED.items())
def test_a_message_finds_its_section(
    search: Callable[[str], list[str]], sections: list[str], pasted: str, message: str
) -> None:
    (number,) = (number for number, several in enumerate(MESSAGES) if message in several)
    assert search(pasted)[0] == f"troubleshooting.html#{sections[number]}"


def test_the_search_knows_each_message_as_a_title(site: Path, sections: list[str]) -> None:
    index = json.loads((site / "search" / "search_index.json").read_text(encoding="utf-8"))
    titles = {each["location"]: html.unescape(each["title"]) for each in index["docs"]}
    assert len(sections) == len(MESSAGES)
    for anchor, several in zip(sections, MESSAGES, strict=True):
        for message in several:
            assert f"<code>{message}</code>" in titles[f"troubleshooting.html#{anchor}"]


@pytest.mark.browser
def test_the_search_works_from_a_web_server(page: Any, site: Path) -> None:
    handler = partial(SimpleHTTPRequestHandler, directory=str(site))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page.goto(f"http://127.0.0.1:{server.server_port}/index.html")
        page.locator("input[name=query]").click()
        assert "troubleshooting.html#" in find_sections(page, "Failed: token refused (403 Forbidden)")[0]
        server.shutdown()
