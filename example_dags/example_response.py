"""
A question over the Responses API, an answer as data, and a conversation that goes on: the service keeps nothing of it.
"""

from datetime import datetime

from airflow import DAG
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import OVHCloudAIEndpointsResponseOperator

try:
    from airflow.sdk import task
except ImportError:  # Airflow 2
    from airflow.decorators import task

with DAG("ovh_ai_response", start_date=datetime(2026, 1, 1), schedule=None):
    # --8<-- [start:ask]
    OVHCloudAIEndpointsResponseOperator(
        task_id="ask",
        model="gpt-oss-20b",
        instructions="Answer in one sentence.",
        input="What is a lighthouse for?",
        reasoning_effort="low",
        output="text",
    )
    # --8<-- [end:ask]

    # --8<-- [start:data]
    OVHCloudAIEndpointsResponseOperator(
        task_id="data",
        model="gpt-oss-20b",
        input="Which port of France is the largest?",
        response_format={
            "type": "object",
            "properties": {"port": {"type": "string"}, "tonnes": {"type": "integer"}},
            "required": ["port", "tonnes"],
        },
    )
    # --8<-- [end:data]

    # --8<-- [start:goes_on]
    @task
    def converse() -> str:
        from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook

        hook = OVHCloudAIEndpointsHook()
        messages = [{"role": "user", "content": "Name a river of Poland."}]
        messages += hook.create_response(messages, "gpt-oss-20b")["output"]
        messages += [{"role": "user", "content": "How long is it?"}]
        return hook.read_response_text(hook.create_response(messages, "gpt-oss-20b"))

    # --8<-- [end:goes_on]

    converse()
