"""
Rows and test results are made of an allow-list of fields, none of which holds more than it should.
"""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.ui.console.views import connection_summary
from apache_airflow_provider_ovhcloud_ai.ui.console.views.connections import DATABASE, ConnectionRecord
from apache_airflow_provider_ovhcloud_ai.ui.console.views.history import Result
from support import canary
from support.console import ADMIN, VIEWER, Visitor

pytestmark = pytest.mark.airflow

AT = "2026-11-23T22:00:00Z"
ROW = {
    "id",
    "source",
    "base_url",
    "custom_host",
    "access",
    "chat_model",
    "embedding_model",
    "problem",
    "may_test",
    "may_edit",
    "last",
}
LAST = {"state", "headline", "step", "at", "by", "milliseconds", "outdated", "last_success"}


def stored(host: str = "https://x.example/v1", password: str = canary.TOKEN, **extra: Any) -> ConnectionRecord:
    fields = {
        "host": host,
        "password": password,
        "extra": json.dumps(extra),
        "login": "user",
        "schema": "",
        "port": None,
    }
    return ConnectionRecord(
        "stored", DATABASE, SimpleNamespace(conn_type="ovh_ai_endpoints", conn_id="stored", **fields)
    )


def row(connection: ConnectionRecord, visitor: Visitor = ADMIN, last: Result | None = None) -> dict[str, Any]:
    summary = connection_summary.row(connection, visitor, last)
    assert set(summary) == ROW
    assert not canary.shows(json.dumps(summary))
    return summary


def test_row() -> None:
    assert row(stored(chat_model="gpt-oss-120b", embedding_model="bge-m3"), VIEWER) == {
        "id": "stored",
        "source": DATABASE,
        "base_url": "https://x.example/v1",
        "custom_host": True,
        "access": "token",
        "chat_model": "gpt-oss-120b",
        "embedding_model": "bge-m3",
        "problem": "",
        "may_test": False,
        "may_edit": False,
        "last": None,
    }


def test_blank_host_is_ovhcloud_itself() -> None:
    summary = row(stored(""))
    assert (summary["base_url"], summary["custom_host"]) == ("https://oai.endpoints.kepler.ai.cloud.ovh.net/v1", False)


def test_access_without_a_token() -> None:
    assert row(stored(password=""))["problem"] == "It has no API token."
    anonymous = row(stored(access="anonymous"))
    assert (anonymous["access"], anonymous["problem"]) == ("anonymous", "")


@pytest.mark.parametrize(
    ("connection", "problem"),
    [
        (stored(f"https://user:{canary.TOKEN}@x.example"), "must hold no user or password"),
        (stored("http://x.example"), "would send the token unencrypted"),
        (stored(password=canary.TOKEN + "\n" + canary.TOKEN), "The API token holds a line break"),
        (stored(access=canary.TOKEN), "must be token or anonymous"),
        (stored(chat_model=["x"]), "must be a text"),
        (stored(max_retries="many"), "must be a"),
    ],
)
def test_settings_that_cannot_work_are_a_sentence(connection: ConnectionRecord, problem: str) -> None:
    summary = connection_summary.row(connection, ADMIN, None)
    assert problem in summary["problem"]
    assert (summary["base_url"], summary["access"], summary["custom_host"]) == ("", "", False)


def test_last_result() -> None:
    connection = stored()
    last = Result("stored", "ok", "token accepted", "", 12, connection.fingerprint(), AT, AT, "ann")
    summary = row(connection, ADMIN, last)["last"]
    assert set(summary) == LAST
    assert (summary["outdated"], summary["by"], summary["milliseconds"]) == (False, "ann", 12)
    assert row(stored(password="another"), ADMIN, last)["last"]["outdated"] is True
