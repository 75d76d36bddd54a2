"""Whatever Airflow does with a connection and a DAG over it: what it keeps and logs holds no token."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from local_airflow import LocalAirflow, installed_release
from support import canary, leaks
from support.releases import oldest_and_newest
from support.scripted_server import Server

from .console_session import GIVEN, Browser
from .rest import ENDED, Rest, eventually

pytestmark = [pytest.mark.airflow, oldest_and_newest]

CONNECTIONS = ("canary", "canary_extra", "canary_refused")


@pytest.fixture(scope="module")
def stored(scheduled: Rest, bulk_folder: Path) -> Iterator[Rest]:
    """The connections of the DAG, in the database, and what its tasks read."""
    leaks.prepare(bulk_folder / "leaks")
    # As quick as a deferred task bears.
    with Sandbox(token=canary.TOKEN, batch_seconds=12) as sandbox, Server(leaks.echo) as refusing:
        for conn_id, fields in leaks.connections(sandbox.base_url, refusing.base_url).items():
            scheduled.save({"connection_id": conn_id, **fields})
        yield scheduled
        for conn_id in CONNECTIONS:
            scheduled.forget(conn_id)


@pytest.fixture(scope="module")
def run(airflow: LocalAirflow, stored: Rest) -> Iterator[str]:
    airflow.start("triggerer")
    started = stored.run("leaks")
    yield started
    airflow.end("triggerer")


@pytest.fixture(scope="module")
def responses(airflow: LocalAirflow, stored: Rest, run: str) -> dict[str, str]:
    """While the run is under way: all that says something about the connections."""
    return {**_command_line(airflow), **_tests(stored), **_console(airflow), **_on_worker(stored)}


@pytest.fixture(scope="module")
def states(stored: Rest, run: str, responses: dict[str, str]) -> dict[str, str]:
    path = f"{stored.root}/dags/leaks/dagRuns/{run}"
    # SQLite may be busy with the tasks meanwhile.
    eventually(
        lambda: stored.ask("GET", path), lambda response: response.status == 200 and response.body["state"] in ENDED
    )
    assert stored.state("leaks", run) == "failed"
    tasks = stored.get(f"/dags/leaks/dagRuns/{run}/taskInstances")["task_instances"]
    return {each["task_id"]: each["state"] for each in tasks}


def _command_line(airflow: LocalAirflow) -> dict[str, str]:
    """One that is refused says why; each start of Airflow's command line takes seconds."""
    done = airflow.run("connections", "test", "canary_refused")
    assert "refused" in done.stdout
    return {"connections test": done.stdout + done.stderr}


def _tests(rest: Rest) -> dict[str, str]:
    texts = {}
    for conn_id in CONNECTIONS:
        fields = rest.get(f"/connections/{conn_id}")
        texts[f"{conn_id} read"] = json.dumps(fields)
        body = {name: fields.get(name) for name in ("connection_id", "conn_type", "host", "port", "extra")}
        for password in ("***", canary.TOKEN):
            answer = rest.post("/connections/test", body | {"password": password})
            assert answer.status == 200, answer
            texts[f"{conn_id} tested with {password[:3]}"] = answer.body["message"]
    return texts


def _on_worker(rest: Rest) -> dict[str, str]:
    if installed_release() < (3, 3):
        return {}
    fields = rest.get("/connections/canary_refused")
    body = {name: fields[name] for name in ("connection_id", "conn_type", "host", "extra")}
    # SQLite may be locked for a moment.
    queued = eventually(
        lambda: rest.post("/connections/enqueue-test", body | {"password": canary.TOKEN}),
        lambda answer: answer.status < 500,
        60,
    )
    headers = {"Airflow-Connection-Test-Token": queued.body["token"]}
    ended = eventually(
        lambda: rest.ask("GET", f"{rest.root}/connections/enqueue-test", **headers).body,
        lambda body: body["state"] in {"success", "failed"},
    )
    assert "refused" in ended["result_message"]
    return {"test of a worker": json.dumps(ended)}


def _console(airflow: LocalAirflow) -> dict[str, str]:
    """All addresses of the page, for each connection."""
    admin, texts = Browser(airflow, "admin"), {}
    for path, params in GIVEN.items():
        method = "GET" if path in {"/api/connections", "/api/connection", "/api/dag"} else "POST"
        for conn_id in CONNECTIONS:
            of = {name: conn_id if name in {"id", "connection"} else value for name, value in params.items()}
            texts[f"console {path} {conn_id}"] = admin.use(method, path, of)[1]
    assert "***" in texts["console /api/test canary_refused"]
    return texts


def test_all_tasks_come_to_the_end_that_they_should(states: dict[str, str]) -> None:
    assert states == {task: "failed" if task.endswith("_refused") else "success" for task in states}
    assert len(states) == (7 if installed_release() < (3,) else 19)


def test_no_answer_about_a_connection_holds_its_token(responses: dict[str, str]) -> None:
    assert leaks.holding_token(responses) == {}


def test_no_link_of_a_task_holds_its_token(stored: Rest, run: str, states: dict[str, str]) -> None:
    links = {task: json.dumps(stored.links("leaks", run, task)) for task in ("chat", "chat_refused")}
    assert "canary" in links["chat"]
    assert leaks.holding_token(links) == {}


def test_the_database_holds_the_token_encrypted_and_the_prompt_where_it_must_be(
    airflow: LocalAirflow, states: dict[str, str]
) -> None:
    tables = leaks.tables(airflow.home)
    assert {f"'{conn_id}'" for conn_id in CONNECTIONS if f"'{conn_id}'" in tables["connection"]} == {
        f"'{conn_id}'" for conn_id in CONNECTIONS
    }
    assert leaks.holding_token(tables) == {}
    assert leaks.holding_prompt(tables) == leaks.OF_PROMPTS


def test_no_file_of_this_airflow_holds_the_token_and_no_log_the_prompt(
    airflow: LocalAirflow, bulk_folder: Path, states: dict[str, str]
) -> None:
    logs = leaks.files(airflow.home, "*.log")
    of_tasks = "".join(text for name, text in logs.items() if "leaks" in name)
    assert "AI Endpoints chat: " in of_tasks
    assert "/v1/chat/completions HTTP/1.1" in of_tasks, "at DEBUG, urllib3 says what it asks"
    files = leaks.files(airflow.home) | leaks.files(bulk_folder / "leaks")
    assert any(name.startswith("child") for name in files)
    assert leaks.holding_token(files) == {}
    assert leaks.holding_prompt(logs) == set()
