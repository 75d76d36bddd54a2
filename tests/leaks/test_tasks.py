"""
Tasks run and fail within this process, all logging at DEBUG: what Airflow keeps of them holds no token.

``tests/live/test_leaks.py`` runs a task of every kind under a real scheduler.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.compat import airflow_version
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from support import canary, leaks
from support.scripted_server import Server

pytestmark = pytest.mark.airflow

DAG = Path(__file__).parents[1] / "live" / "dags" / "leaks.py"

#: What logs of a request: this package, and what it stands on.
LIBRARIES = ("apache_airflow_provider_ovhcloud_ai", "requests", "urllib3", "httpx", "httpcore")


@pytest.fixture
def debug_logging() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in ("", "airflow", *LIBRARIES)]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    yield
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the tasks read, and where they write."""
    monkeypatch.setenv("BULK_FOLDER", str(tmp_path))
    monkeypatch.setenv("LEAKS_INLINE", "1")
    leaks.prepare(tmp_path / "leaks")
    return tmp_path / "leaks"


@pytest.fixture
def stored(airflow_db: Path) -> Iterator[None]:
    """The connections, in Airflow's database."""
    with Sandbox(token=canary.TOKEN) as sandbox, Server(leaks.echo) as refusing:
        _store(leaks.connections(sandbox.base_url, refusing.base_url))
        yield
    _store({})


def _store(fields: dict[str, dict[str, Any]]) -> None:
    from airflow.models import Connection
    from airflow.utils.session import create_session
    from sqlalchemy import delete

    with create_session() as session:
        session.execute(delete(Connection))
        session.add_all(Connection(conn_id=conn_id, **each) for conn_id, each in fields.items())


@pytest.mark.usefixtures("stored", "debug_logging")
def test_token_is_nowhere_and_prompt_only_where_it_must_be(
    airflow_db: Path,
    run_dag: Callable[..., Any],
    folder: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    run = run_dag(DAG.read_text(encoding="utf-8"))
    states = {ti.task_id: str(ti.state) for ti in run.get_task_instances()}
    assert states == {task: "failed" if task.endswith("_refused") else "success" for task in states}
    assert len(states) == 7

    tables = leaks.tables(airflow_db)
    output = "\n".join(line for line in "".join(capfd.readouterr()).splitlines() if not _is_airflows_own(line))
    texts = {f"table {name}": text for name, text in tables.items()} | leaks.files(airflow_db)
    texts |= {"output": output, "records": caplog.text, "environment": str(dict(os.environ))}
    assert leaks.holding_token(texts | leaks.files(folder)) == {}
    prompts = leaks.holding_prompt(tables)
    assert {"rendered_task_instance_fields", "xcom"} <= prompts <= leaks.OF_PROMPTS

    records = [record for record in caplog.records if record.name.startswith((*LIBRARIES, "airflow.task"))]
    assert {"apache_airflow_provider_ovhcloud_ai", "urllib3"} <= {record.name.partition(".")[0] for record in records}
    assert leaks.holding_prompt({record.name: record.getMessage() for record in records}) == set()


def _is_airflows_own(line: str) -> bool:
    # At DEBUG, Airflow 3.0 logs what it is told to mask, this provider or not.
    return airflow_version().startswith("3.0.") and "MaskSecret(value=" in line
