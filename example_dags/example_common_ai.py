"""
Airflow's own AI provider over the same connection: an answer in the form of a class, and an agent that looks things up.
"""

from datetime import datetime

from airflow import DAG
from pydantic import BaseModel

try:
    from airflow.sdk import task
except ImportError:  # Airflow 2
    from airflow.decorators import task

with DAG("ovh_ai_common_ai", start_date=datetime(2026, 1, 1), schedule=None):
    # --8<-- [start:llm]
    class Ticket(BaseModel):
        product: str
        urgent: bool

    @task.llm(
        llm_conn_id="ovh_ai_endpoints_default",
        model_id="Meta-Llama-3_3-70B-Instruct",
        system_prompt="You sort the mail of a shop.",
        output_type=Ticket,
        serialize_output=True,
    )
    def sort(mail: str):
        return f"Which product is this about, and is it urgent?\n\n{mail}"

    sort("The coffee machine I bought yesterday is on fire!")
    # --8<-- [end:llm]

    # --8<-- [start:agent]
    def stock(product: str) -> str:
        """Tell how many pieces of a product are in stock."""
        return f"{product}: 12 pieces"

    @task.agent(
        llm_conn_id="ovh_ai_endpoints_default",
        system_prompt="You answer customers of a shop.",
        agent_params={"tools": [stock]},
    )
    def reply(question: str):
        return f"Look into the stock, then answer: {question}"

    reply("How many coffee machines do you have?")
    # --8<-- [end:agent]

    # --8<-- [start:hook]
    @task
    def summarise(text: str) -> str:
        from apache_airflow_provider_ovhcloud_ai.hooks.common_ai import OVHCloudAIEndpointsPydanticAIHook

        hook = OVHCloudAIEndpointsPydanticAIHook("ovh_ai_endpoints_default", model_id="gpt-oss-20b")
        agent = hook.create_agent(instructions="Summarise in one sentence.")
        return agent.run_sync(text).output

    # --8<-- [end:hook]

    summarise("Apache Airflow is a platform for workflows. They are written in Python.")
