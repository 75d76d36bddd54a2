"""
Functions that a model may call while it answers, and calls that are left to the author.
"""

from datetime import datetime
from typing import Literal

from airflow import DAG
from apache_airflow_provider_ovhcloud_ai.errors import ToolError
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import OVHCloudAIEndpointsChatOperator

STOCK = {"bread": 12, "cake": 0}


# --8<-- [start:function]
def read_stock(item: str, unit: Literal["pieces", "boxes"] = "pieces") -> int:
    """
    Count what is in stock.

    :param item: what to count
    :param unit: how to count it
    """
    if not item:
        raise ToolError("Name an item.")  # the model is told, and may try again
    return STOCK.get(item, 0) // (10 if unit == "boxes" else 1)


# --8<-- [end:function]

with DAG("ovh_ai_tools", start_date=datetime(2026, 1, 1), schedule=None):
    # --8<-- [start:loop]
    OVHCloudAIEndpointsChatOperator(
        task_id="answer",
        model="gpt-oss-120b",
        prompt="Look up the read_stock bread. Is there enough for ten guests?",
        tools=[read_stock],
        max_tool_rounds=3,
        output="text",
    )
    # --8<-- [end:loop]

    # --8<-- [start:dictionary]
    OVHCloudAIEndpointsChatOperator(
        task_id="decide",
        model="gpt-oss-120b",
        prompt="Order flour.",
        tools=[
            {
                "type": "function",
                "function": {
                    "name": "order",
                    "parameters": {"type": "object", "properties": {"item": {"type": "string"}}, "required": ["item"]},
                },
            }
        ],
        extra_body={"tool_choice": "required"},
        output="message",  # with `tool_calls`, which nobody has run
    )
    # --8<-- [end:dictionary]
