"""
Vectors of one text, and of more texts than the service takes in one request.
"""

from datetime import datetime

from airflow import DAG
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import OVHCloudAIEndpointsEmbeddingOperator

with DAG("ovh_ai_embeddings", start_date=datetime(2026, 1, 1), schedule=None):
    # --8<-- [start:one]
    OVHCloudAIEndpointsEmbeddingOperator(
        task_id="embed_one",
        model="bge-m3",
        input="Apache Airflow is a workflow orchestration tool",
    )
    # --8<-- [end:one]

    # --8<-- [start:many]
    OVHCloudAIEndpointsEmbeddingOperator(
        task_id="embed_many",
        model="Qwen3-Embedding-8B",
        input=[f"Paragraph {number} of the handbook" for number in range(1, 61)],
        extra_body={"dimensions": 256},
    )
    # --8<-- [end:many]
