"""
Prompts as mapped tasks of the reference provider: python map_many.py ADDRESS PROMPTS PAUSE SCRIPTS

A real Airflow with LocalExecutor runs them, and tries each again up to three times, so many seconds later. Prints how
many failed; what was refused on the way, and how long it took, the service knows.
"""

from __future__ import annotations

import json
import os
import sqlite3
import sys
import time
from pathlib import Path

DAG = """
import datetime

from airflow.sdk import DAG
from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import OVHCloudAIEndpointsChatCompletionsOperator

OVHCloudAIEndpointsHook.BASE_URL = "{address}"

with DAG("mapped", schedule="@once", start_date=datetime.datetime(2026, 1, 1), catchup=False, max_active_tasks=64):
    OVHCloudAIEndpointsChatCompletionsOperator.partial(
        task_id="ask",
        model="gpt-oss-120b",
        ovh_conn_id="bench",
        temperature=None,
        retries=3,
        retry_delay=datetime.timedelta(seconds={pause}),
    ).expand(messages=[[{{"role": "user", "content": f"What is the square of {{n}}?"}}] for n in range({prompts})])
"""
END = 300


def states(home):
    """How many tasks are in which state."""
    with sqlite3.connect(f"file:{home}/airflow.db?mode=ro", uri=True) as database:
        counted = "select state, count(*) from task_instance where map_index >= 0 group by state"
        return dict(database.execute(counted).fetchall())


def main(address, prompts, pause, scripts):
    """Run the DAG."""
    sys.path.insert(0, scripts)
    from local_airflow import LocalAirflow

    home, ends = Path(os.environ["AIRFLOW_HOME"]), time.monotonic() + END
    (home / "dags").mkdir(parents=True)
    (home / "dags" / "mapped.py").write_text(
        DAG.format(address=address, prompts=prompts, pause=pause), encoding="utf-8"
    )
    connection = json.dumps({"conn_type": "generic", "password": "bench-token-0123456789"})
    with LocalAirflow(home, settings={"AIRFLOW_CONN_BENCH": connection}) as airflow:
        airflow.prepare()
        airflow.serve()
        airflow.schedule()
        found = {}
        while sum(found.get(state, 0) for state in ("success", "failed")) < int(prompts) and time.monotonic() < ends:
            time.sleep(1)
            found = states(home)
    print(json.dumps({"failed": int(prompts) - found.get("success", 0)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
