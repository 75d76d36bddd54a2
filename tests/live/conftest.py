"""
A real Airflow, its API and a real Chromium, started once for all tests of this folder.

With $SCREENSHOTS set to a folder, the browser tests leave there the pictures that the documentation shows.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from local_airflow import LocalAirflow, installed_release
from support import browser

from .metrics import Metrics
from .rest import ENDED, Rest, eventually

HERE = Path(__file__).parent

#: A user of each role beside the admin.
ROLES = {role: role for role in ("viewer", "user", "op")}


@pytest.fixture(scope="package")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture(scope="package")
def slow() -> Iterator[dict[str, Sandbox]]:
    """For each slow DAG one that does not answer until it is closed, which drops all requests."""
    with Sandbox(latency=3600) as chat, Sandbox(latency=3600) as embedding:
        yield {"slow_chat": chat, "slow_embedding": embedding}


@pytest.fixture(scope="package")
def flaky_sandbox() -> Iterator[Sandbox]:
    """One that drops the first chat and the first embeddings request."""
    with Sandbox() as running:
        running.drop_next(path="/v1/chat/completions")
        running.drop_next(path="/v1/embeddings")
        yield running


@pytest.fixture(scope="package")
def bulk_sandbox() -> Iterator[Sandbox]:
    """One that takes its time, so that there is a halfway."""
    with Sandbox(latency=0.4) as running:
        yield running


@pytest.fixture(scope="package")
def batch_sandbox() -> Iterator[Sandbox]:
    """One whose batches take so long that a triggerer can be restarted twice meanwhile."""
    with Sandbox(batch_seconds=90) as running:
        yield running


@pytest.fixture(scope="package")
def quick_batch_sandbox() -> Iterator[Sandbox]:
    """
    As quick as a deferred task bears: where it goes on before the executor has told that it was deferred, Airflow's
    scheduler fails it (seen on 3.3.2, whose workers took 6 s to end).
    """
    with Sandbox(batch_seconds=12) as running:
        yield running


@pytest.fixture(scope="package")
def many_batches_sandbox() -> Iterator[Sandbox]:
    """One whose batches last until the tasks of all have been deferred."""
    with Sandbox(batch_seconds=30) as running:
        yield running


@pytest.fixture(scope="package")
def expired_batch_sandbox() -> Iterator[Sandbox]:
    with Sandbox(batch_seconds=3600, batch_expires=12) as running:
        yield running


@pytest.fixture(scope="package")
def shuffled_batch_sandbox() -> Iterator[Sandbox]:
    """One whose batches answer from behind, and all rows twice, but for the first ten."""
    with Sandbox(batch_seconds=12) as running:
        batches = running._service._routes[-1].endpoint.__self__
        write = batches._write
        batches._write = lambda batch, kind, records: write(batch, kind, records[:9:-1] * 2)
        yield running


@pytest.fixture(scope="package")
def bulk_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the bulk DAGs write."""
    return tmp_path_factory.mktemp("bulk")


@pytest.fixture(scope="package")
def metrics() -> Iterator[Metrics]:
    """Where Airflow sends its metrics."""
    with Metrics() as listening:
        yield listening


