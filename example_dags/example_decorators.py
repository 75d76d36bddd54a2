"""
Prompts and texts from Python functions: the function says what is sent, the task sends it.
"""

from datetime import datetime

try:
    from airflow.sdk import DAG, task
except ImportError:  # Airflow 2.11
    from airflow import DAG
    from airflow.decorators import task

with DAG("ovh_ai_decorators", start_date=datetime(2026, 1, 1), schedule=None, params={"language": "French"}):

    @task
    def cities() -> list[str]:
        return ["Lille", "Gdańsk", "Porto"]

    # --8<-- [start:chat]
    @task.ovh_chat(
        model="gpt-oss-120b",
        system_prompt="Answer in {{ params.language }}, in one sentence.",
        output="text",
        retries=2,
    )
    def describe(city: str) -> str:
        return f"What is {city} known for?"

    # --8<-- [end:chat]

    # --8<-- [start:messages]
    @task.ovh_chat(model="Meta-Llama-3_3-70B-Instruct", temperature=0.0, output="text")
    def compare(descriptions: list[str], params: dict) -> list[dict]:
        return [
            {"role": "system", "content": f"Answer in {params['language']}."},
            {"role": "user", "content": "Which of these is best visited now?\n\n" + "\n\n".join(descriptions)},
        ]

    # --8<-- [end:messages]

    # --8<-- [start:embed]
    @task.ovh_embed(model="bge-m3")
    def embed(descriptions: list[str]) -> list[str]:
        return [text.strip() for text in descriptions]

    # --8<-- [end:embed]

    # --8<-- [start:use]
    descriptions = describe.expand(city=cities())
    compare(descriptions)
    embed(descriptions)
    # --8<-- [end:use]
