"""The built site, opened from the file system: it asks no other host, its links lead somewhere, its search finds."""

from __future__ import annotations

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

HOST = "oai.endpoints.kepler.ai.cloud.ovh.net"
#: What stands for each "…" where a user reads it.
FILLED = {
    'Unknown hook type "…"': ["ovh_ai_endpoints"],
    "… is installed beside airflow-provider-ovhcloud-ai and shares its import name": [
        "apache-airflow-provider-ovhcloud-ai"
    ],
    "The hook_class '…' is not fully initialized (UI widgets will be missing)": [
        "apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints.OVHCloudAIEndpointsHook"
    ],
    "The connection … does not exist: create it under Admin > Connections": ["'ovh_ai_endpoints_default'"],
    "The connection … cannot be read: … must hold JSON": [
        "'ovh_ai_endpoints_default'",
        "the environment variable AIRFLOW_CONN_OVH_AI_ENDPOINTS_DEFAULT",
    ],
    "The connection's extra is not JSON (…)": ["Expecting value: line 1 column 1 (char 0)"],
    "Connection schemes (type: …) shall not contain '_' according to RFC3986": ["ovh_ai_endpoints"],
    "Testing connections is … in this Airflow.": ["disabled"],
    "Failed: … instead of a list of models": ["an HTML page"],
    "Failed: model not found: … (the … model)": ["Mistral-7B", "chat"],
    "API key not found: … has no API token": ["the connection 'ovh_ai_endpoints_default'"],
    "Failed: token refused (…)": ["403 Forbidden"],
    "The API token holds … at position …: nothing was sent": ["a line break or blank", "37"],
    "The base URL … would send the token unencrypted": ["'http://llm.example.com/v1'"],
    "No reply from … to the …: its name is not known here": [HOST, "chat completion"],
    "No reply from … to the …: its certificate or TLS was not accepted": [HOST, "chat completion"],
    "The CA bundle … does not exist on this machine": ["'/etc/ssl/company.pem'"],
    "No reply from … to the …: the proxy did not let the request through": [f"{HOST} (through a proxy)", "embeddings"],
    "The proxy that the environment names for …": [HOST],
    "No reply from … to the …: nothing listens there": ["localhost:8080", "chat completion"],
    "Timed out: … could not be reached within … s": [HOST, "10"],
    "No reply from … to the …: there is no way there from this machine": [HOST, "list of models"],
    "The … came back as … instead of JSON from …": ["chat completion", "an HTML page titled 'Sign in'", HOST],
    "Failed: access refused by a web page (…)": ["403 Forbidden"],
    "The … was redirected (status …) to …, and the token does not follow": [
        "list of models",
        "302",
        "login.example.com",
    ],
    "Failed: redirected (…)": ["302"],
    "No reply from … to the …: the connection was lost before the reply was complete": [HOST, "chat completion"],
    "Model not found: … (404)": ["'Mistral-7B'"],
    "No model: name one, or set '…' in the connection": ["Chat model"],
    "The request is … bytes; the service accepts …": ["2,351,112", "2,000,000"],
    "Rate limit…: next request in … s": [" (400 requests a minute)", "12"],
    "Timed out: … did not complete its reply to the …": [HOST, "chat completion"],
    "The task has used … (…) in … requests, and sends no more": ["0.512000 of 0.5 EUR", "max_cost", "37"],
    "max_cost cannot be kept: the service tells no price for …": ["'mistral@latest'"],
    "The answer of … reached its token limit before the first word": ["'gpt-oss-120b'"],
    "The answer has no text (finish_reason …)": ["'stop'"],
    "The model still calls tools after … rounds": ["10"],
    "… judged the content …, for which on_unsafe='fail' fails the task": ["'Qwen3Guard-Gen-8B'", "Unsafe (Violent)"],
    "… of … failed; the first one, number …": ["3", "100 conversations", "17"],
    "… rows failed; the first one": ["3 of 100"],
    "… rows failed; one of them": ["3 of 100"],
    "not JSON, from column … on": ["14"],
    "Row … has no text in the column …": ["16", "'text'"],
    "… does not exist where this task runs: check the path": ["The input file '/data/prompts.jsonl'"],
    "… cannot be used: the storage … is not available here (…)": [
        "The output folder",
        "'s3'",
        "No module named 's3fs'",
    ],
    "The output folder … holds files of somebody else": ["'/data/out'"],
    "… exists, and was not made by this prompt, model and size.": ["The output file '/data/cat.png'"],
    "The batch … failed before it began": ["batch_6f2d"],
    "The batch … is …: what it has answered can be read still": ["batch_6f2d", "expired"],
    "AI Endpoints batch … is cancelled, as its task was ended.": ["batch_6f2d"],
    "The connection cannot be decrypted (…)": ["InvalidToken"],
    "Token not verified: the service answered …": ["503"],
    "Failed: the service answered …": ["503"],
    "Failed: unexpected … in the test itself": ["AttributeError"],
    "Failed: list of models refused (…)": ["405"],
    "Token not verified: payment required (…)": ["402"],
    "The base URL must begin with https://, not …": ["'ftp://'"],
    "The base URL … names no host": ["'https:///v1'"],
    "The base URL … is not one": ["'https://llm.example.com:port'"],
    "The service warns about …": ["Mistral-7B: this model is retired on 1 March"],
    "… has the role …; a role is one of": ["messages[0]", "'usr'"],
    "… must have a text or a list of parts as 'content', not …": ["messages[0]", "None"],
    "… must be a text, not …": ["prompt", "None"],
    "… must not be empty.": ["prompt"],
    "… was not found (…): name it relative to the DAG file, or to a folder of the DAG's template_searchpath.": [
        "prompt_file 'prompts/summary.md'",
        "TemplateNotFound; looked in /opt/airflow/dags",
    ],
    "The prompt names the column {…}, which the row does not have": ["title"],
    "… cannot be sent as an image: it …. The service reads PNG, JPEG, WebP and GIF": [
        "images[0] (/data/cat.pdf)",
        "seems to be a PDF",
    ],
    "… cannot be sent as a recording: it …": ["audio (/data/call.mp3)", "is empty"],
    "… is a web address, and neither the service nor this task fetches those": ["images[0]"],
    "… is a list that a template wrote as text": ["images[0]"],
    "The request would hold … images": ["12"],
    "… has up to … tokens, and the model takes …: nothing of it was sent": ["Row 3", "9,120", "8,192"],
    "The service does not say how long a text may be for …": ["'bge-m3'"],
    "Timed out: … sent nothing of its reply to the … for … s": [HOST, "chat completion", "120"],
    "The answer of … (… characters, finish_reason …) is no verdict": ["gpt-oss-20b", "512", "'stop'"],
    "The answer of … was cut at its token limit (finish_reason 'length') before its verdict": ["Qwen3Guard-Gen-8B"],
    "The task or task group …, to go on with, does not follow the task …": ["'publish'", "'guard'"],
    "The suffix of … is of no known format": ["/data/prompts.json5"],
    "… holds no rows.": ["/data/prompts.jsonl"],
    "The folder … holds no file to read.": ["/data/prompts"],
    "There is no file or folder … where this task runs": ["/data/prompts.jsonl"],
    "… fields where the header has …": ["/data/prompts.csv, line 3: 4", "3"],
    "… cannot be written (…): let the user that runs the worker": ["output_path (/data/cat.png)", "PermissionError"],
    "… may not be read: let the user that runs the worker, or the connection in the path, read it.": [
        "images[0] (/data/cat.png)"
    ],
    "The folder … has no …: the run that writes it has not finished, or wrote elsewhere.": [
        "/data/out",
        "_manifest.json",
    ],
    "… answers will go to XCom": ["2,000"],
    "… vectors will go to XCom": ["2,000"],
    "You may not read the connection …: ask an admin for the permission.": ["'ovh_ai_endpoints_default'"],
    "You may read the connection …, but not … it: ask an admin.": ["'ovh_ai_endpoints_default'", "test"],
    "… is a connection of type …, not '…': it was not opened.": ["'aws_default'", "'aws'", "OVHcloud AI Endpoints"],
    "… need Airflow … or later, and this is Airflow …": ["Retry policies", "3.3", "3.1.8"],
}
#: Messages of so few words, or of such everyday ones, that a page with them as its title comes first.
NOT_FIRST = {
    "… is installed beside airflow-provider-ovhcloud-ai and shares its import name",
    "… is a connection of type …, not '…': it was not opened.",
    "… must be a text, not …",
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
        found = {name: value or "" for name, value in attrs}
        self.anchors |= {found[name] for name in ("id", "name") if name in found}
        self.loaded += [found["src"]] if "src" in found else []
        if "href" in found:
            (self.targets if tag == "a" else self.loaded).append(found["href"])


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


def found(page: Any, words: str) -> list[str]:
    """
    Paste words into the search of the open page, without a key, and give the addresses of the first sections there.
    """
    page.evaluate("document.querySelector('.md-search-result__list').replaceChildren()")
    page.locator("input[name=query]").fill(words)
    page.locator(".md-search-result__item").first.wait_for()
    shown = page.locator(".md-search-result__item > a").evaluate_all("links => links.map(link => link.href)")
    return [address.rpartition("/")[2] for address in shown if "#" in address][:3]


def as_read(message: str) -> str:
    """
    A message with values in it, as it stands in a log.
    """
    values = iter(FILLED.get(message, ()))
    return re.sub("…", lambda _: next(values), message)


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


def test_nothing_is_asked_of_another_host(page: Any, pages: dict[Path, Links]) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    # The scripts are the same on each page.
    longest = {file.parent: file for file in sorted(pages, key=lambda file: file.stat().st_size)}
    for file in longest.values():
        page.goto(file.as_uri())
        page.locator("input[name=query]").click()
        assert found(page, "token")
    assert len(asked) > len(longest)
    assert [url for url in asked if urlsplit(url).scheme not in ("file", "data", "about")] == []


@pytest.fixture(scope="module")
def search(page: Any, site: Path) -> Callable[[str], list[str]]:
    page.goto((site / "index.html").as_uri())
    page.locator("input[name=query]").click()
    assert found(page, "token"), "a search that finds nothing at all is told once"
    return partial(found, page)


@pytest.fixture(scope="module")
def sections(site: Path) -> list[str]:
    """Anchors of the sections of Troubleshooting, in their order."""
    return re.findall(r'<h3 id="([^"]+)"', (site / "troubleshooting.html").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("number", "message"), [(number, message) for number, several in enumerate(MESSAGES) for message in several]
)
def test_a_message_finds_its_section(
    search: Callable[[str], list[str]], sections: list[str], number: int, message: str
) -> None:
    results = search(as_read(message))
    assert f"troubleshooting.html#{sections[number]}" in (results if message in NOT_FIRST else results[:1])


def test_each_message_is_searched_as_it_is_read() -> None:
    gaps = {message: message.count("…") for several in MESSAGES for message in several if "…" in message}
    assert gaps == {message: len(values) for message, values in FILLED.items()}


def test_the_search_works_from_a_web_server(page: Any, site: Path) -> None:
    handler = partial(SimpleHTTPRequestHandler, directory=str(site))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page.goto(f"http://127.0.0.1:{server.server_port}/index.html")
        page.locator("input[name=query]").click()
        assert "troubleshooting.html#" in found(page, as_read("Failed: token refused (…)"))[0]
        server.shutdown()
