from __future__ import annotations

from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai import defaults
from apache_airflow_provider_ovhcloud_ai.errors import ConfigurationError
from apache_airflow_provider_ovhcloud_ai.operators import ai_endpoints
from apache_airflow_provider_ovhcloud_ai.operators._chat_request import ChatRequestOperator
from support.tool_functions import DICTIONARY

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("ovh_ai_endpoints_connection")]

OPERATORS = [
    ai_endpoints.OVHCloudAIEndpointsChatOperator,
    ai_endpoints.OVHCloudAIEndpointsBulkChatOperator,
    ai_endpoints.OVHCloudAIEndpointsBatchOperator,
]


@pytest.mark.parametrize("operator", OPERATORS)
def test_operators_have_the_same_parameters(operator: Any) -> None:
    values: dict[str, Any] = {
        "response_format": int,
        "max_tokens": "7",
        "fallback_models": ["a"],
        "tools": [DICTIONARY],
    }
    task = operator(task_id="t", prompt="a", **values)
    assert {name: getattr(task, name) for name in values} == values
    assert issubclass(operator, ChatRequestOperator)
    assert set(ChatRequestOperator.template_fields) <= set(operator.template_fields)
    assert set(ChatRequestOperator.prompt_fields) <= set(operator.prompt_fields)


def test_parameters_that_are_not_given_are_left_out() -> None:
    params = ChatRequestOperator(task_id="t").chat_params()
    assert params == {
        "response_format": None,
        "repair": True,
        "tools": None,
        "max_tool_rounds": defaults.MAX_TOOL_ROUNDS,
        "fallback_models": None,
        "temperature": defaults.TEMPERATURE,
        "max_tokens": None,
        "top_p": None,
        "stop": None,
        "extra_body": {},
    }
    assert ChatRequestOperator(task_id="t", reasoning_effort="low").chat_params()["reasoning_effort"] == "low"


@pytest.mark.parametrize(
    ("options", "names", "message"),
    [
        ({"extra_body": {"model": "a"}}, (), "extra_body repeats model"),
        ({"extra_body": {"messages": []}}, (), "extra_body repeats messages"),
        ({"extra_body": {"top_p": 1}}, (), "extra_body repeats top_p"),
        ({"extra_body": {"tools": []}, "tools": [DICTIONARY]}, (), "extra_body repeats tools"),
        ({"extra_body": {"reasoning_effort": "low"}, "reasoning_effort": "high"}, (), "repeats reasoning_effort"),
        ({"extra_body": {"images": "a"}}, ("images",), "extra_body repeats images"),
        ({"extra_body": "seed"}, (), "extra_body must be a dictionary"),
    ],
)
def test_extra_body_repeats_no_parameter(options: dict[str, Any], names: tuple[str, ...], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        ChatRequestOperator(task_id="t", **options).chat_params(*names)


@pytest.mark.parametrize("name", ["response_format", "tools", "reasoning_effort", "seed"])
def test_extra_body_may_have_what_is_not_given(name: str) -> None:
    task = ChatRequestOperator(task_id="t", extra_body={name: "x"})
    assert task.chat_params()["extra_body"] == {name: "x"}
