"""Who can have Airflow send a stored token elsewhere: from 3.3 on nobody who may only test, but whoever may edit."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from local_airflow import LocalAirflow, installed_release
from support import canary
from support.scripted_server import Received, Server, Wire, message

from .conftest import ROLES
from .console_session import Browser
from .rest import Rest, eventually

pytestmark = pytest.mark.airflow

RELEASE = installed_release()
CONNECTION = "repointed"
#: Somebody who may read and test connections, see `support.tester`.
TESTER = "tester"

#: Who may edit connections.
EDITORS = {"op", "admin"}
EVERYBODY = [*ROLES, "admin", *([TESTER] if RELEASE >= (3, 3) else [])]

#: Releases whose test puts the stored token into whatever connection a body describes.
MERGING = {(3, 1), (3, 2)}


def answer(wire: Wire, _: Received) -> bool:
    wire.send(message(200, {"object": "list", "data": [{"id": "m"}]}))
    return True


@pytest.fixture
def own(rest: Rest) -> Iterator[Server]:
    """The server of a stored connection."""
    with Server(answer) as server:
        # Without a port of its own in the address, and without a path: all that a body could change would count.
        fields = {"conn_type": "ovh_ai_endpoints", "host": "http://127.0.0.1", "port": server.port, "extra": "{}"}
        rest.save({"connection_id": CONNECTION, "password": canary.TOKEN, **fields})
        yield server
        rest.forget(CONNECTION)


@pytest.fixture
def other() -> Iterator[Server]:
    with Server(answer) as server:
        yield server


@pytest.fixture(scope="module")
def testing(airflow: LocalAirflow, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAirflow]:
    """Another API server of the same Airflow, which knows a tester."""
    settings = {
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{airflow.home / 'airflow.db'}",
        "AIRFLOW__CORE__FERNET_KEY": airflow.environment["AIRFLOW__CORE__FERNET_KEY"],
        "AIRFLOW__CORE__AUTH_MANAGER": "support.tester.TesterAuthManager",
        "PYTHONPATH": str(Path(__file__).parents[1]),
    }
    home = tmp_path_factory.mktemp("testing")
    with LocalAirflow(home, settings=settings, users={TESTER: "viewer"}) as second:
        second.serve()
        yield second


@pytest.fixture
def of(airflow: LocalAirflow, request: pytest.FixtureRequest) -> Callable[[str], LocalAirflow]:
    """The server that knows somebody."""
    return lambda who: request.getfixturevalue("testing") if who == TESTER else airflow


@pytest.fixture(scope="module")
def browsers() -> dict[str, Browser]:
    return {}


@pytest.fixture
def browser(of: Callable[[str], LocalAirflow], browsers: dict[str, Browser]) -> Callable[[str], Browser]:
    """The browser of a user, logged in once."""

    def log_in(who: str) -> Browser:
        if who not in browsers:
            browsers[who] = Browser(of(who), who)
        return browsers[who]

    return log_in


def tokens(server: Server) -> list[Received]:
    """The requests that the stored token came with, in whatever header."""
    return [each for each in server.requests if canary.shows(str(each))]


def elsewhere(own: Server, other: Server) -> dict[str, dict[str, Any]]:
    """What a body may say to have a test go to another server."""
    here, there = {"host": "http://127.0.0.1", "port": own.port}, {"host": "http://127.0.0.1", "port": other.port}
    url, masked = f"http://localhost:{other.port}/v1", {"password": "***"}
    extra = {"base_url": url, "host": url, "proxy": url, "extra_headers": {"Host": f"localhost:{other.port}"}}
    return {
        "host, masked": {"host": url, "port": None, **masked},
        "host, no password": {"host": url, "port": None},
        "host, blank password": {"host": url, "port": None, "password": ""},
        "host alone": {"host": url, **masked},
        "port": {**there, **masked},
        "port alone": {"port": other.port, **masked},
        "schema": {**here, **masked, "schema": f"@localhost:{other.port}/"},
        "schema as a URL": {**here, **masked, "schema": url},
        "login": {**here, **masked, "login": f"a@localhost:{other.port}/"},
        "extra": {**here, **masked, "extra": json.dumps(extra)},
    }


def body(fields: dict[str, Any]) -> dict[str, Any]:
    return {"connection_id": CONNECTION, "conn_type": "ovh_ai_endpoints", **fields}


@pytest.mark.parametrize("who", EVERYBODY)
def test_airflows_test_sends_it_nowhere_else(
    of: Callable[[str], LocalAirflow], own: Server, other: Server, who: str
) -> None:
    person = Rest(of(who), who)
    may = who in {*EDITORS, TESTER}
    answers = {way: person.post("/connections/test", body(each)) for way, each in elsewhere(own, other).items()}
    if RELEASE in MERGING and may:
        assert tokens(other), "this release sends it wherever a body says"
        return
    assert tokens(other) == []
    if not may:
        assert {each.status for each in answers.values()} == {403}
    elif RELEASE >= (3, 3):
        moved = {way: each for way, each in answers.items() if way.startswith(("host", "port"))}
        assert {each.status for each in moved.values()} == {400}
        assert "differs from the stored connection" in str(moved["host, masked"].body)
        # As it is stored, it is tested with its token.
        assert answers["extra"].status == 200
        assert tokens(own)


def test_a_worker_is_given_a_mask_and_not_the_token(
    scheduled: Rest, of: Callable[[str], LocalAirflow], own: Server, other: Server
) -> None:
    """What a test that ends well would store needs who may edit."""
    if RELEASE < (3, 3):
        pytest.skip("Airflow tests connections on workers from 3.3 on")
    person = Rest(of(TESTER), TESTER)
    masked = body(elsewhere(own, other)["host, masked"])
    assert person.post("/connections/enqueue-test", masked | {"commit_on_success": True}).status == 403
    queued = person.post("/connections/enqueue-test", masked)
    headers = {"Airflow-Connection-Test-Token": queued.body["token"]}
    ended = eventually(
        lambda: person.ask("GET", f"{person.root}/connections/enqueue-test", **headers).body,
        lambda test: test["state"] in {"success", "failed"},
    )
    assert ended["result_message"].startswith("Failed: token not tested, Airflow passed *** in its place.")
    assert (tokens(own), other.requests) == ([], [])


@pytest.mark.parametrize("who", EVERYBODY)
def test_the_page_tests_what_is_stored_and_nothing_else(
    browser: Callable[[str], Browser], own: Server, other: Server, who: str
) -> None:
    person = browser(who)
    params = {"/api/test": {}, "/api/try": {"model": "m", "kind": "chat", "text": "Hello"}}
    for way in elsewhere(own, other).values():
        for path, needed in params.items():
            status, _ = person.use("POST", f"{path}", {"connection": CONNECTION, **needed, **way})
            assert status in {400, 403, 422}  # 400: Airflow 2.11 asks for its CSRF token first
    assert (own.requests, other.requests) == ([], [])
    status, _ = person.use("POST", "/api/test", {"connection": CONNECTION})
    assert (status == 200, bool(tokens(own))) == ((True, True) if who in {*EDITORS, TESTER} else (False, False))
    status, _ = person.use("POST", "/api/try", {"connection": CONNECTION, **params["/api/try"]})
    assert (status == 200) == (who in EDITORS)
    assert other.requests == []


@pytest.mark.parametrize("who", EVERYBODY)
def test_who_may_edit_can_have_it_sent_elsewhere(
    of: Callable[[str], LocalAirflow], browser: Callable[[str], Browser], own: Server, other: Server, who: str
) -> None:
    """This is Airflow's to decide, and SECURITY.md says what follows."""
    person = Rest(of(who), who)
    moved = body({"host": f"http://127.0.0.1:{other.port}/v1"})
    answer = person.ask("PATCH", f"{person.root}/connections/{CONNECTION}?update_mask=host", moved)
    press = partial(browser(who).use, "POST", "/api/test", {"connection": CONNECTION})
    if who in EDITORS:
        # Airflow 2.11 knows no CSRF token of a session that has just begun.
        eventually(press, lambda response: response[0] == 200)
    else:
        press()
    assert (answer.status, bool(tokens(other))) == ((200, True) if who in EDITORS else (403, False))
