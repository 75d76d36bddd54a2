"""The retry policy under a real scheduler: whether a task is tried again, and when, is the service's word."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from local_airflow import LocalAirflow, installed_release

from .rest import ENDED, Rest, eventually

pytestmark = [
    pytest.mark.airflow,
    pytest.mark.skipif(installed_release() < (3, 3), reason="Airflow has retry policies from 3.3 on"),
]

#: What the service asks to wait: chat, and embeddings.
CHAT, EMBEDDINGS = 3, 5


@pytest.fixture(scope="module")
def limited() -> Iterator[Sandbox]:
    """One that refuses the first chat and the first embeddings request, and says how long to wait."""
    with Sandbox() as running:
        running.fail_next(429, headers={"Retry-After": str(CHAT)}, path="/v1/chat/completions")
        running.fail_next(429, headers={"Retry-After": str(EMBEDDINGS)}, path="/v1/embeddings")
        yield running


@pytest.fixture(scope="module")
def policy_run(scheduled: Rest, limited: Sandbox) -> str:
    """A run of all tasks, ended, though an hour is between their tries."""
    with Sandbox() as refusing:
        connections = {
            "policy_limited": limited.connection,
            "policy_refused": {**refusing.connection, "password": "a-token-of-yesterday"},
        }
        for connection_id, fields in connections.items():
            scheduled.save({"connection_id": connection_id, **fields, "extra": json.dumps(fields["extra"])})
        run = scheduled.run("retry_policy")
        assert eventually(lambda: scheduled.state("retry_policy", run), ENDED.__contains__) == "failed"
    return run


def earlier_tries(airflow: LocalAirflow, run: str, task: str) -> list[tuple[Any, ...]]:
    query = """SELECT try_number, retry_delay_override, retry_reason FROM task_instance_history
        WHERE dag_id = 'retry_policy' AND run_id = ? AND task_id = ? ORDER BY try_number"""
    with contextlib.closing(sqlite3.connect(airflow.home / "airflow.db")) as database:
        return database.execute(query, (run, task)).fetchall()


def test_a_refused_token_is_not_tried_again(airflow: LocalAirflow, scheduled: Rest, policy_run: str) -> None:
    task = scheduled.task("retry_policy", policy_run, "refused")
    assert (task["state"], task["try_number"], task["max_tries"]) == ("failed", 1, 3)
    assert earlier_tries(airflow, policy_run, "refused") == []
    (log,) = (airflow.home / "logs" / "dag_id=retry_policy").glob("run_id=*/task_id=refused/attempt=*.log")
    assert "AuthenticationError (403): a retry cannot help." in log.read_text(encoding="utf-8")


@pytest.mark.parametrize(("name", "index", "wait"), [("limited", "", CHAT), ("limited_and_mapped", "/0", EMBEDDINGS)])
def test_a_rate_limit_is_waited_for_as_the_service_asks(
    airflow: LocalAirflow, scheduled: Rest, policy_run: str, name: str, index: str, wait: int
) -> None:
    task = scheduled.task("retry_policy", policy_run, name + index)
    assert (task["state"], task["try_number"]) == ("success", 2)
    reason = f"RateLimitError (429): the service asks to wait {wait} s."
    assert earlier_tries(airflow, policy_run, name) == [(1, wait, reason)]
