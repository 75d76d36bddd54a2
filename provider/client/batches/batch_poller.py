"""
Waits for batches on an event loop. All waiters with one connection share one poll of the list of batches.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, TypeAlias

from ...errors import AIEndpointsError
from ..http import http_response
from ..http.async_client import AsyncClient
from ..http.http_request import Request
from ..settings import ClientSettings
from . import batches_api

log = logging.getLogger(__name__)

#: The queue of one waiter: the summary of a batch, or the error that stopped polling.
_Update: TypeAlias = "asyncio.Queue[dict[str, Any] | Exception]"

#: Each poll lengthens the time to the next by this factor, up to a multiple of the interval. A random share of the time
#: is added or removed, so that triggerers don't all poll at once.
BACKOFF_FACTOR, MAX_INTERVALS, JITTER = 1.05, 5.0, 0.1


class BatchPoller:
    """
    Polls the state of batches for all waiters.

    :param settings: base URL, token, timeouts and retries
    """

    def __init__(self, settings: ClientSettings) -> None:
        self._settings = settings
        self._client = AsyncClient(settings)
        self._waiting: dict[str, list[_Update]] = {}
        self._last_summaries: dict[str, dict[str, Any]] = {}
        self._intervals: list[float] = []
        self._task: asyncio.Task[None] | None = None

    async def poll(self, batch_ids: list[str], interval: float) -> AsyncGenerator[dict[str, Any], None]:
        """
        Poll batches until all of them have finished.

        :param batch_ids: ids of the batches
        :param interval: seconds between two polls, at first
        :return: the :func:`.batches_api.summary` of each batch, whenever it changes
        :raises AIEndpointsError: if polling can never succeed
        """
        under_way = set(batch_ids)
        async with self._subscribe(batch_ids, interval) as updates:
            while under_way:
                batch = await updates.get()
                if isinstance(batch, Exception):
                    raise batch
                if batch["status"] in batches_api.FINAL_STATUSES:
                    under_way.discard(batch["id"])
                yield batch

    @contextlib.asynccontextmanager
    async def _subscribe(self, batch_ids: list[str], interval: float) -> AsyncIterator[_Update]:
        updates: _Update = asyncio.Queue()
        for batch_id in batch_ids:
            self._waiting.setdefault(batch_id, []).append(updates)
            self._last_summaries.pop(batch_id, None)
        self._intervals.append(interval)
        try:
            if self._task is None or self._task.done():
                self._task = asyncio.get_running_loop().create_task(self._poll_loop())
            yield updates
        finally:
            self._intervals.remove(interval)
            for batch_id in batch_ids:
                self._waiting[batch_id].remove(updates)
                if not self._waiting[batch_id]:
                    del self._waiting[batch_id]
                    self._last_summaries.pop(batch_id, None)
            if not self._waiting:
                await self._stop()

    async def cancel(self, batch_id: str) -> None:
        """
        Cancel a batch.

        :param batch_id: id of the batch
        :raises AIEndpointsError: if the service refuses
        """
        try:
            await self._call(batches_api.cancel(batch_id))
        finally:
            if not self._waiting:
                await self._close()

    async def _stop(self) -> None:
        task, self._task = self._task, None
        if task is not None and task is not asyncio.current_task():
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            if self._waiting:
                return  # a new waiter has started polling meanwhile
        await self._close()

    async def _close(self) -> None:
        # A waiter that comes while the old client is closing needs a new one: requests of a closed client fail with an
        # error that isn't ours, which would end polling.
        client, self._client = self._client, AsyncClient(self._settings)
        await client.aclose()

    async def _poll_loop(self) -> None:
        factor = 1.0
        while self._waiting:
            try:
                await self._poll_once()
            except Exception as error:  # noqa: BLE001  (those that wait raise it)
                # A batch outlasts an outage of hours; a refused token is final.
                if not (isinstance(error, AIEndpointsError) and error.retryable):
                    self._fail(error)
                    return
                log.warning("The batches could not be looked at: %s", error)
            jitter = 1 + JITTER * (2 * random.random() - 1)  # noqa: S311  (spreads polls, guards nothing)
            await asyncio.sleep(min(self._intervals, default=1.0) * factor * jitter)
            factor = min(factor * BACKOFF_FACTOR, MAX_INTERVALS)

    async def _poll_once(self) -> None:
        missing, pages, pages_without_hit = set(self._waiting), batches_api.BatchPages(), 0
        # A page costs as much as one batch: read as many pages without a match as batches are missing.
        while pages.request and pages_without_hit < len(missing):
            batches = pages.read(await self._call(pages.request))
            ids = {str(each.get("id")) for each in batches}
            pages_without_hit = 0 if ids & missing else pages_without_hit + 1
            missing -= ids
            for batch in batches:
                self._publish(batch)
        for batch_id in missing & set(self._waiting):
            self._publish(await self._call(batches_api.retrieve(batch_id)))

    def _publish(self, batch: dict[str, Any]) -> None:
        summary = batches_api.summary(batch)
        waiting = self._waiting.get(summary["id"])
        if not waiting:
            return
        before, self._last_summaries[summary["id"]] = self._last_summaries.get(summary["id"], summary), summary
        # Waiters know the state from before. Waking two thousand of them, each of which logs a line, would block the
        # loop for a second.
        if summary != before or summary["status"] in batches_api.FINAL_STATUSES:
            for updates in waiting:
                updates.put_nowait(summary)

    def _fail(self, error: Exception) -> None:
        for waiting in self._waiting.values():
            for updates in waiting:
                updates.put_nowait(error)

    async def _call(self, request: Request) -> dict[str, Any]:
        return http_response.parse(await self._client.send(request), request, self._settings)
