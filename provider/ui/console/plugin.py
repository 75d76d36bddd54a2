"""
The plugin. Airflow loads it in every process, tasks included, so it imports only Airflow's plugin class.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from ...compat import AirflowPlugin, airflow_version
from ...defaults import CONSOLE_NAME, CONSOLE_PATH, SERVICE_NAME

_RELEASE = tuple(int(part) for part in airflow_version().split(".")[:2])

Scope = dict[str, Any]


class LazyApp:
    """
    An ASGI application that is built on its first request: only the API server pays for FastAPI.
    """

    def __init__(self) -> None:
        self._app: Callable[..., Awaitable[None]] | None = None

    async def __call__(self, scope: Scope, receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        """
        Answer a request.
        """
        if self._app is None:
            from .web.airflow3 import build

            self._app = build()
        await self._app(scope, receive, send)


class OVHCloudAIEndpointsPlugin(AirflowPlugin):
    """
    The page "OVHcloud AI Endpoints".

    Safe to use from several threads: nothing changes it.
    """

    name = CONSOLE_NAME

    if _RELEASE >= (3,):
        fastapi_apps: list[Any] = [{"app": LazyApp(), "url_prefix": CONSOLE_PATH, "name": SERVICE_NAME}]

    if _RELEASE >= (3, 1):
        # Relative to where Airflow is served: a sub-path is put in front by the browser.
        external_views: list[Any] = [
            {
                "name": SERVICE_NAME,
                "href": f"{CONSOLE_PATH[1:]}/",
                "destination": "nav",
                "category": "browse",
                "url_route": CONSOLE_PATH[1:],
            }
        ]

    if _RELEASE < (3,):

        @property
        def flask_blueprints(self) -> list[Any]:  # type: ignore[override]  # Airflow reads that of an instance
            """
            The pages on Airflow 2.11; read by the web server alone.
            """
            from .web.airflow2 import blueprint

            return [blueprint()]

        # Not an address but the name of one, so that it is found below the path that Airflow is served at.
        appbuilder_menu_items: list[Any] = [
            {"name": SERVICE_NAME, "category": "Browse", "href": f"{CONSOLE_NAME}.overview"}
        ]
