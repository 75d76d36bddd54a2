"""
What the non-blocking driver alone does; see test_drivers.py for the rest.
"""

from __future__ import annotations

import asyncio
import time
from types import SimpleNamespace
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.client.http.async_client import AsyncClient, _Progress
from apache_airflow_provider_ovhcloud_ai.client.models import model_list
from apache_airflow_provider_ovhcloud_ai.client.settings import ClientSettings
from apache_airflow_provider_ovhcloud_ai.errors import APITimeoutError
from support import canary
from support.scripted_server import Received, Server, Wire, hang, respond

MODELS = model_list.models()
OK = respond(200, {"data": []})


def make_client(server: Server, **fields: Any) -> AsyncClient:
    return AsyncClient(
        ClientSettings(**{"base_url": server.base_url, "token": canary.TOKEN, "timeout": 20.0, **fields})
    )


def test_the_loop_runs_on_while_it_waits() -> None:
    ticked = asyncio.Event()

    def until_ticked(wire: Wire, request: Received) -> bool:
        while not ticked.is_set() and not wire.closing.wait(0.01):
            pass
        return OK(wire, request)

    async def go() -> int:
        async with make_client(server) as client:
            asking = asyncio.create_task(client.send(MODELS))
            while not server.requests:
                await asyncio.sleep(0.01)
            ticked.set()
            return (await asking).status

    with Server(until_ticked) as server:
        assert asyncio.run(go()) == 200


def test_requests_run_side_by_side() -> None:
    async def go() -> list[int]:
        async with make_client(server) as client:
            return [response_.status for response_ in await asyncio.gather(*(client.send(MODELS) for _ in range(20)))]

    with Server(OK) as server:
        assert asyncio.run(go()) == [200] * 20
        assert server.connections <= 20


def test_cancelling_ends_the_request_and_keeps_the_client() -> None:
    async def go() -> int:
        async with make_client(server) as client:
            asking = asyncio.create_task(client.send(MODELS))
            while not server.requests:
                await asyncio.sleep(0.01)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            return (await client.send(MODELS)).status

    with Server(hang, OK) as server:
        assert asyncio.run(go()) == 200


def test_single_attempt_has_a_time_of_its_own() -> None:
    async def go() -> None:
        async with make_client(server) as client:
            with pytest.raises(APITimeoutError, match=r"within 0\.3 s"):
                await client.send_once(MODELS, timeout=0.3)

    with Server(hang) as server:
        asyncio.run(go())
        assert len(server.requests) == 1


def test_time_that_is_over_as_it_connects_ends_the_attempt() -> None:
    """
    The loop is busy until then in each of its first rounds; anyio loses a cancellation in one or two of these.
    """

    async def go(busy_round: int) -> None:
        async def keep_busy() -> None:
            for _ in range(busy_round):
                await asyncio.sleep(0)
            time.sleep(0.1)

        async with make_client(server, timeout=0.05, max_retries=0) as client:
            client._open()
            asking = asyncio.create_task(client.send(MODELS))
            await keep_busy()
            with pytest.raises(APITimeoutError):
                await asyncio.wait_for(asking, 10)

    with Server(hang) as server:
        for busy_round in range(20):
            asyncio.run(go(busy_round))


def test_request_that_leaves_when_time_is_over_does_not_leave() -> None:
    async def leave_late() -> None:
        progress = _Progress(0.01, 60.0)
        async with progress:
            try:
                await asyncio.sleep(60)
            finally:
                await progress("http11.send_request_headers.started", {"request": SimpleNamespace(method=b"GET")})
                assert not progress.connected

    with pytest.raises(TimeoutError):
        asyncio.run(leave_late())


def test_nothing_of_a_client_shows_the_token() -> None:
    async def go() -> list[str]:
        async with make_client(server) as client:
            answer = await client.send(MODELS)
            return [repr(each) for each in (client, vars(client), client.settings, answer)]

    with Server(OK) as server:
        assert not any(canary.shows(each) for each in asyncio.run(go()))
