"""
The report of a connection test is made of an allow-list of fields, none of which holds more than it should.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.connection import check
from apache_airflow_provider_ovhcloud_ai.connection.check_report import Report
from apache_airflow_provider_ovhcloud_ai.connection.settings import ConnectionSettings
from apache_airflow_provider_ovhcloud_ai.errors import ConfigurationError
from apache_airflow_provider_ovhcloud_ai.ui.console.views import report
from support import canary
from support.console import ORIGIN
from support.proxy import PASSWORD, Proxy
from support.services import Service, ServiceResponse, manner, settings_for

pytestmark = pytest.mark.airflow

AT = "2026-11-23T22:00:00Z"

TESTED = {
    "state",
    "message",
    "access",
    "limits",
    "milliseconds",
    "wait",
    "ran",
    "steps",
    "next",
    "diagnosis",
    "curl",
}

STEP = {"state", "headline", "detail", "owner", "name", "milliseconds", "wait"}


def as_data(settings: ConnectionSettings | None, test_report: Report) -> dict[str, Any]:
    data = report.as_data(test_report, settings, "stored", ORIGIN, AT)
    assert set(data) == TESTED
    assert all(set(step) == STEP for step in data["steps"])
    assert not canary.shows(json.dumps(data, allow_nan=False))
    return data


def run(base_url: str, **fields: Any) -> dict[str, Any]:
    settings = settings_for(base_url, canary.TOKEN, **fields)
    return as_data(settings, check.run_test(settings, 5.0))


def test_diagnosis_for_a_ticket(serve: Callable[..., Service]) -> None:
    service = serve(manner(chat=ServiceResponse(401, {"error": {"message": "Invalid API Key"}})))
    lines = run(service.base_url)["diagnosis"].splitlines()
    assert lines[0] == "Connection   stored"
    assert f"Base URL     {service.base_url}" in lines
    assert f"Tested       {AT} from the API server on af-1, without a proxy" in lines
    assert f"Versions     {ORIGIN.versions}" in lines
    assert "Verdict      failed: token refused (401 Unauthorized)" in lines
    assert [line[:9].strip() for line in lines if line[10:18].strip().endswith("ms")] == ["ok"] * 4 + ["failed"]
    assert any("Invalid API Key" in line for line in lines)
    assert lines[-1].split() == ["not", "run", "Default", "models"]


def test_curl_runs_as_it_is() -> None:
    settings = settings_for("https://x.example/a'b;$(id)`id`", canary.TOKEN)
    words = shlex.split(as_data(settings, check.invalid_settings(ConfigurationError("no")))["curl"])
    assert words[-1] == "https://x.example/a'b;$(id)`id`/models"
    assert words[words.index("-H") + 1] == "Authorization: Bearer $OVH_AI_ENDPOINTS_ACCESS_TOKEN"
    anonymous = settings_for("https://x.example", None, access="anonymous")
    assert "Authorization" not in report._curl(anonymous)


def test_settings_that_could_not_be_read() -> None:
    data = as_data(None, check.invalid_settings(ConfigurationError("Port must be a number.")))
    assert (data["state"], data["message"], data["curl"]) == ("failed", "the settings cannot work", "")
    assert [step["state"] for step in data["steps"]] == ["failed"] + ["not run"] * 5
    assert data["steps"][0]["detail"] == "Port must be a number."


def test_proxy_is_named_without_its_password(serve: Callable[..., Service]) -> None:
    service = serve(manner())
    with Proxy({"af.internal": service.server_port}) as proxy:
        settings = settings_for(f"http://af.internal:{service.server_port}/v1", canary.TOKEN, proxy=proxy.url())
        data = as_data(settings, check.run_test(settings, 5.0))
    assert data["state"] == "ok"
    assert data["ran"] == f"from the API server on af-1, through the proxy 127.0.0.1:{proxy.port}"
    assert data["steps"][1]["headline"] == "proxy reached"
    assert PASSWORD not in json.dumps(data)


def test_steps_have_times_of_their_own(serve: Callable[..., Service]) -> None:
    data = run(serve(manner()).base_url)
    assert data["milliseconds"] == sum(step["milliseconds"] for step in data["steps"])
    assert [step["headline"] for step in data["steps"][:4]] == [
        "settings read",
        "connected",
        "plain HTTP, nothing is encrypted",
        "4 models",
    ]
