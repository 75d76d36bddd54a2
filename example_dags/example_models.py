"""
The models that are served, one question to each of some, and a task that waits for a model.
"""

from datetime import datetime

from airflow import DAG
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import (
    OVHCloudAIEndpointsChatOperator,
    OVHCloudAIEndpointsModelsOperator,
)
from apache_airflow_provider_ovhcloud_ai.sensors.model import OVHCloudAIEndpointsModelSensor

with DAG("ovh_ai_models", start_date=datetime(2026, 1, 1), schedule=None):
    # --8<-- [start:compare]
    models = OVHCloudAIEndpointsModelsOperator(
        task_id="models",
        kind="chat",
        name=["gpt-oss-*", "mistral-*"],
        min_context=65_536,
        output="ids",
    )

    OVHCloudAIEndpointsChatOperator.partial(
        task_id="compare",
        prompt="Which is the longest river of France?",
        output="text",
    ).expand(model=models.output)
    # --8<-- [end:compare]

    # --8<-- [start:wait]
    wait = OVHCloudAIEndpointsModelSensor(
        task_id="wait",
        model="Qwen3-Embedding-8B",
        poke_interval=60,
        timeout=3600,
        mode="reschedule",
    )
    # --8<-- [end:wait]