@pytest.fixture(scope="package")
def airflow(
    sandbox: Sandbox,
    slow: dict[str, Sandbox],
    flaky_sandbox: Sandbox,
    bulk_sandbox: Sandbox,
    batch_sandbox: Sandbox,
    quick_batch_sandbox: Sandbox,
    many_batches_sandbox: Sandbox,
    expired_batch_sandbox: Sandbox,
    shuffled_batch_sandbox: Sandbox,
    bulk_folder: Path,
    metrics: Metrics,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[LocalAirflow]:
    """
    A web server with the Test button enabled; tasks reach the sandboxes through environment variables, and one through
    a secrets backend.
    """
    connections = {
        "fast": sandbox.connection,
        "flaky": flaky_sandbox.connection,
        "bulk": bulk_sandbox.connection,
        "batch": batch_sandbox.connection,
        "batch_quick": quick_batch_sandbox.connection,
        "batch_many": many_batches_sandbox.connection,
        "batch_expired": expired_batch_sandbox.connection,
        "batch_shuffled": shuffled_batch_sandbox.connection,
        "elsewhere": {**sandbox.connection, "extra": {}},
        **{dag: each.connection for dag, each in slow.items()},
    }
    settings = {f"AIRFLOW_CONN_{name.upper()}": json.dumps(fields) for name, fields in connections.items()}
    settings["BULK_FOLDER"] = str(bulk_folder)
    settings["PYTHONPATH"] = str(HERE.parent)  # DAGs import tests/support
    settings |= metrics.settings
    home = tmp_path_factory.mktemp("airflow")
    vault = home / "vault.json"
    vault.write_text(json.dumps({"vaulted": sandbox.connection}), encoding="utf-8")
    settings["AIRFLOW__SECRETS__BACKEND"] = "airflow.secrets.local_filesystem.LocalFilesystemBackend"
    settings["AIRFLOW__SECRETS__BACKEND_KWARGS"] = json.dumps({"connections_file_path": str(vault)})
    with LocalAirflow(home, dags=HERE / "dags", settings=settings, users=ROLES) as running:
        running.prepare()
        running.serve()
        yield running


@pytest.fixture(scope="package")
def airflow_release() -> tuple[int, ...]:
    return installed_release()


@pytest.fixture(scope="package")
def rest(airflow: LocalAirflow) -> Rest:
    rest = Rest(airflow)
    # As a browser does first: 3.1 knows no fields of any provider if a connection is tested before.
    rest.ask("GET", "/ui/connections/hook_meta")
    return rest


@pytest.fixture(scope="package")
def links_run(airflow: LocalAirflow, rest: Rest) -> str:
    """
    The first run of all, of the DAG "links", ended.

    Its nine tasks come at once, and a worker of 3.0 that has run a task before takes such a one sooner than the
    scheduler has committed it: both then give it up.
    """
    airflow.schedule()
    run = rest.run("links")
    eventually(lambda: rest.state("links", run), ENDED.__contains__)
    return run


@pytest.fixture(scope="package")
def scheduled(rest: Rest, links_run: str) -> Rest:
    """The same server, with what runs tasks."""
    return rest


@pytest.fixture(scope="package")
def run(scheduled: Rest, links_run: str) -> str:
    """A run of the DAG "links" that came to its end."""
    assert scheduled.state("links", links_run) == "success"
    return links_run


@pytest.fixture
def stored(rest: Rest, sandbox: Sandbox) -> Callable[..., dict[str, Any]]:
    """Store a connection to the sandbox, and hand back its fields."""

    def store(connection_id: str = "stored", **changes: Any) -> dict[str, Any]:
        fields = {
            "connection_id": connection_id,
            "conn_type": "ovh_ai_endpoints",
            "host": sandbox.base_url,
            "port": sandbox.port,
            "password": sandbox.token,
            "extra": "{}",
        } | changes
        rest.save(fields)
        return fields

    return store


@pytest.fixture(scope="package")
def chromium() -> Iterator[Any]:
    with browser.chromium() as running:
        yield running


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    context = chromium.new_context(viewport={"width": 1100, "height": 960})
    context.set_default_timeout(60_000)
    yield context.new_page()
    context.close()


@pytest.fixture
def picture(page: Any) -> Callable[..., None]:
    """Keep a picture of the upper part of the page for the documentation, if asked to."""
    folder = os.environ.get("SCREENSHOTS")

    def keep(name: str, height: int = 960) -> None:
        if folder:
            page.set_viewport_size({"width": 1100, "height": height})
            page.evaluate("scrollTo(0, 0)")
            page.screenshot(path=Path(folder) / f"{name}.png", animations="disabled")
            page.set_viewport_size({"width": 1100, "height": 960})

    return keep
