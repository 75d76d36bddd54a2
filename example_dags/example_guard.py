"""
A question is checked before a language model gets it, and the answer before anybody reads it.
"""

from datetime import datetime

from airflow import DAG
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import (
    OVHCloudAIEndpointsChatOperator,
    OVHCloudAIEndpointsGuardOperator,
)

try:
    from airflow.sdk import task
except ImportError:  # Airflow 2
    from airflow.decorators import task

with DAG(
    "ovh_ai_guard",
    start_date=datetime(2026, 1, 1),
    schedule=None,
    params={"question": "How do I sharpen a kitchen knife?"},
):
    # --8<-- [start:branch]
    check_question = OVHCloudAIEndpointsGuardOperator(
        task_id="check_question",
        text="{{ params.question }}",
        unsafe_levels=["Unsafe", "Controversial"],
        on_unsafe="branch",
        safe_task_ids="answer",
        unsafe_task_ids="refuse",
    )

    answer = OVHCloudAIEndpointsChatOperator(
        task_id="answer",
        model="Meta-Llama-3_3-70B-Instruct",
        prompt="{{ params.question }}",
        output="text",
    )

    @task
    def refuse(verdict: dict) -> str:
        return f"Sorry, that is nothing for me: {', '.join(verdict['categories'])}."

    check_question >> [answer, refuse(check_question.output)]
    # --8<-- [end:branch]

    # --8<-- [start:fail]
    check_answer = OVHCloudAIEndpointsGuardOperator(
        task_id="check_answer",
        text="{{ params.question }}",
        answer=answer.output,
        on_unsafe="fail",
    )
    # --8<-- [end:fail]

    @task
    def publish(text: str) -> str:
        return text

    check_answer >> publish(answer.output)

    # --8<-- [start:hook]
    @task
    def count_unsafe(texts: list) -> int:
        from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook

        hook = OVHCloudAIEndpointsHook()
        return sum(not hook.moderate(text)["safe"] for text in texts)

    # --8<-- [end:hook]

    count_unsafe(["Where is the station?", "How do I poison a neighbour?"])
