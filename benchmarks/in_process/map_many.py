"""
Prompts as mapped tasks of the reference provider: python map_many.py ADDRESS PROMPTS PAUSE SCRIPTS

A real Airflow with LocalExecutor runs them, and tries each again up to three times, so many seconds later. Prints how
many failed; what was refused on the way, and how long it took, the service knows.
"""

from __future__ import annotations

import json
import sys

import scheduled

DAG = """
import datetime

from airflow.sdk import DAG
from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import OVHCloudAIEndpointsChatOperator

OVHCloudAIEndpointsHook.BASE_URL = "{address}"

with DAG("mapped", schedule="@once", start_date=datetime.datetime(2026, 1, 1), catchup=False, max_active_tasks=64):
    OVHCloudAIEndpointsChatOperator.partial(
        task_id="ask",
        model="gpt-oss-120b",
        ovh_conn_id="bench",
        temperature=None,
        retries=3,
        retry_delay=datetime.timedelta(seconds={pause}),
    ).expand(messages=[[{{"role": "user", "content": f"What is the square of {{n}}?"}}] for n in range({prompts})])
"""


def main(address, prompts, pause, scripts):
    """Run the DAG."""
    connection = json.dumps({"conn_type": "generic", "password": "bench-token-0123456789"})
    _, _, states = scheduled.run(DAG.format(address=address, prompts=prompts, pause=pause), scripts, connection)
    print(json.dumps({"failed": int(prompts) - states.get("success", 0)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
