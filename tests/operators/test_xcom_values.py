"""
What a model may say, as XCom of a real Airflow holds it: on each release, its tasks succeed and its text is kept.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox

pytestmark = pytest.mark.airflow

NUMBERS = itertools.count()

DAG = """
from datetime import datetime
from airflow import DAG
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import (
    OVHCloudAIEndpointsBulkChatOperator, OVHCloudAIEndpointsChatOperator, OVHCloudAIEndpointsResponseOperator,
)

with DAG("xcom_values_{}", start_date=datetime(2026, 1, 1), schedule=None):
    text = OVHCloudAIEndpointsChatOperator(task_id="text", prompt="Hi", model="gpt-oss-20b", output="text")
    whole = OVHCloudAIEndpointsChatOperator(task_id="whole", prompt="Hi", model="gpt-oss-20b")
    rows = OVHCloudAIEndpointsBulkChatOperator(task_id="rows", rows=["Hi", "Ho"], model="gpt-oss-20b", concurrency=1)
    response = OVHCloudAIEndpointsResponseOperator(task_id="response", input="Hi", model="gpt-oss-20b", output="text")
    text >> whole >> rows >> response
"""

#: Half of a pair, a whole pair in two halves, NUL, and the numbers that JSON doesn't have.
OUTPUT = "half \ud83d, whole \ud83d\ude00, NUL \0"
STORED = "half \ufffd, whole \U0001f600, NUL \ufffd"
LOGPROBS = {"content": [{"token": "a\0", "logprob": float("-inf"), "top_logprobs": []}]}


def test_xcom_holds_what_a_model_says(
    run_dag: Callable[..., Any],
    xcom: Callable[..., Any],
    ovh_ai_endpoints_connection: str,
    ovh_ai_endpoints_sandbox: Sandbox,
) -> None:
    message = {"role": "assistant", "content": OUTPUT, "reasoning": OUTPUT}
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": LOGPROBS}
    completion = json.dumps({"choices": [choice], "model": "gpt-oss-20b", "usage": {"total_tokens": 3}}).encode()
    ovh_ai_endpoints_sandbox.fail_next(200, completion, path="/v1/chat/completions", times=4)
    output = [{"type": "message", "content": [{"type": "output_text", "text": OUTPUT}]}]
    ovh_ai_endpoints_sandbox.fail_next(200, json.dumps({"output": output}).encode(), path="/v1/responses")
    run = run_dag(DAG.format(next(NUMBERS)))
    assert str(run.state) == "success"
    assert xcom(run, "text") == xcom(run, "text", "reasoning") == xcom(run, "response") == STORED
    (stored,) = xcom(run, "whole")["choices"]
    assert stored["message"]["content"] == STORED
    assert stored["logprobs"] == {"content": [{"token": "a\ufffd", "logprob": None, "top_logprobs": []}]}
    assert xcom(run, "rows")["answers"] == [STORED, STORED]
