"""
What the documentation shows and no example DAG has: each section is quoted there, and run by ``test_quoted.py``.
"""

import os
from datetime import datetime

from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG, Variable, task

# --8<-- [start:operators]
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import (
    OVHCloudAIEndpointsBatchOperator,
    OVHCloudAIEndpointsBulkChatOperator,
    OVHCloudAIEndpointsChatOperator,
    OVHCloudAIEndpointsEmbeddingOperator,
    OVHCloudAIEndpointsGuardOperator,
    OVHCloudAIEndpointsImageOperator,
    OVHCloudAIEndpointsModelsOperator,
    OVHCloudAIEndpointsResponseOperator,
    OVHCloudAIEndpointsTranscriptionOperator,
)

# --8<-- [end:operators]

REVIEW = "The parcel came a week late, but the bread was still warm."

with DAG("quoted", start_date=datetime(2026, 1, 1), schedule=None):
    # --8<-- [start:sensor]
    from apache_airflow_provider_ovhcloud_ai.sensors.batch import OVHCloudAIEndpointsBatchSensor

    OVHCloudAIEndpointsBatchSensor(task_id="wait", batch_id="{{ var.value.batch_id }}", deferrable=True)
    # --8<-- [end:sensor]

    # --8<-- [start:storage]
    classified = OVHCloudAIEndpointsBulkChatOperator(
        task_id="classify_all",
        input_path="s3://my_conn@bucket/reviews.csv",
        output_path="s3://my_conn@bucket/classified/{{ run_id }}",
        prompt="A review with {stars} stars: {review}",
        retries=3,
    )
    # --8<-- [end:storage]

    # --8<-- [start:read]
    from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook

    @task
    def find_longest(path: str) -> str:
        return max((row["answer"] for row in OVHCloudAIEndpointsHook.read_rows(path)), key=len)

    find_longest(classified.output["path"])
    # --8<-- [end:read]

    # --8<-- [start:scans]
    from airflow.sdk import ObjectStoragePath  # Airflow 2: from airflow.io.path import ObjectStoragePath

    SCANS = ObjectStoragePath("s3://my_conn@bucket/scans")

    OVHCloudAIEndpointsChatOperator(
        task_id="read_invoice",
        model="Qwen2.5-VL-72B-Instruct",
        prompt="What is the total of this invoice? Answer with the amount alone.",
        images=[SCANS / "17-front.png", SCANS / "17-back.png"],
    )
    # --8<-- [end:scans]

    @task
    def in_python() -> dict:
        answers = {}
        conversations = [[{"role": "user", "content": text}] for text in ("Why?", "How?")]

        def store(conversation: list, answer: dict | str) -> None:
            answers[conversation[0]["content"]] = answer

        # --8<-- [start:signature]
        from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook

        hook = OVHCloudAIEndpointsHook(
            ovh_conn_id="ovh_ai_endpoints_default", timeout=None, max_retries=None, fail_fast=True
        )
        # --8<-- [end:signature]

        # --8<-- [start:each]
        for outcome in hook.each_chat_completion(conversations, "gpt-oss-20b"):
            store(outcome.item, outcome.value if outcome.error is None else str(outcome.error))
        # --8<-- [end:each]

        return answers

    in_python()

    @task
    def look(path: str) -> str:
        # --8<-- [start:look]
        from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook

        answer = OVHCloudAIEndpointsHook().ask("What is on this?", "Qwen2.5-VL-72B-Instruct", images=[path])
        print(answer.text)
        # --8<-- [end:look]
        return answer.text

    look(os.environ["SCAN"])

    @task.ovh_chat(model="gpt-oss-20b", output="text")
    def describe(city: str) -> str:
        return f"What is {city} known for?"

    # --8<-- [start:template]
    describe("{{ dag_run.conf['city'] }}")
    # --8<-- [end:template]

    # --8<-- [start:package]
    from openai import OpenAI

    def classify(review: str) -> str:
        client = OpenAI(api_key=Variable.get("openai_api_key"), base_url=Variable.get("openai_base_url"))
        response = client.chat.completions.create(
            model="gpt-oss-120b",
            messages=[
                {"role": "system", "content": "Answer with one word: positive, neutral or negative."},
                {"role": "user", "content": review},
            ],
        )
        return response.choices[0].message.content

    PythonOperator(task_id="classify", python_callable=classify, op_args=[REVIEW], retries=3)
    # --8<-- [end:package]
