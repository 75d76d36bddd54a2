"""
A retry policy: tries of a task that wait as long as the service asks for, and none where a retry cannot help.
"""

from datetime import datetime, timedelta

from airflow import DAG
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import OVHCloudAIEndpointsChatOperator

# --8<-- [start:policy]
try:
    from apache_airflow_provider_ovhcloud_ai.retry_policy import OVHCloudAIEndpointsRetryPolicy

    policy = {"retry_policy": OVHCloudAIEndpointsRetryPolicy(max_delay=timedelta(hours=6))}
except ImportError:  # before Airflow 3.3, where retries and retry_delay alone decide
    policy = {}

with DAG("ovh_ai_retry_policy", start_date=datetime(2026, 1, 1), schedule=None):
    OVHCloudAIEndpointsChatOperator(
        task_id="ask_when_told",
        model="gpt-oss-120b",
        messages=[{"role": "user", "content": "Name three rivers of France."}],
        retries=5,
        retry_delay=timedelta(minutes=10),  # where the service names no time
        **policy,
    )
# --8<-- [end:policy]
