"""The Test button's verdict wherever Airflow runs the test: web server, command line, worker."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from local_airflow import LocalAirflow

from .rest import Rest, eventually

pytestmark = pytest.mark.airflow

MASK = "***"


def press(rest: Rest, fields: dict[str, Any]) -> tuple[bool, str]:
    """Send a connection to the test of the web server, whose answer the UI shows."""
    answer = rest.post("/connections/test", fields)
    assert answer.status == 200, answer
    return answer.body["status"], timeless(answer.body["message"])


def timeless(message: str) -> str:
    return re.sub(r"\d+ ms", "N ms", message)


@pytest.fixture
def accepted(rest: Rest, stored: Callable[..., dict[str, Any]]) -> str:
    """The verdict on a good token, from the web server that got the token itself."""
    passed, message = press(rest, stored())
    assert passed, message
    return message


def test_a_good_token_is_named_first_then_the_models(accepted: str) -> None:
    verdict = accepted.partition(". ")[0]
    assert verdict == "OK: token accepted"
    assert "24 models in N ms: " in accepted


def test_a_token_pasted_with_bearer_and_newline_works(
    rest: Rest, stored: Callable[..., dict[str, Any]], sandbox: Sandbox, accepted: str
) -> None:
    assert press(rest, stored(password=f"Bearer {sandbox.token}\n")) == (True, accepted)


def test_a_refused_token_is_reported_within_80_characters(rest: Rest, stored: Callable[..., dict[str, Any]]) -> None:
    passed, message = press(rest, stored(password="wrong-token"))
    assert not passed
    assert message[:80].startswith("Failed: token refused (403 Forbidden). ")
    assert "Check 'API token' in the connection" in message


def test_anonymous_access_sends_no_token(rest: Rest, stored: Callable[..., dict[str, Any]], sandbox: Sandbox) -> None:
    sandbox.clear()
    passed, message = press(rest, stored(extra=json.dumps({"access": "anonymous"})))
    assert passed, message
    assert message.startswith("OK: anonymous access works")
    assert sandbox.requests
    assert not [request for request in sandbox.requests if "authorization" in request.headers]


def test_a_stored_token_is_tested_as_the_list_of_connections_does_it(
    airflow: LocalAirflow, rest: Rest, stored: Callable[..., dict[str, Any]], sandbox: Sandbox, accepted: str
) -> None:
    if airflow.release < (3,):
        pytest.skip("Airflow 2.11 has its Test button in the form")
    fields = stored()
    sandbox.clear()
    passed, message = press(rest, fields | {"password": MASK})
    if airflow.release >= (3, 1):
        assert (passed, message) == (True, accepted)
    else:
        assert not passed
        assert_names_the_test_that_works(message)
        assert sandbox.requests == []


def test_the_edit_form_of_2_11_sends_no_token(
    airflow: LocalAirflow, rest: Rest, stored: Callable[..., dict[str, Any]]
) -> None:
    if airflow.release >= (3,):
        pytest.skip("only Airflow 2.11")
    fields = stored()
    del fields["password"]
    passed, message = press(rest, fields)
    assert not passed
    assert message.startswith("Failed: API key not found.")
    assert "type it again" in message


def test_the_command_line_tests_what_is_stored(airflow: LocalAirflow, stored: Callable[..., dict[str, Any]]) -> None:
    stored("command_line")
    done = airflow.run("connections", "test", "command_line")
    assert "Connection success!" in done.stdout
    assert done.returncode == 0


def test_the_command_line_prints_why_a_token_is_refused(
    airflow: LocalAirflow, stored: Callable[..., dict[str, Any]]
) -> None:
    stored("command_line", password="wrong-token")
    done = airflow.run("connections", "test", "command_line")
    assert "Failed: token refused (403 Forbidden). " in " ".join(done.stdout.split())
    assert done.returncode == (1 if airflow.release >= (3, 3) else 0)


def test_a_worker_tests_a_token_with_the_same_verdict(
    on_worker: Callable[..., tuple[str, str]], stored: Callable[..., dict[str, Any]], accepted: str
) -> None:
    assert on_worker(stored("worker")) == ("success", accepted)


def test_a_worker_that_gets_a_mask_says_so(
    on_worker: Callable[..., tuple[str, str]], stored: Callable[..., dict[str, Any]], sandbox: Sandbox
) -> None:
    fields = stored("worker")
    sandbox.clear()
    state, message = on_worker(fields | {"password": MASK})
    assert state == "failed"
    assert_names_the_test_that_works(message)
    assert sandbox.requests == []


@pytest.fixture
def on_worker(airflow: LocalAirflow, request: pytest.FixtureRequest) -> Callable[..., tuple[str, str]]:
    """Send a connection to the test of a worker, which Airflow has from 3.3 on, and wait for its end."""
    if airflow.release < (3, 3):
        pytest.skip("Airflow tests connections on workers from 3.3 on")
    rest: Rest = request.getfixturevalue("scheduled")

    def test(fields: dict[str, Any]) -> tuple[str, str]:
        queued = rest.post("/connections/enqueue-test", fields)
        assert queued.status == 202, queued
        headers = {"Airflow-Connection-Test-Token": queued.body["token"]}
        ended = eventually(
            lambda: rest.ask("GET", f"{rest.root}/connections/enqueue-test", **headers).body,
            lambda body: body["state"] in {"success", "failed"},
        )
        return ended["state"], timeless(ended["result_message"])

    return test


def assert_names_the_test_that_works(message: str) -> None:
    assert message[:80].startswith("Failed: token not tested, Airflow passed *** in its place. ")
    assert "airflow connections test" in message
