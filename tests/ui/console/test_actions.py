"""
What each address does, for whom, and what it says when it does not.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.ui.console import actions
from apache_airflow_provider_ovhcloud_ai.ui.console.actions import ROUTES
from apache_airflow_provider_ovhcloud_ai.ui.console.web import dispatch
from apache_airflow_provider_ovhcloud_ai.ui.console.web.dispatch import finish
from apache_airflow_provider_ovhcloud_ai.ui.console.web.work_pool import WorkPool
from support import canary
from support.console import ADMIN, VIEWER, Visitor, ask, sentence, start
from support.services import (
    LISTED,
    MODELS,
    UNAUTHORIZED,
    UNKNOWN_MODEL,
    Service,
    ServiceRequest,
    ServiceResponse,
    manner,
)

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("database")]

Serve = Callable[..., Service]
Variable = Callable[..., str]
STEPS = ["Settings", "Name and reach", "TLS", "Models", "Access", "Default models"]
WHOLE: dict[str, dict[str, Any]] = {
    "connections": {},
    "connection": {"id": "stored"},
    "dag": {"id": "stored", "model": "gpt-oss-120b", "kind": "chat"},
    "test": {"connection": "stored"},
    "models": {"connection": "stored"},
    "batches": {"connection": "stored"},
    "try": {"connection": "stored", "model": "gpt-oss-120b", "kind": "chat", "text": "Hi"},
}

#: Permissions on connections, and the addresses that they open; every other one is answered 403.
MATRIX = [
    ((), {"connections"}),
    (("GET",), {"connections", "connection", "dag", "models", "batches"}),
    (("POST", "PUT"), {"connections"}),
    (("GET", "POST"), {"connections", "connection", "dag", "models", "batches", "test"}),
    (("GET", "PUT"), {"connections", "connection", "dag", "models", "batches", "try"}),
    (("GET", "POST", "PUT"), set(WHOLE)),
]


@pytest.mark.parametrize(
    ("methods", "readable"), MATRIX, ids=lambda each: "+".join(each) if type(each) is tuple else ""
)
def test_permissions(serve: Serve, variable: Variable, row: Any, methods: Any, readable: set[str]) -> None:
    service = serve(manner(batches=ServiceResponse(200, {"data": []})))
    row("stored")
    variable(service.base_url)
    visitor = Visitor(*methods)
    responses = {path: ask(path, visitor, **fields) for path, fields in WHOLE.items()}
    assert {path for path, answer in responses.items() if answer.status == 200} == readable
    assert {answer.status for path, answer in responses.items() if path not in readable} <= {403}
    for answer in (answer for answer in responses.values() if answer.lines):
        list(answer.lines)
    assert bool(service.requests) == bool({"test", "models", "batches", "try"} & readable)
    assert bool(responses["connections"].data["connections"]) == ("GET" in methods)
    assert responses["connections"].data["may_create"] == ("POST" in methods)


def test_matrix_knows_every_address() -> None:
    assert {route.path.removeprefix("/api/") for route in ROUTES} == set(WHOLE)


def test_rows_say_what_this_visitor_may_do(serve: Serve, variable: Variable, row: Any) -> None:
    row("mine")
    row("theirs")
    variable(serve(manner()).base_url, "theirs")
    visitor = Visitor("GET", "POST", only=["theirs"])
    (row_shown,) = ask("connections", visitor).data["connections"]
    assert (row_shown["id"], row_shown["may_test"], row_shown["may_edit"]) == ("theirs", True, False)
    assert ask("connection", visitor, id="mine").status == 403


def test_opening_the_page_calls_nothing(serve: Serve, variable: Variable, row: Any) -> None:
    service = serve(manner())
    row("stored")
    variable(service.base_url)
    for path in ("connections", "connection", "dag"):
        assert ask(path, **WHOLE[path]).status == 200
    assert service.connections == 0


@pytest.mark.parametrize("path", WHOLE)
def test_unknown_field(path: str) -> None:
    answer = ask(path, **WHOLE[path], host="http://evil.example")
    assert (answer.status, "Unknown field 'host'" in sentence(answer)) == (422, True)


@pytest.mark.parametrize("state", ["Disabled", "Hidden", "disabled"])
def test_testing_is_switched_off(serve: Serve, variable: Variable, monkeypatch: pytest.MonkeyPatch, state: str) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__TEST_CONNECTION", state)
    service = serve(manner())
    answer = ask("test", connection=variable(service.base_url))
    assert answer.status == 403
    assert "[core] test_connection = Enabled" in sentence(answer)
    assert f"is {state.lower()} in this Airflow" in sentence(answer)
    assert service.connections == 0
    assert ask("connections").data["test"] == {"enabled": False, "message": sentence(answer)}


def test_green(serve: Serve, variable: Variable) -> None:
    service = serve(manner())
    data = ask("test", connection=variable(service.base_url, extra={"chat_model": "gpt-oss-120b"})).data
    assert (data["state"], data["message"], data["wait"]) == ("ok", "token accepted", None)
    assert [step["name"] for step in data["steps"]] == STEPS
    assert {step["state"] for step in data["steps"]} == {"ok"}
    assert data["next"].startswith("Next:")
    assert data["ran"] == "from the API server on af-1, without a proxy"
    assert (data["connection"]["last"]["by"], data["connection"]["last"]["step"]) == ("ann", "")
    assert data["connection"]["last"]["milliseconds"] == data["milliseconds"]


def test_steps_after_the_first_failure_are_not_run(serve: Serve, variable: Variable) -> None:
    data = ask("test", connection=variable(serve(manner(chat=UNAUTHORIZED)).base_url)).data
    assert [step["state"] for step in data["steps"]] == ["ok"] * 4 + ["failed", "not run"]
    assert (data["state"], data["next"], data["steps"][4]["owner"]) == ("failed", "", "your token")


def test_limit_is_unproven_and_says_how_long_to_wait(serve: Serve, variable: Variable) -> None:
    limited = ServiceResponse(429, {"error": {"message": "Slow down"}}, {"Retry-After": "37"})
    data = ask("test", connection=variable(serve(manner(chat=limited)).base_url)).data
    assert (data["state"], data["wait"], data["steps"][4]["owner"]) == ("inconclusive", 37, "your quota")
    assert data["connection"]["last"]["state"] == "inconclusive"


def test_settings_that_cannot_work_are_a_red_first_step(variable: Variable) -> None:
    data = ask("test", connection=variable("ftp://x.example")).data
    assert [step["state"] for step in data["steps"]] == ["failed"] + ["not run"] * 5
    assert "must begin with https://" in data["steps"][0]["detail"]
    assert (data["curl"], data["connection"]["base_url"]) == ("", "")
    models = ask("models", connection="stored")
    assert (models.status, "must begin with https://" in sentence(models)) == (422, True)


class Gate:
    """
    Holds a service's answers back until a test lets them go.
    """

    def __init__(self) -> None:
        self.arrival = threading.Event()
        self.open = threading.Event()

    def __call__(self, request: ServiceRequest) -> ServiceResponse:
        self.arrival.set()
        assert self.open.wait(30)
        return LISTED if request.path == "/v1/models" else UNKNOWN_MODEL


@pytest.mark.parametrize("path", ["test", "models"])
def test_second_press_joins_the_run_under_way(serve: Serve, variable: Variable, path: str) -> None:
    gate = Gate()
    service = serve(gate)
    variable(service.base_url)
    first = start(path, ADMIN, connection="stored")
    assert gate.arrival.wait(30)
    second = start(path, Visitor("GET", "POST", name="bob"), connection="stored")
    gate.open.set()
    (one, two) = (finish(*begun).data for begun in (first, second))
    assert [request.path for request in service.requests].count("/v1/models") == 1
    for data in (one, two):
        data.pop("connection", None)
    assert one == two
    # Once it is over, the next press is a run of its own.
    ask(path, connection="stored")
    assert [request.path for request in service.requests].count("/v1/models") == 2


def test_joined_run_shows_each_visitor_their_own_rights(serve: Serve, variable: Variable) -> None:
    gate = Gate()
    variable(serve(gate).base_url)
    begun = [start("test", visitor, connection="stored") for visitor in (ADMIN, Visitor("GET", "POST"))]
    gate.open.set()
    assert [finish(*each).data["connection"]["may_edit"] for each in begun] == [True, False]


def test_changed_connection_is_not_the_same_run(serve: Serve, variable: Variable) -> None:
    gate = Gate()
    service = serve(gate)
    variable(service.base_url)
    first = start("test", connection="stored")
    variable(service.base_url, password="another")
    second = start("test", connection="stored")
    gate.open.set()
    assert all(finish(*each).data["state"] == "ok" for each in (first, second))
    tokens = {request.authorization for request in service.requests}
    assert tokens == {f"Bearer {canary.TOKEN}", "Bearer another"}


def test_too_many_at_once(serve: Serve, variable: Variable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "POOL", WorkPool(max_running=1, max_waiting=1))
    gate = Gate()
    service = serve(gate)
    begun = [start("test", connection=variable(service.base_url, name)) for name in ("one", "two")]
    variable(service.base_url, "three")
    for path, more in (
        ("test", {}),
        ("models", {}),
        ("batches", {}),
        ("try", {"model": "m", "kind": "chat", "text": "Hi"}),
    ):
        busy = ask(path, connection="three", **more)
        assert (busy.status, "try again in some seconds" in sentence(busy)) == (429, True)
    gate.open.set()
    assert [finish(*each).data["state"] for each in begun] == ["ok", "ok"]
    assert ask("test", connection="three").data["state"] == "ok"


def test_unexpected_exception_is_a_sentence_without_its_text(
    variable: Variable, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError(canary.TOKEN)

    variable("https://x.example/v1")
    monkeypatch.setattr(actions.check, "run_test", broken)
    monkeypatch.setattr(actions.connections, "list_connections", broken)
    for answer in (ask("test", connection="stored"), ask("connections")):
        assert answer.status == 500
        assert "says nothing about the connection" in sentence(answer)
        assert not canary.shows(sentence(answer))


def test_models(serve: Serve, variable: Variable) -> None:
    service = serve(manner())
    variable(service.base_url, extra={"chat_model": "GPT-OSS-120B"})
    data = ask("models", VIEWER, connection="stored").data
    assert [model["id"] for model in data["models"]] == [model["id"] for model in MODELS["data"]]
    assert [model["default"] for model in data["models"]] == ["chat", None, None, None]
    assert data["price_note"] == "none that the service lists"
    assert [request.path for request in service.requests] == ["/v1/models"]


def test_batches(serve: Serve, variable: Variable) -> None:
    service = serve(
        manner(batches=ServiceResponse(200, {"data": [{"id": "batch-1", "status": "completed"}], "has_more": True}))
    )
    variable(service.base_url)
    data = ask("batches", VIEWER, connection="stored").data
    assert [(batch["id"], batch["status"]) for batch in data["batches"]] == [("batch-1", "completed")]
    assert data["more"] is True
    assert [request.path for request in service.requests] == ["/v1/batches?limit=100"]


@pytest.mark.parametrize(
    ("response", "message"),
    [
        (UNAUTHORIZED, "No batches: "),
        (ServiceResponse(200, {"data": {}}), "something else than a list of batches"),
        (ServiceResponse(404, "<title>Nothing here</title>"), "No batches: "),
    ],
)
def test_batches_that_cannot_be_listed(
    serve: Serve, variable: Variable, response: ServiceResponse, message: str
) -> None:
    variable(serve(manner(batches=response)).base_url)
    answer = ask("batches", connection="stored")
    assert answer.status == 502
    assert message in sentence(answer)
    assert not canary.shows(sentence(answer))


def test_batches_need_a_token(serve: Serve, variable: Variable) -> None:
    service = serve(manner())
    variable(service.base_url, password=None, extra={"access": "anonymous"})
    answer = ask("batches", connection="stored")
    assert (answer.status, sentence(answer)) == (422, "Batches need an API token, and the connection has none.")
    assert not service.requests


def test_models_that_cannot_be_listed(serve: Serve, variable: Variable) -> None:
    variable(serve(manner(models=ServiceResponse(200, "<title>Sign in</title>"))).base_url)
    answer = ask("models", connection="stored")
    assert answer.status == 502
    assert sentence(answer).startswith("No models: an HTML page instead of a list of models.")
