from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.ui.console.views import catalogue, connections
from apache_airflow_provider_ovhcloud_ai.ui.console.web import dispatch
from apache_airflow_provider_ovhcloud_ai.ui.console.web.work_pool import WorkPool
from support import canary
from support.console import Vault
from support.services import Manner, Service, running


@pytest.fixture(autouse=True)
def _apart(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing leaves the machine, and nothing of a test stays for the next."""
    monkeypatch.setenv("AIRFLOW__OVHCLOUD_AI_ENDPOINTS__CATALOGUE_URL", "")
    monkeypatch.setattr(dispatch, "POOL", WorkPool())
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    catalogue.forget()
    connections._secret.cache_clear()
    yield
    catalogue.forget()
    connections._secret.cache_clear()


@pytest.fixture
def database(airflow_db: Path) -> Iterator[None]:
    """Airflow's database, with no connection and an empty audit log before and after."""
    _empty()
    yield
    _empty()


def _empty() -> None:
    from airflow.models import Connection, Log
    from airflow.utils.session import create_session
    from sqlalchemy import delete

    with create_session() as session:
        session.execute(delete(Connection))
        session.execute(delete(Log))


@pytest.fixture
def row(database: None) -> Callable[..., None]:
    """Store a connection in the database."""

    def add(conn_id: str, conn_type: str = "ovh_ai_endpoints", **fields: Any) -> None:
        from airflow.models import Connection
        from airflow.utils.session import create_session

        password, extra = fields.pop("raw_password", None), fields.pop("raw_extra", None)
        fields["extra"] = json.dumps(fields.get("extra", {}))
        connection = Connection(conn_id=conn_id, conn_type=conn_type, **fields)
        if password:
            connection._password, connection.is_encrypted = password, True
        if extra:
            connection._extra, connection.is_extra_encrypted = extra, True
        with create_session() as session:
            session.add(connection)

    return add


@pytest.fixture
def variable(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Store a connection in the environment."""

    def put(base_url: str, conn_id: str = "stored", **fields: Any) -> str:
        fields = {"conn_type": "ovh_ai_endpoints", "host": base_url, "password": canary.TOKEN} | fields
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(fields))
        return conn_id

    return put


@pytest.fixture
def vault(monkeypatch: pytest.MonkeyPatch) -> type[Vault]:
    """A secrets backend, empty."""
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND", "support.console.Vault")
    monkeypatch.setattr(Vault, "conn_ids", [])
    monkeypatch.setattr(Vault, "holds", {})
    return Vault


@pytest.fixture
def serve() -> Iterator[Callable[[Manner], Service]]:
    """Start services that live as long as the test."""
    with ExitStack() as stack:
        yield lambda answer: stack.enter_context(running(answer))
