from __future__ import annotations

from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.client.responses_api import read_text
from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("ovh_ai_endpoints_connection")]

MODEL = "gpt-oss-20b"


def test_a_conversation_goes_on() -> None:
    hook = OVHCloudAIEndpointsHook()
    messages: list[Any] = [{"role": "user", "content": "Name a river."}]
    messages += hook.create_response(messages, MODEL)["output"]
    messages.append({"role": "user", "content": "And another?"})
    assert "And another?" in read_text(hook.create_response(messages, MODEL))


def test_answer_is_read_without_its_reasoning() -> None:
    hook = OVHCloudAIEndpointsHook()
    response = hook.create_response("Which port?", MODEL, reasoning_effort="high")
    assert [item["type"] for item in response["output"]] == ["reasoning", "message"]
    text = hook.read_response_text(response)
    assert text == response["output"][1]["content"][0]["text"]
    assert hook.read_response_text({"output": []}) == ""


def test_connection_names_the_model_and_nothing_is_stored(ovh_ai_endpoints_sandbox: Sandbox) -> None:
    assert OVHCloudAIEndpointsHook().create_response("Hi")["model"] == "Meta-Llama-3_3-70B-Instruct"
    assert ovh_ai_endpoints_sandbox.requests[0].json["store"] is False
