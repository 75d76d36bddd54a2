"""
What has become of the task that a trigger waits for.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from ..compat import airflow_version

log = logging.getLogger(__name__)

#: States that a task does not leave by itself. A task that is deferred comes there only where somebody marks it, or its
#: run: one that is cleared, tried again or moved to another triggerer never does.
FINAL = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})

#: Seconds that the question may take: where a triggerer shuts down, nobody may be there to answer.
PATIENCE = 10.0


async def state_of(task_instance: Any) -> str | None:
    """
    Ask Airflow for the state of a task instance.

    :param task_instance: as the triggerer gives it to its triggers
    :return: the state; ``removed`` where it is gone, ``unknown`` where nobody answers, None for one that is cleared
    """
    from asgiref.sync import sync_to_async

    ask = _in_database if airflow_version().startswith("2.") else _over_api
    try:
        return await asyncio.wait_for(sync_to_async(ask)(task_instance), PATIENCE)
    except Exception as error:  # noqa: BLE001  (the way there differs by release, and so does what fails on it)
        log.warning("Airflow does not tell the state of the task: %s", type(error).__name__)
        return "unknown"


def _in_database(ti: Any) -> str | None:
    from airflow.models import TaskInstance
    from airflow.utils.session import create_session
    from sqlalchemy import select

    names = ("dag_id", "run_id", "task_id", "map_index")
    query = select(TaskInstance.state).where(*(getattr(TaskInstance, name) == getattr(ti, name) for name in names))
    with create_session() as session:
        found = session.execute(query).all()
    return found[0][0] if found else "removed"


def _over_api(ti: Any) -> str | None:
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    states: dict[str, dict[str, str | None]] = RuntimeTaskInstance.get_task_states(
        dag_id=ti.dag_id, task_ids=[ti.task_id], run_ids=[ti.run_id], map_index=ti.map_index
    )
    found = states.get(ti.run_id) or {}
    return next(iter(found.values())) if found else "removed"
