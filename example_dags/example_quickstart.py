"""
From a question to an answer.
"""

from datetime import datetime

from airflow import DAG
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import OVHCloudAIEndpointsChatOperator

# --8<-- [start:quickstart]
with DAG("ovh_ai_quickstart", start_date=datetime(2026, 1, 1), schedule=None):
    OVHCloudAIEndpointsChatOperator(
        task_id="ask",
        model="gpt-oss-120b",
        messages=[{"role": "user", "content": "What is Apache Airflow? Answer in one sentence."}],
    )
# --8<-- [end:quickstart]
