"""
Fixtures for tests of DAGs. Ask for them in ``conftest.py``.

.. code-block:: python

    pytest_plugins = ["apache_airflow_provider_ovhcloud_ai.sandbox.pytest_plugin"]
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ..defaults import CONN_ID
from .server import Sandbox


@pytest.fixture
def ovh_ai_endpoints_sandbox() -> Iterator[Sandbox]:
    """
    Run a sandbox of its own for one test.

    :return: the running sandbox
    """
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def ovh_ai_endpoints_connection(ovh_ai_endpoints_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> str:
    """
    Point the default connection at the sandbox for one test, through its environment variable.

    :param ovh_ai_endpoints_sandbox: the sandbox
    :param monkeypatch: undoes it after the test
    :return: the connection's id
    """
    monkeypatch.setenv(f"AIRFLOW_CONN_{CONN_ID.upper()}", ovh_ai_endpoints_sandbox.connection_json)
    return CONN_ID
