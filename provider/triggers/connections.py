"""
Connections as triggers read them: many triggers that start together share one request.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from ..client.settings import ClientSettings
from ..compat import AirflowNotFoundException, BaseHook
from ..connection.reader import explain_missing_connection, read_settings
from ..errors import ConfigurationError

#: Seconds for which triggers reuse a connection. Two thousand that each asked Airflow took 70 s, on two cores.
CACHE_S = 60.0


class _Reading(NamedTuple):
    began: float
    task: asyncio.Task[ClientSettings]


#: By event loop, connection and DAG: an id may mean different connections to the DAGs of different teams.
_readings: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[tuple[str, str], _Reading]] = WeakKeyDictionary()


async def client_settings(conn_id: str, dag_id: str) -> ClientSettings:
    """
    Read a connection without blocking the event loop.

    :param conn_id: its id
    :param dag_id: id of the DAG that uses it
    :return: its settings for the client
    :raises ConfigurationError: if it doesn't exist, or is invalid
    """
    readings = _readings.setdefault(asyncio.get_running_loop(), {})
    reading = readings.get((conn_id, dag_id))
    if reading is None or _is_over(reading):
        task = asyncio.get_running_loop().create_task(_read(conn_id))
        reading = readings[conn_id, dag_id] = _Reading(time.monotonic(), task)
    # If one trigger is cancelled, the others still get the result.
    return await asyncio.shield(reading.task)


def _is_over(reading: _Reading) -> bool:
    failed = reading.task.done() and (reading.task.cancelled() or reading.task.exception() is not None)
    return failed or time.monotonic() - reading.began > CACHE_S


async def _read(conn_id: str) -> ClientSettings:
    try:
        connection = await _connection(conn_id)
    except (AirflowNotFoundException, ValueError):
        connection = None
    if connection is None:
        # Raised outside the handler: a value that Airflow couldn't read may hold the token, and would be chained.
        raise ConfigurationError(explain_missing_connection(conn_id))
    return read_settings(connection).client


async def _connection(conn_id: str) -> Any:
    if hasattr(BaseHook, "aget_connection"):  # 3.1
        return await BaseHook.aget_connection(conn_id)
    from asgiref.sync import sync_to_async

    # What 3.0 sends to its triggerer goes through the loop that asgiref remembers; from any other thread it hangs.
    return await sync_to_async(BaseHook.get_connection)(conn_id)
