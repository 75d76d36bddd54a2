"""
An Airflow home of its own for each run of the tests, made before anything imports Airflow.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import functools
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
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

HERE = Path(__file__).parent
HOME = Path(tempfile.mkdtemp(prefix="airflow-home-"))
DAGS = HOME / "dags"
DAGS.mkdir()
# Bytecode is known by second and size: two DAGs of a length, written to the same file within a second, would be one.
(DAGS / "__pycache__").touch()

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


#: What a folder's tests are, as a whole.
FOLDERS = {"endurance": "slow", "live": "live", "packaging": "package"}
#: Kinds of tests that ``--quick`` leaves out, and the target that runs each. The first that fits a test counts.
KINDS = {"live": "test-live", "package": "release", "slow": "test-slow", "browser": "test-slow"}
#: Up to this many files, one process has run them before others have started.
FEW_FILES = 20

LEFT_OUT: pytest.StashKey[Counter[str]] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--quick", action="store_true", help=f"leave out {', '.join(KINDS)}, unless their file is named")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """
    Start no further process for a part of the tests.

    :return: for ``-n auto``: none for a part, else as many as there are cores; one more with ``--quick``, whose tests
        wait for a fifth of their time and measure none
    """
    option = config.option
    paths = [path if (path := Path(arg)).is_dir() else path.parent / path.name.split("::")[0] for arg in config.args]
    files = [file for path in paths for file in (path.rglob("test_*.py") if path.is_dir() else [path])]
    if option.keyword or option.maxfail or option.lf or len(files) <= FEW_FILES:
        return 0
    return (os.cpu_count() or 1) + option.quick


def pytest_itemcollected(item: pytest.Item) -> None:
    folder = item.path.relative_to(HERE).parts[0]
    if folder in FOLDERS:
        item.add_marker(FOLDERS[folder])
    # Airflow's API server, which each process makes that runs a DAG, takes 8 s of a core.
    if "run_dag" in getattr(item, "fixturenames", ()):
        item.add_marker(pytest.mark.xdist_group("run_dag"))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """
    Keep the tests of a file in one process, for what they share, and all that run DAGs.
    """
    from xdist.scheduler import LoadGroupScheduling

    class ByGroupOrFile(LoadGroupScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return super()._split_scope(nodeid).partition("::")[0]

    return ByGroupOrFile(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """
    With ``--quick``, leave out tests of the kinds above.
    """
    config.stash[LEFT_OUT] = Counter()
    if not config.option.quick:
        return
    named = {Path(arg.split("::")[0]).resolve() for arg in config.args}
    selected, left_out = [], []
    for item in items:
        kind = next((kind for kind in KINDS if item.get_closest_marker(kind)), None)
        if kind is None or item.path in named:
            selected.append(item)
        else:
            left_out.append(item)
            config.stash[LEFT_OUT][kind] += 1
    items[:] = selected
    config.hook.pytest_deselected(items=left_out)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what a worker, which collects all tests, has left out."""
    node.config.stash[LEFT_OUT] = Counter(getattr(node, "workeroutput", {}).get("left_out"))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    for kind, count in config.stash.get(LEFT_OUT, Counter[str]()).items():
        terminalreporter.write_line(f"left out: {count:4d} {kind} (make {KINDS[kind]})")


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left_out"] = dict(session.config.stash[LEFT_OUT])
    shutil.rmtree(HOME, ignore_errors=True)


@pytest.fixture(autouse=True)
def _nothing_learned() -> None:
    """Another test's server on the same port may have had limits, or refused optional fields."""
    for name in ("client.ratelimit.pacer", "client.http.optional_fields"):
        if module := sys.modules.get(f"apache_airflow_provider_ovhcloud_ai.{name}"):
            module.forget()


@pytest.fixture(scope="session")
def airflow_db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    Make the database that whole DAG runs need. The first process of a run makes it, the others copy it.

    :return: the Airflow home
    """
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    with (shared / "airflow.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        database = shared / "airflow.db"
        if database.exists():
            shutil.copy(database, HOME)
        else:
            command = [sys.executable, "-m", "airflow", "db", "migrate"]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout + done.stderr
            shutil.copy(HOME / database.name, database)
    return HOME


@pytest.fixture
def dag_bag(airflow_db: Path) -> Callable[[Path], Any]:
    """
    Read DAGs as Airflow does.

    :return: a function of a file or folder, which returns the ``DagBag``
    """
    from support.operator_cases import read_dags

    return read_dags


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
