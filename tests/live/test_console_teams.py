"""The console page of an Airflow whose connections belong to teams."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from airflow_api import Api
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from local_airflow import LocalAirflow, installed_release

from .console_session import CONNECTION, GIVEN, Browser

pytestmark = [
    pytest.mark.airflow,
    pytest.mark.skipif(installed_release() < (3, 2), reason="Airflow has teams from 3.2 on"),
]

#: A user of each team, with a role that may test and edit connections.
USERS = {"rosa": "op:red_team", "bruno": "op:blue_team"}


@pytest.fixture(scope="module")
def teams(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> Iterator[LocalAirflow]:
    """One connection of the red team, one that is nobody's, and one whose token an environment variable replaces."""
    home = tmp_path_factory.mktemp("teams")
    settings = {
        "AIRFLOW__CORE__MULTI_TEAM": "True",
        "AIRFLOW_CONN__RED_TEAM___REPLACED": sandbox.connection_json,
    }
    with LocalAirflow(home, dags=home / "dags", settings=settings, users=USERS) as airflow:
        airflow.prepare()
        for team in ("red_team", "blue_team"):
            assert airflow.run("teams", "create", team).returncode == 0
        airflow.serve()
        fields = {**sandbox.connection, "extra": "{}"}
        admin = Api(airflow)
        admin.save({"connection_id": CONNECTION, **fields, "team_name": "red_team"})
        admin.save({"connection_id": "replaced", **fields, "team_name": "red_team", "password": "wrong"})
        admin.save({"connection_id": "everybodys", **fields})
        yield airflow


def test_each_team_sees_what_it_may_read(teams: LocalAirflow) -> None:
    def list_sources(user: str) -> dict[str, str]:
        status, text = Browser(teams, user).use("GET", "/api/connections")
        assert status == 200
        return {each["id"]: each["source"] for each in json.loads(text)["connections"]}

    database, variable = "metadata database", "environment variable"
    assert list_sources("rosa") == {CONNECTION: database, "everybodys": database, "replaced": variable}
    assert list_sources("bruno") == {"everybodys": database}


def test_a_team_tests_its_own_connection(teams: LocalAirflow) -> None:
    status, text = Browser(teams, "rosa").use("POST", "/api/test")
    assert (status, json.loads(text)["state"]) == (200, "ok")


def test_the_variable_of_a_team_is_in_force(teams: LocalAirflow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(GIVEN, "/api/test", {"connection": "replaced"})
    status, text = Browser(teams, "rosa").use("POST", "/api/test")
    assert (status, json.loads(text)["state"]) == (200, "ok")


@pytest.mark.parametrize(
    "path", ["/api/connection", "/api/dag", "/api/test", "/api/models", "/api/batches", "/api/try"]
)
def test_another_team_is_refused(teams: LocalAirflow, sandbox: Sandbox, path: str) -> None:
    before = len(sandbox.requests)
    status, text = Browser(teams, "bruno").use("GET" if path in {"/api/connection", "/api/dag"} else "POST", path)
    assert (status, "You may not read" in text) == (403, True)
    assert len(sandbox.requests) == before
