"""
The state of a trigger's task, also where Airflow doesn't say it.
"""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from apache_airflow_provider_ovhcloud_ai.triggers import task_state
from apache_airflow_provider_ovhcloud_ai.triggers.task_state import read_state
from asgiref.sync import async_to_sync

pytestmark = pytest.mark.airflow


def test_state_is_unknown_if_airflow_returns_none() -> None:
    """As where a triggerer shuts down, and nobody is there to answer."""
    assert asyncio.run(read_state(SimpleNamespace(dag_id="d"))) == "unknown"


def test_a_question_that_is_given_up_is_answered_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """A triggerer of Airflow 3 that finds an answer to no question of its own stops."""
    outcomes: list[str] = []
    given_up = asyncio.Event()

    async def answer() -> None:
        try:
            await given_up.wait()
            outcomes.append("answered")
        except asyncio.CancelledError:
            outcomes.append("cancelled")
            raise

    async def live() -> None:
        assert await read_state(None) == "unknown"
        given_up.set()
        while not outcomes:
            await asyncio.sleep(0.01)

    monkeypatch.setattr(task_state, "read_task_state", lambda _: async_to_sync(answer)())
    monkeypatch.setattr(task_state, "TIMEOUT_S", 0.01)
    asyncio.run(live())
    assert outcomes == ["answered"]
