"""
The task that writes a folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...compat import read_task_instance
from ...rows.run_file import LEASE_S, Owner


def read_owner(context: Mapping[str, Any], lease_s: float = LEASE_S) -> Owner | None:
    """
    Read the owner of a folder from a task's context.

    :param context: the task's context
    :param lease_s: seconds that the task may take without writing
    :return: the owner; None if a unit test gives no task instance
    """
    ti = read_task_instance(context)
    if ti is None:
        return None
    identity = {name: getattr(ti, name) for name in ("dag_id", "run_id", "task_id", "map_index")}
    return Owner(identity, lease_s, is_last_try=ti.try_number > ti.max_tries)


def read_current_owner() -> Owner | None:
    """
    Read the owner from the context of the task that runs now.

    :return: the owner; None outside a task
    """
    try:
        # At its use: on 2.11 it brings the branching operators along.
        from ...compat import get_current_context

        context = get_current_context()
    except Exception:  # noqa: BLE001  (releases differ in what they raise outside a task)
        return None
    return read_owner(context)
