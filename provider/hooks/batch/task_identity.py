"""
The identity of a task in the metadata of its batches, by which later tries find them.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from ...compat import read_task_instance

log = logging.getLogger(__name__)

#: Metadata of a batch that identifies its task: a hash of the task's run, a dot, and the number of tries before the
#: last clear. The other metadata is for people.
IDENTITY = "airflow_task"

#: Maximum length of a value in a batch's metadata. Source: OpenAI API reference, Batch, 2026-05.
MAX_METADATA_CHARS = 512

#: Maximum difference between the clocks of Airflow and the service, and the longest completion window, in seconds.
CLOCK_SKEW_S, MAX_WINDOW_S = 3_600.0, 72 * 3_600.0

#: Key in the task state store of Airflow 3.3, which keeps values from one try to the next.
STORE_KEY = "ovh_ai_endpoints_batches"


class BatchTask:
    """
    One run of a task, identified in the same way by all its tries. Without a task instance, as in a unit test, there is
    one try only.

    :param context: the task's context
    :param retries: ``retries`` of the operator
    :param always: whether the task owns batches from before a clear, too
    """

    def __init__(self, context: Mapping[str, Any], retries: int, always: bool = False) -> None:
        ti = read_task_instance(context)
        self._has_tries = ti is not None
        if ti is None:
            log.info("The context has no task instance. No other try of this task can find its batches.")
        names = ("dag_id", "run_id", "task_id", "map_index") if self._has_tries else ()
        self._names = {f"airflow_{name}": str(getattr(ti, name)) for name in names}
        key = [getattr(ti, name) for name in names] or uuid4().hex
        self._hash = hashlib.sha256(json.dumps(key).encode()).hexdigest()[:32]
        # A clear adds the tries so far to max_tries, so the rest above ``retries`` is their number. It is negative if
        # ``retries`` was raised in the DAG since the run began.
        self._cleared = max(0, ti.max_tries - retries) if self._has_tries else 0
        self._always = always
        self._began = getattr(context.get("dag_run"), "start_date", None)
        self._store = context.get("task_state_store")

    @property
    def identity(self) -> str:
        """
        The value of :data:`IDENTITY` in the metadata of this task's batches.
        """
        return f"{self._hash}.{self._cleared}"

    @property
    def metadata(self) -> dict[str, str]:
        """
        The metadata for a batch of this task: its identity, and the ids of DAG, run and task.
        """
        return {IDENTITY: self.identity, **{name: value[:MAX_METADATA_CHARS] for name, value in self._names.items()}}

    @property
    def since(self) -> float:
        """
        The earliest creation time of a relevant batch, in seconds since 1970.

        The task creates batches only after the start of its run. A batch that was running when the task was cleared is
        younger than the longest completion window.
        """
        if self._always or self._began is None:
            return 0.0
        began: float = self._began.timestamp()
        return (min(began, time.time() - MAX_WINDOW_S) if self._cleared else began) - CLOCK_SKEW_S

    def owns(self, batch: Mapping[str, Any]) -> bool:
        """
        Check whether a batch belongs to this task.

        :param batch: batch as the service describes it
        :return: True for batches of the tries since the last clear; with ``always``, of all tries
        """
        return self._is_ours(batch) if self._always else _read_identity(batch) == self.identity

    def predates_clear(self, batch: Mapping[str, Any]) -> bool:
        """
        Check whether a batch is from before a clear, so that it can be cancelled.

        :param batch: batch as the service describes it
        :return: True for batches of this task's run that it doesn't own
        """
        return self._is_ours(batch) and not self.owns(batch)

    def _is_ours(self, batch: Mapping[str, Any]) -> bool:
        return _read_identity(batch).partition(".")[0] == self._hash

    def recall(self) -> list[str] | None:
        """
        Read the ids of the task's batches from the task state store.

        :return: the ids, the earliest first; None if they are unknown or may be incomplete
        """
        if not self._has_tries:
            return []
        try:
            state = self._store.get(STORE_KEY) if self._store is not None else None
        except Exception as error:  # noqa: BLE001  (the store may raise anything; listing the batches gives the same ids)
            log.warning("The task state store cannot be read: %s", type(error).__name__)
            return None
        if not isinstance(state, dict) or not state.get("all_started"):
            return None
        ids = state.get("batch_ids")
        return ids if isinstance(ids, list) and state.get(IDENTITY) == self.identity else None

    def remember(self, ids: list[str], *, all_started: bool) -> None:
        """
        Write the ids of the task's batches to the task state store.

        :param ids: the ids, the earliest first
        :param all_started: False if there may be one more batch, whose start isn't confirmed yet
        """
        if self._store is None:
            return
        try:
            self._store.set(STORE_KEY, {IDENTITY: self.identity, "batch_ids": ids, "all_started": all_started})
        except Exception as error:  # noqa: BLE001  (as above)
            log.warning("The task state store cannot be written: %s", type(error).__name__)


def _read_identity(batch: Mapping[str, Any]) -> str:
    metadata = batch.get("metadata")
    identity = metadata.get(IDENTITY) if isinstance(metadata, Mapping) else None
    return identity if isinstance(identity, str) else ""
