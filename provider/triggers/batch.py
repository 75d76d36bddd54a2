"""
The trigger that waits for batches.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any
from weakref import WeakKeyDictionary

from ..client.batch_watch import BatchWatch
from ..client.settings import ClientSettings
from ..compat import BaseHook, BaseTrigger, TriggerEvent
from ..errors import AIEndpointsError
from ..hooks.connection import settings_of

#: One watch for each event loop and connection.
_watches: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[ClientSettings, BatchWatch]] = WeakKeyDictionary()


class OVHCloudAIEndpointsBatchTrigger(BaseTrigger):
    """
    Fires when batches have ended, however they did, or can never be looked at.

    It holds ids alone: the connection is read in the triggerer.

    :param batch_ids: the batches
    :param ovh_conn_id: Airflow connection
    :param poll_interval: seconds between two looks, at first; triggers of one connection share them
    """

    def __init__(self, batch_ids: list[str], ovh_conn_id: str, poll_interval: float = 60.0) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.batch_ids = batch_ids
        self.ovh_conn_id = ovh_conn_id
        self.poll_interval = poll_interval

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """
        Tell what it takes to make it again.

        :return: the class, and its arguments
        """
        name = "apache_airflow_provider_ovhcloud_ai.triggers.batch.OVHCloudAIEndpointsBatchTrigger"
        fields = {"batch_ids": self.batch_ids, "ovh_conn_id": self.ovh_conn_id, "poll_interval": self.poll_interval}
        return name, fields

    async def run(self) -> AsyncGenerator[TriggerEvent, None]:
        """
        Wait.

        :return: one event: ``batch_ids``, and ``error``, a sentence if they can never be looked at, else None
        """
        error: str | None = None
        try:
            watch = await self._watch()
            await watch.ended(self.batch_ids, self.poll_interval)
        except AIEndpointsError as failure:
            error = str(failure)
        yield TriggerEvent({"batch_ids": self.batch_ids, "error": error})  # type: ignore[no-untyped-call]

    async def on_kill(self) -> None:
        """
        Cancel the batches: somebody marked the task, or cleared it. A triggerer that restarts does not call this.
        """
        watch = await self._watch()
        for batch_id in self.batch_ids:
            try:
                await watch.cancel(batch_id)
            except AIEndpointsError as failure:
                self.log.warning("The batch %s could not be cancelled: %s", batch_id, failure)

    async def _watch(self) -> BatchWatch:
        settings = settings_of(await _connection(self.ovh_conn_id)).client
        watches = _watches.setdefault(asyncio.get_running_loop(), {})
        return watches.setdefault(settings, BatchWatch(settings))


async def _connection(conn_id: str) -> Any:
    if hasattr(BaseHook, "aget_connection"):  # 3.1
        return await BaseHook.aget_connection(conn_id)
    from asgiref.sync import sync_to_async

    # What 3.0 sends to its triggerer goes through the loop that asgiref remembers; from any other thread it hangs.
    return await sync_to_async(BaseHook.get_connection)(conn_id)
