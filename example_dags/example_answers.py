"""
What a chat task can return, how a prompt is given in short or in a file, and how much a model thinks first.
"""

from datetime import datetime

from airflow import DAG
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import OVHCloudAIEndpointsChatOperator

try:
    from airflow.sdk import task
except ImportError:  # Airflow 2
    from airflow.decorators import task

with DAG(
    "ovh_ai_answers",
    start_date=datetime(2026, 1, 1),
    schedule=None,
    params={"author": "Ada", "language": "French"},
):
    # --8<-- [start:text]
    ask = OVHCloudAIEndpointsChatOperator(
        task_id="ask",
        model="Meta-Llama-3_3-70B-Instruct",
        system_prompt="You are terse.",
        prompt="What is a DAG?",
        output="text",
    )
    # --8<-- [end:text]

    # --8<-- [start:xcoms]
    @task
    def look(text: str, ti=None) -> dict:
        metadata = {
            key: ti.xcom_pull(task_ids="ask", key=key) for key in ("usage", "model", "finish_reason", "request_id")
        }
        return {"characters": len(text), **metadata}

    look(ask.output)
    # --8<-- [end:xcoms]

    # --8<-- [start:files]
    OVHCloudAIEndpointsChatOperator(
        task_id="summarise",
        model="gpt-oss-120b",
        system_prompt_file="prompts/editor.txt",
        prompt_file="prompts/summarise.md",
        output="text",
    )
    # --8<-- [end:files]

    # --8<-- [start:reasoning]
    OVHCloudAIEndpointsChatOperator(
        task_id="think",
        model="gpt-oss-120b",
        prompt="Is 2027 prime?",
        reasoning_effort="high",
        output="text",  # XCom `reasoning` has what was thought
    )
    # --8<-- [end:reasoning]
