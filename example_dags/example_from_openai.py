"""
What DAGs become that came from ``apache-airflow-providers-openai``, or from the ``openai`` package in a Python task.
"""

from datetime import datetime

from airflow import DAG
from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import (
    OVHCloudAIEndpointsBatchOperator,
    OVHCloudAIEndpointsChatOperator,
    OVHCloudAIEndpointsEmbeddingOperator,
)

try:
    from airflow.sdk import task
except ImportError:  # Airflow 2
    from airflow.decorators import task

REVIEW = "The parcel came a week late, but the bread was still warm."

with DAG("ovh_ai_from_openai", start_date=datetime(2026, 1, 1), schedule=None):
    # --8<-- [start:embeddings]
    embedded = OVHCloudAIEndpointsEmbeddingOperator(
        task_id="embed",
        model="bge-m3",
        input=["The parcel came a week late.", "It broke on the first day."],
    )

    @task
    def store(response: dict) -> list[int]:
        vectors = [item["embedding"] for item in response["data"]]
        return [len(vector) for vector in vectors]

    store(embedded.output)
    # --8<-- [end:embeddings]

    # --8<-- [start:batch]
    described = OVHCloudAIEndpointsBatchOperator(
        task_id="describe",
        model="gpt-oss-20b",
        rows=[{"city": "Lille"}, {"city": "Gdańsk"}, {"city": "Porto"}],
        prompt="What is {city} known for?",
        max_tokens=1000,
        deferrable=True,
    )

    @task
    def publish(result: dict) -> list[str]:
        return result["results"]  # a text for each row, in their order

    publish(described.output)
    # --8<-- [end:batch]

    # --8<-- [start:chat]
    @task
    def summarise(text: str) -> str:
        response = OVHCloudAIEndpointsHook().chat_completion(
            model="gpt-oss-120b",
            messages=[{"role": "user", "content": f"Summarise in one sentence: {text}"}],
        )
        return response["choices"][0]["message"]["content"]

    # --8<-- [end:chat]

    # --8<-- [start:operator]
    OVHCloudAIEndpointsChatOperator(
        task_id="classify",
        model="gpt-oss-120b",
        system_prompt="Answer with one word: positive, neutral or negative.",
        prompt=REVIEW,
        output="text",
        retries=3,
    )
    # --8<-- [end:operator]

    # --8<-- [start:decorator]
    @task.ovh_chat(
        model="gpt-oss-120b",
        system_prompt="Answer with one word: positive, neutral or negative.",
        output="text",
        retries=3,
    )
    def judge(review: str) -> str:
        return review.strip()

    judge(REVIEW)
    # --8<-- [end:decorator]

    # --8<-- [start:ask]
    @task(retries=3)
    def classify_and_explain(review: str) -> dict:
        hook = OVHCloudAIEndpointsHook()
        verdict = hook.ask(review, "gpt-oss-120b", system_prompt="Answer with one word: positive, neutral or negative.")
        reason = hook.ask(f"Why is this review {verdict.text}? {review}", "gpt-oss-120b")
        return {"verdict": verdict.text, "reason": reason.text}

    # --8<-- [end:ask]

    # --8<-- [start:keep]
    @task
    def with_the_package(review: str) -> str:
        from openai import OpenAI

        settings = OVHCloudAIEndpointsHook().settings.client
        with OpenAI(base_url=settings.base_url, api_key=settings.token, timeout=settings.timeout) as client:
            response = client.chat.completions.create(
                model="gpt-oss-120b", messages=[{"role": "user", "content": review}]
            )
        return response.choices[0].message.content

    # --8<-- [end:keep]

    summarise(REVIEW)
    classify_and_explain(REVIEW)
    with_the_package(REVIEW)
