"""
A model that is gone: the next of a list answers.
"""

from datetime import datetime

from airflow import DAG
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import OVHCloudAIEndpointsChatOperator

with DAG("ovh_ai_fallback", start_date=datetime(2026, 1, 1), schedule=None):
    # --8<-- [start:fallback]
    OVHCloudAIEndpointsChatOperator(
        task_id="ask",
        model="Qwen3-32B",  # removed from the service in 2026
        fallback_models=["gpt-oss-120b", "Meta-Llama-3_3-70B-Instruct"],
        prompt="What is a DAG?",
    )
    # --8<-- [end:fallback]
