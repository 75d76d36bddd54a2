"""
Parameters are read from the query or the body, and exceptions become messages.
"""

from __future__ import annotations

from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.ui.console.actions import ROUTES, Call, File, Route
from apache_airflow_provider_ovhcloud_ai.ui.console.web import csrf
from apache_airflow_provider_ovhcloud_ai.ui.console.web.dispatch import Answer, begin, read_params
from apache_airflow_provider_ovhcloud_ai.ui.console.web.user import HTTPError
from support.console import ADMIN, ORIGIN


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
def test_unknown_field_is_refused(route: Any) -> None:
    with pytest.raises(HTTPError, match="Unknown field 'host'") as raised:
        read_params(route, {"host": "http://evil.example"}, b'{"host": "http://evil.example"}')
    assert raised.value.status == 422


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b'"connection"', b"{", b"\xff\xfe", b"[" * 100_000, b"connection=x"],
)
def test_body_that_is_no_object(body: bytes) -> None:
    (route,) = [route for route in ROUTES if route.path == "/api/test"]
    with pytest.raises(HTTPError, match="must be a JSON object") as raised:
        read_params(route, {}, body)
    assert raised.value.status == 422


def test_large_body_is_not_read() -> None:
    (route,) = [route for route in ROUTES if route.path == "/api/try"]
    body = b'{"text": "' + b"x" * csrf.MAX_BODY_BYTES + b'"}'
    with pytest.raises(HTTPError) as raised:
        read_params(route, {}, body)
    assert raised.value.status == 413


def act(action: Any) -> Any:
    return begin(Route("GET", "/api/x", action, frozenset(), "read"), lambda: Call(ADMIN, {}, ORIGIN, "/connections"))


def test_result_is_json_or_a_file() -> None:
    file = File("dag.py", "text")
    assert act(lambda _: {"a": 1}) == Answer(data={"a": 1})
    assert act(lambda _: file) == Answer(file=file)


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [(HTTPError(404, "There is none."), 404, "There is none."), (ValueError("secret"), 500, "The page itself failed")],
)
def test_exception_becomes_a_message(error: Exception, status: int, words: str) -> None:
    def fail(_: Call) -> None:
        raise error

    answer = act(fail)
    assert answer.status == status
    assert answer.data["error"].startswith(words)
    assert "secret" not in answer.data["error"]
