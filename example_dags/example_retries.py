"""
Patience in two places: within a call, where the worker waits, and between tries of the task, where it does not.
"""

from datetime import datetime, timedelta

from airflow import DAG
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import OVHCloudAIEndpointsChatOperator

with DAG("ovh_ai_retries", start_date=datetime(2026, 1, 1), schedule=None):
    # --8<-- [start:retries]
    OVHCloudAIEndpointsChatOperator(
        task_id="ask_patiently",
        model="gpt-oss-120b",
        messages=[{"role": "user", "content": "Name three rivers of France."}],
        timeout=60,  # seconds for one attempt
        max_retries=4,  # within the call: rate limit, a service that is down for a moment
        retries=3,  # of the task: outages; an error that no retry can cure ends it at once
        retry_delay=timedelta(seconds=30),
    )
    # --8<-- [end:retries]
