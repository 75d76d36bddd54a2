"""
The actions behind the page's API, independent of FastAPI and Flask.

An action checks the user's permissions and the parameters. If it needs a request to a service, it returns a
:class:`Job`, which runs in the work pool.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ...connection import check
from ...connection.check_report import Report
from ...connection.settings import ConnectionSettings
from ...defaults import TEST_TIMEOUT_S
from ...errors import ConfigurationError
from .views import (
    batches,
    catalogue,
    connection_summary,
    connections,
    dag_code,
    history,
    models,
    playground,
    report,
)
from .views.connections import ConnectionRecord
from .web.user import ConsoleUser, HTTPError, Method


@dataclass(frozen=True)
class Call:
    """
    An authenticated request.

    :param user: the user who sent it
    :param params: fields of the query or the body; all of them are in the route's ``fields``
    :param origin: the process that handles it
    :param create_url: address of the page that creates connections in this Airflow
    """

    user: ConsoleUser
    params: Mapping[str, Any]
    origin: report.Origin
    create_url: str


@dataclass(frozen=True)
class Job:
    """
    A task that sends requests to a service.

    :param key: identity of the job: a second job with the key of a running one joins it
    :param run: does the work, within ten seconds
    :param finish: adds the fields that depend on the user
    """

    key: Hashable
    run: Callable[[], dict[str, Any]]
    finish: Callable[[dict[str, Any]], dict[str, Any]] = field(default=lambda data: data)


@dataclass(frozen=True)
class File:
    """
    A file to download.
    """

    name: str
    text: str


def overview(call: Call) -> dict[str, Any]:
    """
    List the connections with the last test result of each. Sends no request to any service.
    """
    may_read = call.user.may("GET")
    last = history.latest() if may_read else {}
    stored = connections.list_connections(call.user) if may_read else []
    return {
        **_about(call),
        "may_read": may_read,
        "may_create": call.user.may("POST"),
        "create_url": call.create_url,
        "message": _NOT_LISTED if may_read else _NOT_READ,
        "connections": [connection_summary.row(each, call.user, last.get(each.conn_id)) for each in stored],
    }


def connection(call: Call) -> dict[str, Any]:
    """
    Show one connection with its last test result. Sends no request except to a secrets backend that may hold it.
    """
    stored = connections.get_connection(call.params.get("id"), call.user)
    return {**_about(call), "connection": _row(stored, call)}


def test(call: Call) -> Job:
    """
    Test a connection as it is stored.
    """
    stored = connections.get_connection(call.params.get("connection"), call.user)
    _must(call, "POST", stored, "test")
    switch = _test_switch()
    if not switch["enabled"]:
        raise HTTPError(403, switch["message"])
    mark = stored.fingerprint()
    return Job(
        ("test", stored.conn_id, mark),
        lambda: _run_test(stored, mark, call),
        lambda data: {"connection": _row(stored, call), **data},
    )


def list_models(call: Call) -> Job:
    """
    List the models of a connection, with prices.
    """
    stored = connections.get_connection(call.params.get("connection"), call.user)
    return Job(("models", stored.conn_id, stored.fingerprint()), lambda: _models(stored))


def list_batches(call: Call) -> Job:
    """
    List the latest batches of a connection.
    """
    stored = connections.get_connection(call.params.get("connection"), call.user)
    return Job(("batches", stored.conn_id, stored.fingerprint()), lambda: _batches(stored))


def copy_dag(call: Call) -> File:
    """
    Write a DAG for a model and a connection.
    """
    stored = connections.get_connection(call.params.get("id"), call.user)
    model, kind = call.params.get("model", ""), call.params.get("kind", "")
    if kind not in dag_code.KINDS:
        raise HTTPError(422, f"There is an operator for these alone: {', '.join(dag_code.KINDS)}.")
    if not dag_code.is_safe_literal(model) or not dag_code.is_safe_literal(stored.conn_id):
        raise HTTPError(422, "This id holds characters that no code should carry: write the DAG by hand.")
    return File(dag_code.file_name(model), dag_code.dag(kind, model, stored.conn_id))


def try_it(call: Call) -> playground.Trial:
    """
    Send one prompt, or one text to embed, to a model; billed.
    """
    stored = connections.get_connection(call.params.get("connection"), call.user)
    _must(call, "PUT", stored, "try")
    return playground.prepare_trial(stored, call.params)


_NOT_READ = "You may not read connections: ask an admin for the permission."
_NOT_LISTED = (
    "Connections in environment variables and secrets backends cannot be listed: open one by its id, as a task does."
)
_HOW_TO_ENABLE = (
    "Testing connections is {state} in this Airflow. An admin turns it on with [core] test_connection = Enabled "
    "(AIRFLOW__CORE__TEST_CONNECTION=Enabled) on this server, and restarts it."
)


def _about(call: Call) -> dict[str, Any]:
    return {"now": _now(), "user": call.user.name, "test": _test_switch()}


def _test_switch() -> dict[str, Any]:
    from airflow.configuration import conf

    state = conf.get("core", "test_connection", fallback="Disabled").strip().lower()
    enabled = state == "enabled"
    return {"enabled": enabled, "message": "" if enabled else _HOW_TO_ENABLE.format(state=state)}


def _must(call: Call, method: Method, stored: ConnectionRecord, verb: str) -> None:
    if not call.user.may(method, stored.conn_id):
        raise HTTPError(403, f"You may read the connection {stored.conn_id!r}, but not {verb} it: ask an admin.")


def _row(stored: ConnectionRecord, call: Call) -> dict[str, Any]:
    return connection_summary.row(stored, call.user, history.latest().get(stored.conn_id))


def _run_test(stored: ConnectionRecord, mark: str, call: Call) -> dict[str, Any]:
    at = _now()
    settings: ConnectionSettings | None = None
    try:
        settings = stored.settings()
        test_report = check.run_test(settings)
    except ConfigurationError as error:
        test_report = check.invalid_settings(error)
    _keep(test_report, stored, mark, call.user.name, at)
    return report.as_data(test_report, settings, stored.conn_id, call.origin, at)


def _keep(test_report: Report, stored: ConnectionRecord, mark: str, by: str, at: str) -> None:
    before = history.latest().get(stored.conn_id)
    failure = test_report.first_failure
    history.keep(
        history.Result(
            connection=stored.conn_id,
            state=test_report.state,
            headline=test_report.headline,
            step=failure.name if failure else "",
            milliseconds=test_report.milliseconds,
            fingerprint=mark,
            last_success=at if test_report.ok else before.last_success if before else None,
            at=at,
            by=by,
        )
    )


def _models(stored: ConnectionRecord) -> dict[str, Any]:
    try:
        settings = stored.settings()
    except ConfigurationError as error:
        raise HTTPError(422, str(error)) from None
    in_catalogue = models.is_ovhcloud(settings)
    # Ten seconds in all: the catalogue takes some of them.
    seconds = TEST_TIMEOUT_S - (catalogue.TIMEOUT_S if in_catalogue else 0)
    test_report, model_list = check.run_model_list(settings, seconds)
    if model_list is None:
        step = test_report.first_failure
        raise HTTPError(502, f"No models: {step.headline}. {step.detail}" if step else "No models were listed.")
    rows = models.rows(model_list, settings, catalogue.read_catalogue() if in_catalogue else {})
    at = _now()
    return {
        "milliseconds": test_report.milliseconds,
        "at": at,
        "price_note": models.price_note(rows, at[:10]),
        "models": rows,
    }


def _batches(stored: ConnectionRecord) -> dict[str, Any]:
    try:
        settings = stored.settings()
    except ConfigurationError as error:
        raise HTTPError(422, str(error)) from None
    return {"at": _now(), **batches.list_batches(settings)}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


@dataclass(frozen=True)
class Route:
    """
    An address of the page.

    :param method: ``GET``, which changes nothing, or ``POST``
    :param path: below the page's own address
    :param action: handles the request
    :param fields: names of the parameters; a request with any other is refused
    :param needs: the permission, as in the documentation's table
    """

    method: str
    path: str
    action: Callable[[Call], Any]
    fields: frozenset[str]
    needs: str


ROUTES = (
    Route("GET", "/api/connections", overview, frozenset(), "page; rows that may be read"),
    Route("GET", "/api/connection", connection, frozenset({"id"}), "read"),
    Route("GET", "/api/dag", copy_dag, frozenset({"id", "model", "kind"}), "read"),
    Route("POST", "/api/test", test, frozenset({"connection"}), "read and create"),
    Route("POST", "/api/models", list_models, frozenset({"connection"}), "read"),
    Route("POST", "/api/batches", list_batches, frozenset({"connection"}), "read"),
    Route("POST", "/api/try", try_it, playground.FIELDS, "read and edit"),
)

#: Addresses that show the page itself.
PAGES = ("/", "/connection")
