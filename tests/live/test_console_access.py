"""Who may do what on the console page: every address, as everybody, against the table of the documentation."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from airflow_api import Api
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from apache_airflow_provider_ovhcloud_ai.ui.console.actions import PAGES, ROUTES
from apache_airflow_provider_ovhcloud_ai.ui.console.web import page
from local_airflow import LocalAirflow

from .conftest import ROLES
from .console_session import CONNECTION, PAGE, Browser

pytestmark = pytest.mark.airflow

DOCS = Path(__file__).parents[2] / "docs" / "console.md"
ADDRESSES = [*(("GET", page) for page in PAGES), ("GET", "/static/console.css"), *((r.method, r.path) for r in ROUTES)]


def table(heading: str) -> dict[tuple[str, str], dict[str, str]]:
    """
    Read one of the tables of the documentation: who may use which address.
    """
    part = DOCS.read_text(encoding="utf-8").partition(f"### {heading}\n")[2].partition("\n#")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in part.splitlines() if line.startswith("|")]
    head, _, *body = rows
    return {tuple(cells[0].strip("`").split()): dict(zip(head[1:], cells[1:], strict=True)) for cells in body}


@pytest.fixture(scope="module", params=["simple", "fab"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox
) -> Iterator[tuple[LocalAirflow, str]]:
    """
    A server with the auth manager, and the heading of its table; the one that all tests share where it has it.
    """
    airflow: LocalAirflow = request.getfixturevalue("airflow")
    if request.param == "simple" and airflow.release < (3,):
        pytest.skip("Airflow 2.11 has no simple auth manager")
    if request.param == "fab" and airflow.release >= (3,):
        if importlib.util.find_spec("airflow.providers.fab") is None:
            pytest.skip("the FAB provider is not installed here; the matrix has it")
        home = tmp_path_factory.mktemp("fab")
        with LocalAirflow(home, dags=home / "dags", users=ROLES, fab=True) as own:
            own.prepare()
            own.serve()
            _store(own, sandbox)
            yield own, _heading(own)
    else:
        _store(airflow, sandbox)
        yield airflow, _heading(airflow)


def _heading(airflow: LocalAirflow) -> str:
    if airflow.fab:
        return "FAB auth manager, and Airflow 2.11"
    return "Simple auth manager"


def _store(airflow: LocalAirflow, sandbox: Sandbox) -> None:
    Api(airflow).save({"connection_id": CONNECTION, **sandbox.connection, "extra": "{}"})


@pytest.fixture(scope="module")
def browser(server: tuple[LocalAirflow, str]) -> Callable[[str], Browser]:
    browsers: dict[str, Browser] = {}

    def log_in(who: str) -> Browser:
        if who not in browsers:
            browsers[who] = Browser(server[0], None if who == "anonymous" else who)
        return browsers[who]

    return log_in


@pytest.mark.parametrize("who", ["anonymous", *ROLES, "admin"])
def test_each_address_answers_as_the_documentation_says(
    server: tuple[LocalAirflow, str], browser: Callable[[str], Browser], who: str
) -> None:
    airflow, heading = server
    expected = table(heading)
    assert set(expected) == set(ADDRESSES), "the table has every address"
    statuses = {address: browser(who).use(*address)[0] for address in ADDRESSES}
    allowed = {address: columns[who] for address, columns in expected.items()}
    if airflow.release == (3, 0):
        # Airflow 3.0 keeps its session out of cookies: the page's files, which hold no data, are open there.
        allowed |= {address: "yes" for address in ADDRESSES if "/api/" not in address[1]}
    assert {address: WORDS[status] for address, status in statuses.items()} == allowed


#: What a status is called in the table. 400: Airflow 2.11 asks for its CSRF token first.
WORDS = {200: "yes", 400: "no", 401: "no", 403: "no", 302: "login", 307: "login"}


def test_a_viewer_learns_of_no_connection(server: tuple[LocalAirflow, str], browser: Callable[[str], Browser]) -> None:
    status, text = browser("viewer").use("GET", "/api/connections")
    assert CONNECTION not in text
    if status == 200:
        assert json.loads(text)["may_read"] is False


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Sec-Fetch-Site": "cross-site"}, id="another site"),
        pytest.param({"Sec-Fetch-Site": "same-site"}, id="another port of this host"),
        pytest.param({"Origin": "http://127.0.0.1:1"}, id="another port, by its origin"),
        pytest.param({"Origin": "null"}, id="a sandboxed frame"),
        pytest.param({"X-OVHcloud-AI": ""}, id="without the page's header"),
        pytest.param({"Content-Type": "text/plain"}, id="a form"),
    ],
)
@pytest.mark.parametrize("path", [route.path for route in ROUTES if route.method == "POST"])
def test_nothing_is_done_for_a_stranger(
    browser: Callable[[str], Browser], sandbox: Sandbox, path: str, headers: dict[str, str]
) -> None:
    before = len(sandbox.requests)
    status, text = browser("admin").use("POST", path, **headers)
    assert status in {403, 415}
    assert json.loads(text)["error"]
    assert len(sandbox.requests) == before


def test_a_body_is_read_no_further_than_to_find_it_too_large(browser: Callable[[str], Browser]) -> None:
    admin = browser("admin")
    headers = {"Content-Type": "application/json", "X-OVHcloud-AI": "1", "Origin": admin.url, **admin.csrf()}
    status, text = admin.ask("POST", f"{PAGE}/api/test", b" " * 300_000, **headers)
    assert (status, "200,000 bytes" in text) == (413, True)


def test_a_file_that_the_browser_has_is_not_sent_again(browser: Callable[[str], Browser]) -> None:
    tag = page.static("console.css").headers["ETag"]
    assert browser("admin").ask("GET", f"{PAGE}/static/console.css", **{"If-None-Match": tag}) == (304, "")


def test_the_application_describes_itself_nowhere(browser: Callable[[str], Browser]) -> None:
    for path in ("/docs", "/redoc", "/openapi.json"):
        assert browser("admin").ask("GET", PAGE + path)[0] == 404
