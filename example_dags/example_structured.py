"""
Answers as data: in the form of a JSON schema, of a Pydantic model class, of a Python type, and of any JSON.
"""

from datetime import datetime

from airflow import DAG
from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import OVHCloudAIEndpointsChatOperator
from pydantic import BaseModel

try:
    from airflow.sdk import task
except ImportError:  # Airflow 2
    from airflow.decorators import task


class Ticket(BaseModel):
    product: str
    urgent: bool


with DAG("ovh_ai_structured", start_date=datetime(2026, 1, 1), schedule=None):
    # --8<-- [start:schema]
    place = OVHCloudAIEndpointsChatOperator(
        task_id="place",
        model="gpt-oss-120b",
        prompt="Lyon lies where the Saône meets the Rhône.",
        response_format={
            "type": "object",
            "properties": {"city": {"type": "string"}, "rivers": {"type": "array", "items": {"type": "string"}}},
            "required": ["city", "rivers"],
        },
    )
    # --8<-- [end:schema]

    # --8<-- [start:use]
    @task
    def rivers(place: dict) -> int:
        return len(place["rivers"])

    rivers(place.output)
    # --8<-- [end:use]

    # --8<-- [start:model]
    OVHCloudAIEndpointsChatOperator(
        task_id="ticket",
        model="gpt-oss-120b",
        prompt="My oven is on fire!",
        response_format=Ticket,
        repair=False,  # an answer of another form fails at once
    )
    # --8<-- [end:model]

    # --8<-- [start:type]
    OVHCloudAIEndpointsChatOperator(
        task_id="tickets",
        model="gpt-oss-120b",
        prompt="My oven is on fire! And when does the new toaster arrive?",
        response_format=list[Ticket],
    )
    # --8<-- [end:type]

    # --8<-- [start:json]
    OVHCloudAIEndpointsChatOperator(
        task_id="anything",
        model="gpt-oss-120b",
        prompt="Name a city and its rivers, as a JSON object.",
        output="json",
    )
    # --8<-- [end:json]

    # --8<-- [start:hook]
    @task
    def urgent() -> bool:
        answer = OVHCloudAIEndpointsHook().ask("My oven is on fire!", "gpt-oss-120b", response_format=Ticket)
        return answer.parsed.urgent  # an instance of Ticket

    urgent()
    # --8<-- [end:hook]
