"""
DAGs of ``apache-airflow-providers-openai`` that the documentation begins with: run by ``test_quoted.py``.
"""

import json
import tempfile
from datetime import datetime

from airflow.sdk import DAG, task

REVIEW = "The parcel came a week late, but the bread was still warm."

with DAG("before_openai", start_date=datetime(2026, 1, 1), schedule=None):
    # --8<-- [start:embeddings]
    from airflow.providers.openai.operators.openai import OpenAIEmbeddingOperator

    embedded = OpenAIEmbeddingOperator(
        task_id="embed",
        conn_id="openai_default",
        input_text=["The parcel came a week late.", "It broke on the first day."],
        model="text-embedding-3-small",
    )

    @task
    def store(vectors: list[list[float]]) -> list[int]:
        return [len(vector) for vector in vectors]

    store(embedded.output)
    # --8<-- [end:embeddings]

    # --8<-- [start:batch]
    from airflow.providers.openai.hooks.openai import OpenAIHook
    from airflow.providers.openai.operators.openai import OpenAITriggerBatchOperator

    @task
    def upload(cities: list[str]) -> str:
        lines = [
            {
                "custom_id": city,
                "method": "POST",
                "url": "/v1/chat/completions",
                "body": {
                    "model": "gpt-4o-mini",
                    "max_tokens": 1000,
                    "messages": [{"role": "user", "content": f"What is {city} known for?"}],
                },
            }
            for city in cities
        ]
        with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
            file.writelines(json.dumps(line) + "\n" for line in lines)
            file.flush()
            return OpenAIHook().upload_file(file.name, purpose="batch").id

    described = OpenAITriggerBatchOperator(
        task_id="describe",
        file_id=upload(["Lille", "Gdańsk", "Porto"]),
        endpoint="/v1/chat/completions",
        deferrable=True,
    )

    @task
    def publish(batch_id: str) -> list[str]:
        hook = OpenAIHook()
        output = hook.conn.files.content(hook.get_batch(batch_id).output_file_id).text
        answers = {}
        for line in map(json.loads, output.splitlines()):
            answers[line["custom_id"]] = line["response"]["body"]["choices"][0]["message"]["content"]
        return [answers[city] for city in ["Lille", "Gdańsk", "Porto"]]

    publish(described.output)
    # --8<-- [end:batch]

    # --8<-- [start:chat]
    @task
    def summarise(text: str) -> str:
        choices = OpenAIHook().create_chat_completion(
            messages=[{"role": "user", "content": f"Summarise in one sentence: {text}"}],
            model="gpt-4o-mini",
        )
        return choices[0].message.content

    # --8<-- [end:chat]

    summarise(REVIEW)
