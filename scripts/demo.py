"""
The product's main job, seen from start to end: a connection is made and tested, and a DAG chats and embeds over it.

Talks to the embedded sandbox, or to the real service when OVH_AI_ENDPOINTS_ACCESS_TOKEN is set.
"""

from __future__ import annotations

import contextlib
import json
import os
import runpy
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONN_ID = "ovh_ai_endpoints_default"
TOKEN = "OVH_AI_ENDPOINTS_ACCESS_TOKEN"  # the name of the variable, not a token


def main() -> int:
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="ovh-ai-demo-") as home, connection() as (service, settings):
        os.environ.update(airflow_settings(home, "example_chain.py"))
        say(f"Service: {service}")
        say("Preparing an Airflow database (some seconds) ...")
        migrate()
        store(CONN_ID, settings)
        say(f"Connection {CONN_ID!r} created. What its Test button says:")
        passed = show_connection_test()
        succeeded = passed and show_dag()
    say(f"{'Done' if succeeded else 'Failed'} after {time.monotonic() - started:.0f} s; nothing is left running.")
    return 0 if succeeded else 1


@contextlib.contextmanager
def connection() -> Iterator[tuple[str, str]]:
    token = os.environ.get(TOKEN, "").strip()
    if token:
        yield (
            f"the real OVHcloud AI Endpoints, with the token of {TOKEN}",
            json.dumps({"conn_type": "ovh_ai_endpoints", "password": token}),
        )
        return
    from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox

    with Sandbox() as sandbox:
        yield f"the embedded sandbox at {sandbox.base_url} (set {TOKEN} for the real one)", sandbox.connection_json


def airflow_settings(home: str, example: str) -> dict[str, str]:
    # The DAG alone: Airflow reads the whole folder, and other examples need providers that are not installed here.
    dags = f"{home}/dags"
    Path(dags).mkdir()
    shutil.copy(ROOT / "example_dags" / example, dags)
    return {
        "AIRFLOW_HOME": home,
        "AIRFLOW__CORE__DAGS_FOLDER": dags,
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
    }


def migrate() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "airflow", "db", "migrate"], capture_output=True, text=True, check=False, cwd=ROOT
    )
    if done.returncode:
        sys.exit(f"'airflow db migrate' failed:\n{done.stdout}{done.stderr}")


def store(conn_id: str, settings: str) -> None:
    """
    Store a connection from within this process: the arguments of a command are shown to everybody on the machine.
    """
    from airflow.models import Connection
    from airflow.utils.session import create_session

    with create_session() as session:
        session.add(Connection.from_json(settings, conn_id=conn_id))


def show_connection_test() -> bool:
    from airflow.models import Connection

    # What Airflow's API server does when Test is pressed: the hook reads the stored connection from the environment.
    stored = Connection.get_connection_from_secrets(CONN_ID)
    os.environ["AIRFLOW_CONN_UNDER_TEST"] = stored.get_uri()
    stored.conn_id = "under_test"
    passed, sentence = stored.test_connection()
    del os.environ["AIRFLOW_CONN_UNDER_TEST"]
    print(f"    {sentence}\n", flush=True)
    return passed


def show_dag() -> bool:
    say("Running the DAG 'ovh_ai_chain' of example_dags/example_chain.py ...")
    dag = runpy.run_path(f"{os.environ['AIRFLOW__CORE__DAGS_FOLDER']}/example_chain.py")["ask"].dag
    run = dag.test()
    if run.state != "success":
        say("A task failed: its log above says why.")
        return False
    pull = run.get_task_instance("report").xcom_pull
    result = pull(task_ids="report")
    print(f"    Answer      {result['answer']}")
    print(f"    Tokens      {result['tokens']}")
    print(f"    Vector      {result['dimensions']} numbers")
    for name, key in (("Model card", "ModelCardLink"), ("Playground", "PlaygroundLink"), ("Usage", "UsageLink")):
        print(f"    {name:<11} {pull(task_ids='ask', key=f'_link_{key}')}")
    print(flush=True)
    return True


def say(sentence: str) -> None:
    print(f"==> {sentence}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
