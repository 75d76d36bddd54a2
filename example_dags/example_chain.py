"""
A question, the answer embedded, and a task that uses both.
"""

from datetime import datetime

from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import (
    OVHCloudAIEndpointsChatOperator,
    OVHCloudAIEndpointsEmbeddingOperator,
)

try:
    from airflow.sdk import DAG, task
except ImportError:  # Airflow 2.11
    from airflow import DAG
    from airflow.decorators import task

with DAG("ovh_ai_chain", start_date=datetime(2026, 1, 1), schedule=None):
    # --8<-- [start:chain]
    ask = OVHCloudAIEndpointsChatOperator(
        task_id="ask",
        model="gpt-oss-120b",
        messages=[{"role": "user", "content": "Why is the sky blue? Answer in one sentence."}],
    )

    embed = OVHCloudAIEndpointsEmbeddingOperator(
        task_id="embed",
        model="bge-m3",
        input="{{ ti.xcom_pull(task_ids='ask')['choices'][0]['message']['content'] }}",
    )

    @task
    def report(answer: dict, vectors: dict) -> dict:
        return {
            "answer": answer["choices"][0]["message"]["content"],
            "tokens": answer["usage"]["total_tokens"] + vectors["usage"]["total_tokens"],
            "dimensions": len(vectors["data"][0]["embedding"]),
        }

    ask >> embed
    report(ask.output, embed.output)
    # --8<-- [end:chain]
