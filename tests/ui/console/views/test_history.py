"""
The last result of each connection, as the audit log keeps it.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.ui.console.views import history
from apache_airflow_provider_ovhcloud_ai.ui.console.views.history import EVENT, Result, keep, latest
from support.console import ask
from support.services import UNAUTHORIZED, manner

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("database")]

GREEN = Result("a", "ok", "token accepted", "", 12, "0123456789abcdef", "2026-01-01Z", "2026-01-01Z", "ann")


def log(extra: Any, event: str = EVENT) -> None:
    from airflow.models import Log
    from airflow.utils.session import create_session

    with create_session() as session:
        session.add(Log(event=event, owner="mallory", extra=extra))


def test_what_was_kept_is_read_again() -> None:
    keep(GREEN)
    keep(replace(GREEN, connection="b", last_success=None))
    assert latest() == {"a": GREEN, "b": replace(GREEN, connection="b", last_success=None)}


def test_nothing_was_tested() -> None:
    assert latest() == {}


def test_newest_wins() -> None:
    for headline in ("first", "second", "third"):
        keep(replace(GREEN, headline=headline))
    assert latest()["a"].headline == "third"


def test_audit_log_names_who_tested() -> None:
    from airflow.models import Log
    from airflow.utils.session import create_session
    from sqlalchemy import select

    keep(GREEN)
    with create_session() as session:
        (row,) = session.scalars(select(Log))
        assert (row.event, row.owner) == (EVENT, "ann")
        assert set(json.loads(row.extra)) == set(asdict(GREEN))


@pytest.mark.parametrize(
    "extra",
    [
        pytest.param(None, id="nothing"),
        pytest.param("", id="empty"),
        pytest.param("{", id="no JSON"),
        pytest.param("[" * 100_000, id="deep"),
        pytest.param("[]", id="a list"),
        pytest.param("{}", id="fields are missing"),
        pytest.param(json.dumps(asdict(GREEN) | {"secret": "x"}), id="a field too many"),
        pytest.param(json.dumps(asdict(GREEN) | {"connection": ["a"]}), id="a list as id"),
        pytest.param(json.dumps(asdict(GREEN) | {"connection": None}), id="no id"),
        pytest.param(json.dumps(asdict(GREEN) | {"headline": {"html": "<b>"}}), id="an object as headline"),
        pytest.param(json.dumps(asdict(GREEN) | {"milliseconds": "soon"}), id="a text as number"),
        pytest.param(json.dumps(asdict(GREEN) | {"state": "<img src=x>"}), id="a state that is none"),
        pytest.param(json.dumps(asdict(GREEN) | {"last_success": 5}), id="a number as time"),
    ],
)
def test_row_of_another_form_is_passed_over(extra: Any) -> None:
    keep(GREEN)
    log(extra)
    assert latest() == {"a": GREEN}
    assert ask("connections").status == 200


def test_other_events_are_not_read() -> None:
    log(json.dumps(asdict(GREEN)), event="variable.create")
    assert latest() == {}


def test_so_many_are_looked_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "MAX_ENTRIES", 2)
    keep(replace(GREEN, connection="old"))
    keep(GREEN)
    keep(GREEN)
    assert set(latest()) == {"a"}


def test_last_success_outlives_a_failure(serve: Any, variable: Any) -> None:
    service = serve(manner())
    conn_id = variable(service.base_url)
    green = ask("test", connection=conn_id).data["connection"]["last"]
    assert (green["state"], green["last_success"]) == ("ok", green["at"])
    service.answer = manner(chat=UNAUTHORIZED)
    for _ in range(2):
        red = ask("test", connection=conn_id).data["connection"]["last"]
        assert (red["state"], red["step"], red["last_success"]) == ("failed", "Access", green["at"])


def test_result_is_outdated_once_the_connection_changes(serve: Any, variable: Any) -> None:
    service = serve(manner())
    conn_id = variable(service.base_url)
    assert ask("test", connection=conn_id).data["connection"]["last"]["outdated"] is False
    for changed in ({"password": "another"}, {"extra": {"chat_model": "x"}}, {"login": "x"}):
        variable(service.base_url, **changed)
        assert ask("connection", id=conn_id).data["connection"]["last"]["outdated"] is True
    variable(service.base_url)
    assert ask("connection", id=conn_id).data["connection"]["last"]["outdated"] is False
