"""
The application without a user; tests/live/test_console_access.py has users of a running Airflow.
"""

from __future__ import annotations

from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.ui.console.actions import ROUTES, Route
from apache_airflow_provider_ovhcloud_ai.ui.console.web import page
from local_airflow import installed_release

pytestmark = pytest.mark.airflow

if installed_release() < (3,):
    pytest.skip("it is for Airflow 3", allow_module_level=True)


@pytest.fixture(scope="module")
def client() -> Any:
    from apache_airflow_provider_ovhcloud_ai.ui.console.web import airflow3
    from starlette.testclient import TestClient

    return TestClient(airflow3.build())


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
def test_a_stranger_reaches_no_address(client: Any, route: Route) -> None:
    response = client.request(route.method, route.path)
    assert response.status_code == 401
    assert set(response.json()) == {"error"}


@pytest.mark.parametrize("path", ["/api/connections", "/nothing"])
def test_each_response_has_the_headers_of_the_page(client: Any, path: str) -> None:
    headers = client.get(path).headers
    assert {name: headers.get(name) for name in page.HEADERS} == page.HEADERS


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json"])
def test_it_describes_itself_nowhere(client: Any, path: str) -> None:
    assert client.get(path).status_code == 404
