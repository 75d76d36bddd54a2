"""
What the chat operator does beyond its request: what it returns, what it tells beside that.
"""

from __future__ import annotations

import copy
import itertools
import json
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal
from unittest.mock import MagicMock

import airflow
import pytest
from airflow.serialization import serialized_objects
from apache_airflow_provider_ovhcloud_ai import defaults
from apache_airflow_provider_ovhcloud_ai.client.chat.structured_output import ResponseFormat
from apache_airflow_provider_ovhcloud_ai.compat import AirflowFailException
from apache_airflow_provider_ovhcloud_ai.errors import (
    BudgetExceededError,
    ConfigurationError,
    InvalidOutputError,
    OutputTruncatedError,
)
from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import (
    OVHCloudAIEndpointsBulkChatOperator as BulkChat,
)
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import (
    OVHCloudAIEndpointsChatOperator as Chat,
)
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from pydantic import BaseModel, Field
from support.requests_seen import bodies
from support.services import TOKEN, ServiceResponse, running

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("ovh_ai_endpoints_connection")]

NUMBERS = itertools.count()
MODEL = "gpt-oss-20b"
PLAIN = "Meta-Llama-3_3-70B-Instruct"
PLACE = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


class Place(BaseModel):
    city: str


@pytest.fixture
def sandbox(ovh_ai_endpoints_sandbox: Sandbox) -> Sandbox:
    return ovh_ai_endpoints_sandbox


def execute(**options: Any) -> tuple[Any, dict[str, Any]]:
    """Run an operator without a DAG; give its result and the XComs that it pushed itself."""
    ti = MagicMock()
    try:
        result = Chat(task_id="t", **{"model": MODEL, **options}).execute({"ti": ti})
    except Exception as error:  # noqa: BLE001  (which of them is the test's to say)
        result = error
    return result, {call.kwargs["key"]: call.kwargs["value"] for call in ti.xcom_push.call_args_list}


class TestWhatComesBack:
    def test_each_output(self, sandbox: Sandbox) -> None:
        response, _ = execute(prompt="Hello")
        assert response["object"] == "chat.completion"
        message, _ = execute(prompt="Hello", output="message")
        assert message == response["choices"][0]["message"]
        assert message["reasoning"]
        text, _ = execute(prompt="Hello", output="text")
        assert text == message["content"]
        assert bodies(sandbox)[0] == bodies(sandbox)[-1]

    def test_json_asks_for_json(self, sandbox: Sandbox) -> None:
        value, _ = execute(prompt="Hello", output="json")
        assert value["sandbox"] is True
        assert bodies(sandbox)[0]["response_format"] == {"type": "json_object"}

    @pytest.mark.parametrize("form", [PLACE, Place])
    def test_a_form_returns_its_data(self, sandbox: Sandbox, form: Any) -> None:
        value, _ = execute(prompt="Hello", response_format=form)
        assert value.keys() == {"city"}
        response, _ = execute(prompt="Hello", response_format=form, output="response")
        assert json.loads(response["choices"][0]["message"]["content"]) == value

    @pytest.mark.parametrize(
        ("form", "value"), [(list[Place], []), (tuple[Place], [{"city": "sandbox"}]), (bool, True)]
    )
    def test_a_type_returns_its_json(self, sandbox: Sandbox, form: Any, value: Any) -> None:
        assert execute(prompt="Hello", response_format=form)[0] == value
        assert json.loads(execute(prompt="Hello", response_format=form, output="text")[0]) == {"value": value}

    @pytest.mark.parametrize(
        "form", [Place, list[Place], int, str | None, Literal["a"], Annotated[int, Field(ge=1)]], ids=str
    )
    def test_a_type_stays_out_of_the_serialized_dag(self, form: Any) -> None:
        assert "response_format" not in Chat.template_fields
        with airflow.DAG(f"types_{next(NUMBERS)}", start_date=datetime(2026, 1, 1), schedule=None) as dag:
            task = Chat(task_id="task", prompt="Hello", response_format=form)
            Chat.partial(task_id="mapped", response_format=form).expand(prompt=["Hello", "Bye"])
        serialise = getattr(serialized_objects, "DagSerialization", serialized_objects.SerializedDAG)
        text = json.dumps(serialise.to_dict(dag))
        assert text.count('"response_format"') == 1  # of the mapped task's arguments
        assert set(serialise.from_dict(json.loads(text)).task_ids) == {"task", "mapped"}
        assert ResponseFormat(copy.deepcopy(task).response_format).parameter == ResponseFormat(form).parameter
        assert dag.get_task("mapped").unmap({"prompt": "Hello"}).response_format is form

    def test_the_form_in_extra_body_is_sent_as_it_is(self, sandbox: Sandbox) -> None:
        form = {"type": "json_schema", "json_schema": {"name": "p", "schema": PLACE}}
        response, _ = execute(prompt="Hello", extra_body={"response_format": form})
        assert response["object"] == "chat.completion"
        error, _ = execute(prompt="Hello", response_format=PLACE, extra_body={"response_format": form})
        assert isinstance(error, ConfigurationError)
        assert "extra_body repeats response_format" in str(error)

    def test_what_is_no_output_is_refused_before_anything_is_sent(self, sandbox: Sandbox) -> None:
        error, metadata = execute(prompt="Hello", output="texts")
        assert isinstance(error, ConfigurationError)
        assert isinstance(error, AirflowFailException)
        assert "output must be one of response, text, json, message, not 'texts'" in str(error)
        assert not sandbox.requests
        assert "usage" not in metadata

    def test_the_operators_output_is_still_airflows(self) -> None:
        assert type(Chat(task_id="t", output="text").output).__name__ == "PlainXComArg"


