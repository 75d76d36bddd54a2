"""
The hook in a Python task, for what is more than one request.
"""

from datetime import datetime

from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook

try:
    from airflow.sdk import DAG, task
except ImportError:  # Airflow 2.11
    from airflow import DAG
    from airflow.decorators import task

with DAG("ovh_ai_hook", start_date=datetime(2026, 1, 1), schedule=None):
    # --8<-- [start:hook]
    @task
    def summarise_and_embed(text: str) -> dict:
        hook = OVHCloudAIEndpointsHook()
        response = hook.chat_completion(
            model="gpt-oss-120b",
            messages=[{"role": "user", "content": f"Summarise in one sentence: {text}"}],
            temperature=0.3,
        )
        summary = response["choices"][0]["message"]["content"]
        embedding = hook.create_embedding(model="bge-m3", input=summary)
        return {"summary": summary, "dimensions": len(embedding["data"][0]["embedding"])}

    # --8<-- [end:hook]

    summarise_and_embed("Airflow runs tasks in the order that their dependencies allow.")
