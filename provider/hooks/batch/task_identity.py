"""
The task that batches belong to: by what its tries know each other's batches, whatever ended the one before.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Mapping
from typing import Any

log = logging.getLogger(__name__)

#: The metadata of a batch that names its task: a hash of the task's run, and after a dot how many tries there had been
#: when somebody last cleared it. What else the metadata holds is for people.
IDENTITY = "airflow_task"

#: Characters of a value in a batch's metadata. Source: OpenAI API reference, Batch, 2026-05.
METADATA_LENGTH = 512

#: Seconds by which the clocks of Airflow and the service may differ, and that the longest completion window takes.
CLOCK_SKEW_S, MAX_WINDOW_S = 3_600.0, 72 * 3_600.0

#: The key in the task state store of Airflow 3.3, which keeps values from one try to the next.
STORE_KEY = "ovh_ai_endpoints_batches"


class BatchTask:
    """
    One run of a task, as all its tries name it.

    :param context: the task's context
    :param retries: of the operator
    :param always: whether batches from before a clear are the task's own as well
    """

    def __init__(self, context: Mapping[str, Any], retries: int, always: bool = False) -> None:
        ti = context["ti"]
        names = ("dag_id", "run_id", "task_id", "map_index")
        self._names = {f"airflow_{name}": str(getattr(ti, name)) for name in names}
        digest = hashlib.sha256(json.dumps([getattr(ti, name) for name in names]).encode()).hexdigest()
        self._hash = digest[:32]
        # A clear raises the number of tries by those of the task: what is above is how many there were before. It is
        # below where somebody has raised ``retries`` in the DAG since the run began.
        self._cleared = max(0, ti.max_tries - retries)
        self._always = always
        self._began = getattr(context.get("dag_run"), "start_date", None)
        self._store = context.get("task_state_store")

    @property
    def identity(self) -> str:
        """
        What the task's batches carry.
        """
        return f"{self._hash}.{self._cleared}"

    @property
    def metadata(self) -> dict[str, str]:
        """
        The metadata of a batch of this task: its identity, and the names by which people know it.
        """
        return {IDENTITY: self.identity, **{name: value[:METADATA_LENGTH] for name, value in self._names.items()}}

    @property
    def since(self) -> float:
        """
        Seconds since 1970 before which no batch matters: none was made before the run began, and what was under way
        when somebody cleared the task is not older than the longest window.
        """
        if self._always or self._began is None:
            return 0.0
        began: float = self._began.timestamp()
        return (min(began, time.time() - MAX_WINDOW_S) if self._cleared else began) - CLOCK_SKEW_S

    def owns(self, batch: Mapping[str, Any]) -> bool:
        """
        Tell whether a batch is this task's.

        :param batch: as the service describes it
        :return: True for those of all tries since the last clear, or of all tries whatsoever
        """
        return self._is_ours(batch) if self._always else _identity(batch) == self.identity

    def predates_clear(self, batch: Mapping[str, Any]) -> bool:
        """
        Tell whether a batch is from before a clear, so that nobody waits for it any more.

        :param batch: as the service describes it
        :return: True for those of this task that it does not own
        """
        return self._is_ours(batch) and not self.owns(batch)

    def _is_ours(self, batch: Mapping[str, Any]) -> bool:
        return _identity(batch).partition(".")[0] == self._hash

    def recall(self) -> list[str] | None:
        """
        Read from the task state store which batches there are.

        :return: their ids, the earliest first; None where that is not known, or not for certain
        """
        try:
            kept = self._store.get(STORE_KEY) if self._store is not None else None
        except Exception as error:  # noqa: BLE001  (the store may be anything; a list of batches tells the same)
            log.warning("The task state store cannot be read: %s", type(error).__name__)
            return None
        if not isinstance(kept, dict) or not kept.get("all_started"):
            return None
        ids = kept.get("batch_ids")
        return ids if isinstance(ids, list) and kept.get(IDENTITY) == self.identity else None

    def remember(self, ids: list[str], *, all_started: bool) -> None:
        """
        Write into the task state store which batches there are.

        :param ids: the earliest first
        :param all_started: False if there may be one more, whose start nobody has confirmed yet
        """
        if self._store is None:
            return
        try:
            self._store.set(STORE_KEY, {IDENTITY: self.identity, "batch_ids": ids, "all_started": all_started})
        except Exception as error:  # noqa: BLE001  (as above)
            log.warning("The task state store cannot be written: %s", type(error).__name__)


def _identity(batch: Mapping[str, Any]) -> str:
    metadata = batch.get("metadata")
    found = metadata.get(IDENTITY) if isinstance(metadata, Mapping) else None
    return found if isinstance(found, str) else ""
