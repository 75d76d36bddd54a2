"""
Values that are known only when the task runs: the date, the run's parameters, the connection's default model.
"""

from datetime import datetime

from airflow import DAG
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import OVHCloudAIEndpointsChatOperator

with DAG(
    "ovh_ai_templated",
    start_date=datetime(2026, 1, 1),
    schedule=None,
    params={"topic": "solar power", "creativity": 0.3, "conn_id": "ovh_ai_endpoints_default"},
):
    # --8<-- [start:templated]
    OVHCloudAIEndpointsChatOperator(
        task_id="report",
        # No model is named: the connection's chat model answers.
        messages=[
            {"role": "system", "content": "You are a data analyst."},
            {"role": "user", "content": "Write a report about {{ params.topic }} as of {{ run_id }}."},
        ],
        temperature="{{ params.creativity }}",
        ovh_conn_id="{{ params.conn_id }}",
    )
    # --8<-- [end:templated]
