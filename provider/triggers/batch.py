"""
The trigger that waits for batches.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any
from weakref import WeakKeyDictionary

from ..client.batches.batch_poller import BatchPoller
from ..client.batches.batches_api import describe
from ..client.settings import ClientSettings
from ..compat import BaseTrigger, TriggerEvent
from ..errors import AIEndpointsError
from .connections import client_settings
from .task_state import FINAL, read_state

#: One poller for each event loop and connection.
_watches: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[ClientSettings, BatchPoller]] = WeakKeyDictionary()

#: Tasks in progress: an event loop only holds weak references to its tasks.
_cancelling: set[asyncio.Task[None]] = set()


class OVHCloudAIEndpointsBatchTrigger(BaseTrigger):
    """
    Fires when batches have finished, with any final status, or can't be read.

    It holds only ids. The triggerer reads the connection.

    Not safe to use from several threads: it is at home on one event loop, the triggerer's.

    :param batch_ids: ids of the batches
    :param ovh_conn_id: Airflow connection
    :param poll_interval: seconds between the first two requests for a status; triggers of one connection share requests
    :param cancel_on_kill: whether to cancel the batches if a user marks the task, so that it no longer waits for them
    """

    def __init__(
        self, batch_ids: list[str], ovh_conn_id: str, poll_interval: float = 60.0, cancel_on_kill: bool = False
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's own has no types
        self.batch_ids = batch_ids
        self.ovh_conn_id = ovh_conn_id
        self.poll_interval = poll_interval
        self.cancel_on_kill = cancel_on_kill

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """
        Return what Airflow needs to create the trigger again.

        :return: the class path, and its arguments
        """
        name = "apache_airflow_provider_ovhcloud_ai.triggers.batch.OVHCloudAIEndpointsBatchTrigger"
        fields = ("batch_ids", "ovh_conn_id", "poll_interval", "cancel_on_kill")
        return name, {field: getattr(self, field) for field in fields}

    async def run(self) -> AsyncGenerator[TriggerEvent, None]:
        """
        Wait, and log the progress of the batches.

        :return: one event: ``batch_ids``, and ``error``, a message if the batches can't be read, else None
        """
        error: str | None = None
        try:
            await self._follow()
        except AIEndpointsError as failure:
            error = str(failure)
        except asyncio.CancelledError:
            # Before 3.3, Airflow doesn't call ``on_kill``: this is the only sign that it ends the trigger.
            if not hasattr(BaseTrigger, "on_kill"):
                await self.on_kill()
            raise
        yield TriggerEvent({"batch_ids": self.batch_ids, "error": error})  # type: ignore[no-untyped-call]  # likewise

    async def on_kill(self) -> None:
        """
        Cancel the batches if a user has marked the task.

        If the task was cleared, its next try decides. If the triggerer restarts, its tasks stay deferred.
        """
        if self.cancel_on_kill:
            # A triggerer cancels its trigger each second until it has ended, and everything that the trigger awaits. So
            # a task of its own cancels the batches.
            task = asyncio.get_running_loop().create_task(self._cancel_if_over())
            _cancelling.add(task)
            task.add_done_callback(_cancelling.discard)
            await asyncio.shield(task)

    async def _cancel_if_over(self) -> None:
        if await read_state(self.task_instance) not in FINAL:
            return
        watch = await self._watch()
        for batch_id in self.batch_ids:
            try:
                await watch.cancel(batch_id)
                self.log.info("AI Endpoints batch %s is cancelled, as its task was ended.", batch_id)
            except AIEndpointsError as failure:
                self.log.warning("The batch %s could not be cancelled: %s", batch_id, failure)

    async def _follow(self) -> None:
        watch = await self._watch()
        async with aclosing(watch.poll(self.batch_ids, self.poll_interval)) as looks:
            async for batch in looks:
                self.log.info(describe(batch))

    async def _watch(self) -> BatchPoller:
        # Only a triggerer sets the task instance.
        dag_id = getattr(getattr(self, "task_instance", None), "dag_id", "")
        settings = await client_settings(self.ovh_conn_id, dag_id)
        watches = _watches.setdefault(asyncio.get_running_loop(), {})
        if settings not in watches:
            watches[settings] = BatchPoller(settings)
        return watches[settings]
