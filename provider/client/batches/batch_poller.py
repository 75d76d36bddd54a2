"""
Waits for batches on an event loop: all that wait with one connection share one list, asked for now and then.
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

#: What one that waits is told: a batch, or why none will ever be looked at.
_Update: TypeAlias = "asyncio.Queue[dict[str, Any] | Exception]"

#: Each look makes the time to the next longer by this factor, up to so many times the interval, and then some percent
#: longer or shorter, so that triggerers do not all look at once.
BACKOFF_FACTOR, MAX_INTERVALS, JITTER = 1.05, 5.0, 0.1


class BatchPoller:
    """
    Looks at batches for all that wait for some.

    :param settings: where, and as whom
    """

    def __init__(self, settings: ClientSettings) -> None:
        self._settings = settings
        self._client = AsyncClient(settings)
        self._waiting: dict[str, list[_Update]] = {}
        self._told: dict[str, dict[str, Any]] = {}
        self._intervals: list[float] = []
        self._task: asyncio.Task[None] | None = None

    async def looks(self, batch_ids: list[str], interval: float) -> AsyncGenerator[dict[str, Any], None]:
        """
        Look at batches until all of them have ended.

        :param batch_ids: the batches
        :param interval: seconds between two looks, at first
        :return: the :func:`.batches.summary` of each batch, when it has got further
        :raises AIEndpointsError: if the service says that no look will ever succeed
        """
        under_way = set(batch_ids)
        async with self._subscribed(batch_ids, interval) as news:
            while under_way:
                batch = await news.get()
                if isinstance(batch, Exception):
                    raise batch
                if batch["status"] in batches_api.FINAL_STATUSES:
                    under_way.discard(batch["id"])
                yield batch

    @contextlib.asynccontextmanager
    async def _subscribed(self, batch_ids: list[str], interval: float) -> AsyncIterator[_Update]:
        news: _Update = asyncio.Queue()
        for batch_id in batch_ids:
            self._waiting.setdefault(batch_id, []).append(news)
            self._told.pop(batch_id, None)
        self._intervals.append(interval)
        try:
            if self._task is None or self._task.done():
                self._task = asyncio.get_running_loop().create_task(self._look_again_and_again())
            yield news
        finally:
            self._intervals.remove(interval)
            for batch_id in batch_ids:
                self._waiting[batch_id].remove(news)
                if not self._waiting[batch_id]:
                    del self._waiting[batch_id]
                    self._told.pop(batch_id, None)
            if not self._waiting:
                await self._stop()

    async def cancel(self, batch_id: str) -> None:
        """
        Cancel a batch.

        :param batch_id: what the service calls it
        :raises AIEndpointsError: if the service does not
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
                return  # somebody came meanwhile, and has begun to look
        await self._close()

    async def _close(self) -> None:
        # Who comes while the old one is closed gets a new one: requests of a closed client end with no error of ours,
        # and the look with them.
        client, self._client = self._client, AsyncClient(self._settings)
        await client.aclose()

    async def _look_again_and_again(self) -> None:
        grown = 1.0
        while self._waiting:
            try:
                await self._look()
            except Exception as error:  # noqa: BLE001  (those that wait raise it)
                # An outage of hours is nothing to a batch; a token that is refused is.
                if not (isinstance(error, AIEndpointsError) and error.retryable):
                    self._fail(error)
                    return
                log.warning("The batches could not be looked at: %s", error)
            jitter = 1 + JITTER * (2 * random.random() - 1)  # noqa: S311  (spreads looks, guards nothing)
            await asyncio.sleep(min(self._intervals, default=1.0) * grown * jitter)
            grown = min(grown * BACKOFF_FACTOR, MAX_INTERVALS)

    async def _look(self) -> None:
        missing, after, vain = set(self._waiting), None, 0
        # A page costs as much as a look at one batch: so many that bring nothing are read as looks would remain.
        while vain < len(missing):
            value = await self._call(batches_api.page(after))
            found = [each for each in value.get("data") or () if isinstance(each, dict)]
            ids = {str(each.get("id")) for each in found}
            vain = 0 if ids & missing else vain + 1
            missing -= ids
            for batch in found:
                self._tell(batch)
            if not value.get("has_more") or not found:
                break
            after = found[-1].get("id")
        for batch_id in missing & set(self._waiting):
            self._tell(await self._call(batches_api.retrieve(batch_id)))

    def _tell(self, batch: dict[str, Any]) -> None:
        told = batches_api.summary(batch)
        waiting = self._waiting.get(told["id"])
        if not waiting:
            return
        before, self._told[told["id"]] = self._told.get(told["id"], told), told
        # Where it stood when they began to wait they know. Two thousand that are woken, and each write a line of log,
        # hold the loop for a second.
        if told != before or told["status"] in batches_api.FINAL_STATUSES:
            for news in waiting:
                news.put_nowait(told)

    def _fail(self, error: Exception) -> None:
        for waiting in self._waiting.values():
            for news in waiting:
                news.put_nowait(error)

    async def _call(self, request: Request) -> dict[str, Any]:
        return http_response.parse(await self._client.send(request), request, self._settings)
