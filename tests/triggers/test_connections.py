"""
Connections as triggers read them; tests/triggers/test_batch.py has triggers that use them.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.errors import ConfigurationError
from apache_airflow_provider_ovhcloud_ai.triggers import connections
from apache_airflow_provider_ovhcloud_ai.triggers.connections import client_settings
from support import canary

pytestmark = pytest.mark.airflow


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Store a connection in the environment."""

    def put(**fields: Any) -> None:
        value = {"conn_type": "ovh_ai_endpoints", "password": canary.TOKEN, **fields}
        monkeypatch.setenv("AIRFLOW_CONN_AI", json.dumps(value))

    return put


def test_many_that_come_at_once_read_the_connection_once(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    store(host="https://x.example/v1")
    read: list[str] = []
    original = connections._connection

    async def reading(conn_id: str) -> Any:
        read.append(conn_id)
        return await original(conn_id)

    monkeypatch.setattr(connections, "_connection", reading)

    async def live() -> None:
        settings = await asyncio.gather(*(client_settings("ai", "mine") for _ in range(4)))
        assert {(each.base_url, each.token) for each in settings} == {("https://x.example/v1", canary.TOKEN)}
        assert len(read) == 1
        # A connection of the same id may be another one to another team.
        await client_settings("ai", "theirs")
        assert len(read) == 2
        monkeypatch.setattr(connections, "CACHE_S", -1.0)
        await client_settings("ai", "mine")
        assert len(read) == 3

    asyncio.run(live())


def test_a_connection_that_could_not_be_read_is_read_again(store: Any) -> None:
    async def live() -> None:
        store(host="ftp://x")
        with pytest.raises(ConfigurationError, match="base URL"):
            await client_settings("ai", "mine")
        store(host="https://x.example/v1")
        assert (await client_settings("ai", "mine")).base_url == "https://x.example/v1"

    asyncio.run(live())


def test_one_that_is_cancelled_leaves_the_result_to_the_others(store: Any) -> None:
    async def live() -> None:
        store(host="https://x.example/v1")
        first, second = (asyncio.ensure_future(client_settings("ai", "mine")) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        assert (await second).base_url == "https://x.example/v1"
        assert first.cancelled()

    asyncio.run(live())


@pytest.mark.parametrize(
    "value", [None, f'{{"password": "{canary.TOKEN}"', f'{{"password": "{canary.TOKEN}", "port": "x"}}']
)
def test_a_connection_that_is_missing_or_broken_is_explained(
    value: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if value:
        monkeypatch.setenv("AIRFLOW_CONN_AI", value)
    with pytest.raises(ConfigurationError, match="cannot be read" if value else "does not exist") as caught:
        asyncio.run(client_settings("ai", "mine"))
    assert not any(canary.shows(trace) for trace in canary.traces(caught.value))
