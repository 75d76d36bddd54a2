"""
What has become of the task that a trigger waits for.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from ..compat import read_task_state

log = logging.getLogger(__name__)

#: States that a task does not leave by itself. A task that is deferred comes there only where somebody marks it, or its
#: run: one that is cleared, tried again or moved to another triggerer never does.
FINAL = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})

#: Seconds that the question may take: where a triggerer shuts down, nobody may be there to answer.
TIMEOUT_S = 10.0


async def read_state(task_instance: Any) -> str | None:
    """
    Ask Airflow for the state of a task instance.

    :param task_instance: as the triggerer gives it to its triggers
    :return: the state; ``removed`` where it is gone, ``unknown`` where nobody answers, None for one that is cleared
    """
    from asgiref.sync import sync_to_async

    question = asyncio.ensure_future(sync_to_async(read_task_state)(task_instance))
    try:
        # One that is given up is not cancelled: its answer would be read as that to the triggerer's own next question.
        return await asyncio.wait_for(asyncio.shield(question), TIMEOUT_S)
    except Exception as error:  # noqa: BLE001  (the way there differs by release, and so does what fails on it)
        log.warning("Airflow does not tell the state of the task: %s", type(error).__name__)
        return "unknown"
