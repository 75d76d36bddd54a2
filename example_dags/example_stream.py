"""
A long answer that is written into the task's log as it comes, and in a Python task piece by piece.
"""

from datetime import datetime

from airflow import DAG
from apache_airflow_provider_ovhcloud_ai.errors import AIEndpointsError
from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import OVHCloudAIEndpointsChatOperator

try:
    from airflow.sdk import task
except ImportError:  # Airflow 2
    from airflow.decorators import task

with DAG("ovh_ai_stream", start_date=datetime(2026, 1, 1), schedule=None):
    # --8<-- [start:operator]
    OVHCloudAIEndpointsChatOperator(
        task_id="story",
        model="gpt-oss-120b",
        messages=[{"role": "user", "content": "Tell the history of the port of Dunkirk, at length."}],
        stream=True,
        timeout=60,  # seconds without a word, not seconds in all
    )
    # --8<-- [end:operator]

    # --8<-- [start:hook]
    @task
    def first_sentence() -> str:
        question = [{"role": "user", "content": "What is a data pipeline?"}]
        text = ""
        with OVHCloudAIEndpointsHook().stream_chat_completion("gpt-oss-20b", question) as stream:
            for piece in stream:
                text += piece
                if "." in piece:
                    break  # ends the request
        return text

    # --8<-- [end:hook]

    # --8<-- [start:kept]
    @task
    def whatever_comes() -> str:
        stream = OVHCloudAIEndpointsHook().stream_chat_completion("gpt-oss-20b", [{"role": "user", "content": "Hi"}])
        try:
            return "".join(stream)
        except AIEndpointsError as error:
            if error.response is None:
                raise
            return error.response["choices"][0]["message"]["content"]

    # --8<-- [end:kept]

    first_sentence() >> whatever_comes()
