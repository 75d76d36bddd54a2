"""
A task that may use so many tokens, and another that adds up what it cost.
"""

from datetime import datetime

from airflow import DAG
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import OVHCloudAIEndpointsBulkChatOperator

try:
    from airflow.sdk import task
except ImportError:  # Airflow 2
    from airflow.decorators import task

REVIEWS = ["Came a week late.", "Still warm!", "The box was empty."]

with DAG("ovh_ai_budget", start_date=datetime(2026, 1, 1), schedule=None):
    # --8<-- [start:budget]
    judged = OVHCloudAIEndpointsBulkChatOperator(
        task_id="judge",
        model="gpt-oss-20b",
        rows=REVIEWS,
        prompt="Good or bad? {text}",
        max_total_tokens=100_000,
        max_cost=0.5,
    )
    # --8<-- [end:budget]

    # --8<-- [start:use]
    @task
    def report(ti=None) -> str:
        usage = ti.xcom_pull(task_ids="judge", key="usage")
        return f"{usage['requests']} answers for {usage['cost']:.6f} {usage['currency']}"

    judged >> report()
    # --8<-- [end:use]
