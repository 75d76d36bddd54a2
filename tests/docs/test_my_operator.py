"""A unit test of an operator as the documentation shows it, which is quoted from here."""

from __future__ import annotations

# --8<-- [start:test]
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import OVHCloudAIEndpointsChatOperator


def test_my_operator(ovh_ai_endpoints_connection):
    operator = OVHCloudAIEndpointsChatOperator(task_id="ask", prompt="What is Airflow?", output="text")

    answer = operator.execute({})

    assert "What is Airflow?" in answer


# --8<-- [end:test]