class TestMetadata:
    def test_usage_reason_model_request_id_and_reasoning(self, sandbox: Sandbox) -> None:
        response, metadata = execute(prompt="Hello", reasoning_effort="high")
        assert metadata["finish_reason"] == "stop"
        assert metadata["model"] == MODEL
        assert metadata["request_id"]
        assert metadata["reasoning"] == response["choices"][0]["message"]["reasoning"]
        usage = metadata["usage"]
        assert usage["requests"] == 1
        assert usage["total_tokens"] == response["usage"]["total_tokens"]
        assert usage["reasoning_tokens"] == response["usage"]["completion_tokens_details"]["reasoning_tokens"]
        # USD a token, as the sandbox lists them.
        price = usage["input_tokens"] * 0.00000005 + usage["output_tokens"] * 0.00000018
        assert usage["cost"] == pytest.approx(price)
        assert usage["currency"] == "USD"

    def test_the_price_list_is_not_requested_without_report_cost(self, sandbox: Sandbox) -> None:
        _, metadata = execute(prompt="Hello", report_cost=False)
        assert (metadata["usage"]["cost"], metadata["usage"]["currency"]) == (None, None)
        assert [request.path for request in sandbox.requests] == ["/v1/chat/completions"]

    def test_an_answer_is_not_lost_for_its_price(self, sandbox: Sandbox) -> None:
        sandbox.fail_next(status=500, times=9, path="/v1/models")
        text, metadata = execute(prompt="Hello", output="text")
        assert "Hello" in text
        assert metadata["usage"]["cost"] is None
        assert len([request for request in sandbox.requests if request.path == "/v1/models"]) == 1

    def test_an_answer_does_not_wait_long_for_its_price(
        self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(defaults, "TEST_TIMEOUT_S", 0.2)
        sandbox.delay_next(3, path="/v1/models")
        assert execute(prompt="Hello")[1]["usage"]["cost"] is None

    def test_nothing_is_pushed_if_do_xcom_push_is_off(self) -> None:
        _, metadata = execute(prompt="Hello", do_xcom_push=False)
        assert not {"usage", "model", "finish_reason", "request_id", "reasoning"} & metadata.keys()

    def test_a_task_that_fails_reports_its_usage(self, sandbox: Sandbox) -> None:
        error, metadata = execute(prompt="Hello", max_tokens=1)
        assert isinstance(error, OutputTruncatedError)
        assert isinstance(error, AirflowFailException)
        assert metadata["usage"]["output_tokens"] == 1
        assert metadata["finish_reason"] == "length"
        assert len(bodies(sandbox)) == 1
        assert "usage" not in execute(model="nothing-1b", prompt="Hello")[1]

    def test_an_answer_without_text_reports_its_usage(self) -> None:
        tool = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
        error, metadata = execute(prompt="weather", tools=[tool], output="text")
        assert isinstance(error, InvalidOutputError)
        assert metadata["finish_reason"] == "tool_calls"


class TestToolsAndLimits:
    def test_functions_are_run(self, sandbox: Sandbox) -> None:
        cities: list[str] = []

        def weather(city: str) -> str:
            cities.append(city)
            return "rain"

        text, metadata = execute(prompt="the weather, please", tools=[weather], output="text")
        assert 'The tool answered: "rain"' in text
        assert metadata["usage"]["requests"] == len(bodies(sandbox)) == 2
        assert len(cities) == 1

    def test_a_budget_ends_the_task(self, sandbox: Sandbox) -> None:
        def weather(city: str) -> str:
            return "rain"

        error, metadata = execute(prompt="the weather", tools=[weather], max_total_tokens="1")
        assert isinstance(error, BudgetExceededError)
        assert isinstance(error, AirflowFailException)
        assert metadata["usage"]["requests"] == len(bodies(sandbox)) == 1

    def test_a_budget_in_money(self, sandbox: Sandbox) -> None:
        def weather(city: str) -> str:
            return "rain"

        error, _ = execute(prompt="the weather", tools=[weather], max_cost="0.00000001")
        assert isinstance(error, BudgetExceededError)
        assert "USD (max_cost)" in str(error)
        assert execute(prompt="the weather", tools=[weather], max_cost="0.1", output="text")[0]

    @pytest.mark.parametrize(
        ("limits", "sentence"),
        [
            ({"max_cost": 0}, "max_cost must be more than 0"),
            ({"max_cost": "much"}, "max_cost must be a number"),
            ({"max_total_tokens": 0}, "max_total_tokens must be a number of at least 1"),
        ],
    )
    def test_limits_that_are_none_are_refused(self, sandbox: Sandbox, limits: dict[str, Any], sentence: str) -> None:
        error, _ = execute(prompt="Hello", **limits)
        assert isinstance(error, ConfigurationError)
        assert sentence in str(error)
        assert not bodies(sandbox)

    def test_the_next_model_answers(self, sandbox: Sandbox) -> None:
        response, metadata = execute(model="gone-1b", prompt="Hello", fallback_models=[MODEL])
        assert response["model"] == metadata["model"] == MODEL


def test_many_prompts_keep_thoughts_out_of_their_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    choice = {"message": {"role": "assistant", "content": "<think>Hm.</think>Yes."}, "finish_reason": "stop"}
    with running(lambda _: ServiceResponse(200, {"choices": [choice]})) as service:
        stored = {"conn_type": "ovh_ai_endpoints", "host": service.base_url, "password": TOKEN}
        monkeypatch.setenv("AIRFLOW_CONN_OVH_AI_ENDPOINTS_DEFAULT", json.dumps(stored))
        bulk = BulkChat(task_id="t", model="m", rows=["a"]).execute({"ti": MagicMock()})
        folder = BulkChat(task_id="t", model="m", rows=["a"], output_path=str(tmp_path)).execute({"ti": MagicMock()})
    assert bulk["answers"] == ["Yes."]
    assert [row["answer"] for row in OVHCloudAIEndpointsHook.read_rows(folder)] == ["Yes."]


def test_both_ways_to_ask_are_one_too_many(sandbox: Sandbox) -> None:
    error, _ = execute(prompt="a", messages=[{"role": "user", "content": "b"}])
    assert "Give messages or prompt, not both." in str(error)
    assert "Nothing is asked: give prompt, or messages." in str(execute()[0])
    assert not bodies(sandbox)
