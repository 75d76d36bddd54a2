"""
State of the task that a trigger waits for.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from ..compat import read_task_state

log = logging.getLogger(__name__)

#: States that a task doesn't leave by itself. A deferred task reaches them only if a user marks the task or its run. A
#: task that is cleared, retried or moved to another triggerer never does.
FINAL = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})

#: Airflow may not respond while a triggerer shuts down.
TIMEOUT_S = 10.0


async def read_state(task_instance: Any) -> str | None:
    """
    Read the state of a task instance from Airflow.

    :param task_instance: as the triggerer passes it to its triggers
    :return: the state; ``removed`` if it is gone, ``unknown`` if Airflow doesn't respond, None for a cleared task
    """
    from asgiref.sync import sync_to_async

    question = asyncio.ensure_future(sync_to_async(read_task_state)(task_instance))
    try:
        # After a timeout, the request isn't cancelled: its response would answer the triggerer's own next request.
        return await asyncio.wait_for(asyncio.shield(question), TIMEOUT_S)
    except Exception as error:  # noqa: BLE001  (errors differ by Airflow release)
        log.warning("Airflow does not tell the state of the task: %s", type(error).__name__)
        return "unknown"
