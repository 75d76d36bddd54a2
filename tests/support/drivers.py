"""
Both drivers as functions of the same shape: requests in, responses or errors out, nothing ever sleeps.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from apache_airflow_provider_ovhcloud_ai.client.http.async_client import AsyncClient
from apache_airflow_provider_ovhcloud_ai.client.http.http_request import Request
from apache_airflow_provider_ovhcloud_ai.client.http.http_response import HTTPResponse
from apache_airflow_provider_ovhcloud_ai.client.http.sync_client import Client
from apache_airflow_provider_ovhcloud_ai.client.settings import ClientSettings
from apache_airflow_provider_ovhcloud_ai.errors import AIEndpointsError


@dataclass
class Run:
    """
    What became of some requests: a response or an error each, and the pauses that were asked for.
    """

    outcomes: list[HTTPResponse | AIEndpointsError] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)

    @property
    def last(self) -> Any:
        return self.outcomes[-1]

    @property
    def error(self) -> AIEndpointsError:
        assert isinstance(self.last, AIEndpointsError), self.last
        return self.last


Drive = Callable[..., Run]


def drive_blocking(settings: ClientSettings, *requests: Request) -> Run:
    run = Run()
    with Client(settings, sleep=run.slept.append) as client:
        for request in requests:
            try:
                run.outcomes.append(client.send(request))
            except AIEndpointsError as error:
                run.outcomes.append(error)
    return run


def drive_non_blocking(settings: ClientSettings, *requests: Request) -> Run:
    run = Run()

    async def sleep(seconds: float) -> None:
        run.slept.append(seconds)

    async def go() -> None:
        async with AsyncClient(settings, sleep=sleep) as client:
            for request in requests:
                try:
                    run.outcomes.append(await client.send(request))
                except AIEndpointsError as error:
                    run.outcomes.append(error)

    asyncio.run(go())
    return run
