"""
An Airflow home of its own for each run of the tests, made before anything imports Airflow.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis.configuration import set_hypothesis_home_dir

# Without a clock, with the same examples each time, and without a folder in the tree.
set_hypothesis_home_dir(f"{tempfile.gettempdir()}/hypothesis")
settings.register_profile("tests", deadline=None, database=None, derandomize=True)
settings.load_profile("tests")

HOME = Path(tempfile.mkdtemp(prefix="airflow-home-"))
DAGS = HOME / "dags"
DAGS.mkdir()

# Nothing of the machine may reach the tests: no token, connection, proxy or Airflow setting.
for name in list(os.environ):
    if name.startswith(("AIRFLOW", "_AIRFLOW", "OVH_")) or name.lower().endswith("_proxy"):
        del os.environ[name]
os.environ |= {
    "AIRFLOW_HOME": str(HOME),
    "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
    # 2.11 would make one up in each process.
    "AIRFLOW__CORE__FERNET_KEY": base64.urlsafe_b64encode(os.urandom(32)).decode(),
}

# --8<-- [start:plugin]
pytest_plugins = ["apache_airflow_provider_ovhcloud_ai.sandbox.pytest_plugin"]
# --8<-- [end:plugin]


def pytest_collection_finish() -> None:
    """
    Stop writing bytecode, which the tests themselves have by now.

    It is known by second and size: two DAGs of a length, written to the same file within a second, would be one.
    """
    sys.dont_write_bytecode = True


def pytest_sessionfinish() -> None:
    shutil.rmtree(HOME, ignore_errors=True)


@pytest.fixture(autouse=True)
def _nothing_learned() -> None:
    """Another test's server on the same port may have had limits."""
    pacing = sys.modules.get("apache_airflow_provider_ovhcloud_ai.client.ratelimit.pacer")
    if pacing:
        pacing.forget()


@pytest.fixture(scope="session")
def airflow_db() -> Path:
    """
    Make the database that whole DAG runs need.

    :return: the Airflow home
    """
    command = [sys.executable, "-m", "airflow", "db", "migrate"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return HOME


@pytest.fixture
def dag_bag(airflow_db: Path) -> Callable[[Path], Any]:
    """
    Read DAGs as Airflow does.

    :return: a function of a file or folder, which returns the ``DagBag``
    """
    try:
        from airflow.dag_processing.dagbag import DagBag
    except ImportError:  # before 3.2
        from airflow.models import DagBag
    return lambda path: DagBag(dag_folder=str(path))


@pytest.fixture(scope="session")
def _one_api_server(airflow_db: Path) -> None:
    """
    Let the tasks of a DAG under test share Airflow's API server: from 3.0 to 3.2 each makes its own, in 1 to 2 s.
    """
    with contextlib.suppress(ImportError):  # 2.11
        from airflow.sdk.execution_time import supervisor

        supervisor.in_process_api_server = functools.cache(supervisor.in_process_api_server)


@pytest.fixture
def run_dag(dag_bag: Callable[[Path], Any], _one_api_server: None) -> Iterator[Callable[..., Any]]:
    """
    Run a DAG file as ``airflow dags test`` does.

    :return: a function of the source, which runs its one DAG and returns the finished run
    """
    file = DAGS / "dag_under_test.py"

    def run(source: str, **options: Any) -> Any:
        file.write_text(source, encoding="utf-8")
        bag = dag_bag(file)
        assert not bag.import_errors
        (dag,) = bag.dags.values()
        return dag.test(**options)

    yield run
    file.unlink(missing_ok=True)


@pytest.fixture
def xcom() -> Callable[..., Any]:
    """
    Read what a task of a finished run left behind.

    :return: a function of run, task id and key
    """

    def pull(run: Any, task_id: str, key: str = "return_value", map_indexes: int | None = None) -> Any:
        instance = run.get_task_instance(task_id, map_index=-1 if map_indexes is None else map_indexes)
        return instance.xcom_pull(task_ids=task_id, key=key, map_indexes=map_indexes)

    return pull
