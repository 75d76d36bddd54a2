"""A test of a DAG as the documentation shows it, which is quoted from here."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

# --8<-- [start:test]
from airflow.dag_processing.dagbag import DagBag  # before Airflow 3.2: from airflow.models import DagBag


def test_my_dag(ovh_ai_endpoints_connection, ovh_ai_endpoints_sandbox):
    ovh_ai_endpoints_sandbox.fail_next(status=429, headers={"Retry-After": "0"}, path="/v1/chat/completions")

    run = DagBag("dags/my_dag.py").dags["ovh_ai_quickstart"].test()

    assert run.state == "success"
    paths = [request.path for request in ovh_ai_endpoints_sandbox.requests]
    assert paths.count("/v1/chat/completions") == 2


# --8<-- [end:test]


@pytest.fixture(autouse=True)
def _project(airflow_db: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Where the user's DAG is."""
    folder = Path(os.environ["AIRFLOW__CORE__DAGS_FOLDER"])
    shutil.copy(Path(__file__).parents[2] / "example_dags" / "example_quickstart.py", folder / "my_dag.py")
    monkeypatch.chdir(folder.parent)
    yield
    (folder / "my_dag.py").unlink()
