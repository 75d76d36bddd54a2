"""
Prompts in one task, or in a mapped task each: python one_or_many.py one|mapped ADDRESS PROMPTS SCRIPTS

A real Airflow with LocalExecutor runs them. Prints seconds of the run and of its tasks.
"""

from __future__ import annotations

import json
import sys

import scheduled

HEAD = """
import datetime

from airflow.sdk import DAG
from apache_airflow_provider_ovhcloud_ai.operators import ai_endpoints

PROMPTS = [f"What is the square of {{n}}?" for n in range({prompts})]
COMMON = {{"task_id": "ask", "ovh_conn_id": "bench", "model": "gpt-oss-120b"}}

with DAG("bench", schedule="@once", start_date=datetime.datetime(2026, 1, 1), catchup=False, max_active_tasks=64):
"""
TASKS = {
    "one": "    ai_endpoints.OVHCloudAIEndpointsBulkChatOperator(rows=PROMPTS, **COMMON)",
    "mapped": """    ai_endpoints.OVHCloudAIEndpointsChatOperator.partial(**COMMON).expand(
        messages=[[{{"role": "user", "content": prompt}}] for prompt in PROMPTS]
    )""",
}


def main(kind, address, prompts, scripts):
    """Run the DAG."""
    connection = json.dumps({"conn_type": "ovh_ai_endpoints", "host": address, "password": "bench-token-0123456789"})
    seconds, worker, states = scheduled.run((HEAD + TASKS[kind]).format(prompts=prompts), scripts, connection)
    assert set(states) == {"success"}, states
    print(json.dumps({"seconds": seconds, "worker": worker}))


if __name__ == "__main__":
    main(*sys.argv[1:])
