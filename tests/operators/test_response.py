"""
The Responses API as a task uses it: what is sent, what comes back, and what is refused before anything is paid for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest.mock import MagicMock

import pytest
from apache_airflow_provider_ovhcloud_ai.client.responses_api import read_text
from apache_airflow_provider_ovhcloud_ai.errors import (
    ConfigurationError,
    InvalidOutputError,
    InvalidResponseError,
    NotFoundError,
    OutputTruncatedError,
)
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import OVHCloudAIEndpointsResponseOperator as Response
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from apache_airflow_provider_ovhcloud_ai.ui.links import ModelCardLink
from pydantic import BaseModel
from support.requests_seen import list_model_requests

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("ovh_ai_endpoints_connection")]

MODEL = "gpt-oss-20b"


class Port(BaseModel):
    port: str
    tonnes: int


def execute(**arguments: Any) -> tuple[Any, dict[str, Any]]:
    """Run the operator without a DAG; give its result or error, and the XComs that it pushed itself."""
    ti = MagicMock()
    operator = Response(task_id="t", **{"model": MODEL, "input": "Which port?", **arguments})
    try:
        result = operator.execute({"ti": ti})
    except (OutputTruncatedError, InvalidOutputError, InvalidResponseError) as error:
        result = error
    return result, {call.kwargs["key"]: call.kwargs["value"] for call in ti.xcom_push.call_args_list}


def answer(text: str | None, **fields: Any) -> dict[str, Any]:
    content = [] if text is None else [{"type": "output_text", "text": text}]
    output = [{"type": "message", "role": "assistant", "content": content}]
    usage = {"input_tokens": 5, "output_tokens": 7, "total_tokens": 12}
    return {"object": "response", "status": "completed", "model": MODEL, "output": output, "usage": usage, **fields}


class TestWhatIsSent:
    def test_no_more_than_was_asked_for(self, ovh_ai_endpoints_sandbox: Sandbox) -> None:
        execute()
        (request,) = list_model_requests(ovh_ai_endpoints_sandbox)
        assert (request.path, request.json) == (
            "/v1/responses",
            {"model": MODEL, "input": "Which port?", "store": False},
        )

    def test_all_that_was(self, ovh_ai_endpoints_sandbox: Sandbox) -> None:
        execute(
            input=[{"role": "user", "content": "Which port?"}, {"type": "reasoning", "summary": []}],
            instructions="Be brief.",
            response_format=Port,
            reasoning_effort="low",
            max_output_tokens="900",
            temperature="0.5",
            top_p="1",
            extra_body={"metadata": {"team": "ports"}},
        )
        body = list_model_requests(ovh_ai_endpoints_sandbox)[0].json
        form = body.pop("text")["format"]
        assert (form["type"], form["name"], form["schema"]["required"]) == ("json_schema", "Port", ["port", "tonnes"])
        assert body == {
            "model": MODEL,
            "input": [
                {"type": "message", "role": "user", "content": "Which port?"},
                {"type": "reasoning", "summary": []},
            ],
            "instructions": "Be brief.",
            "reasoning": {"effort": "low"},
            "max_output_tokens": 900,
            "temperature": 0.5,
            "top_p": 1,
            "store": False,
            "metadata": {"team": "ports"},
        }

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({"input": ""}, "input must not be empty"),
            ({"input": []}, "input must hold at least one item"),
            ({"input": {"role": "user"}}, "input must be a text or a list of items"),
            ({"input": ["Hi"]}, r"input\[0\] must be a dictionary, not 'Hi'"),
            ({"input": [{"content": "Hi"}]}, r"input\[0\] must have a 'role'"),
            ({"output": "message"}, "output must be one of response, text, json, not 'message'"),
            ({"max_output_tokens": "many"}, "max_output_tokens must be a number"),
            ({"temperature": 3}, "temperature must be a number from 0 to 2"),
            ({"response_format": 5}, "response_format must be a JSON schema"),
            ({"extra_body": {"previous_response_id": "resp_1"}}, "send the whole conversation as input"),
            ({"extra_body": {"conversation": "conv_1"}}, "send the whole conversation as input"),
            ({"extra_body": {"background": True}}, "batch operator"),
            ({"extra_body": {"store": True}}, "the service keeps no responses"),
            ({"extra_body": {"stream": True}}, "chat operator shows"),
            ({"extra_body": {"instructions": "x"}}, "extra_body repeats instructions"),
            ({"input": "x" * 2_000_000}, "send a shorter input"),
        ],
    )
    def test_what_cannot_work_is_not_sent(
        self, options: dict[str, Any], words: str, ovh_ai_endpoints_sandbox: Sandbox
    ) -> None:
        with pytest.raises(ConfigurationError, match=words):
            execute(**options)
        assert not ovh_ai_endpoints_sandbox.requests


class TestWhatComesBack:
    def test_response(self) -> None:
        response, pushed = execute()
        assert "Which port?" in read_text(response)
        assert (pushed["model"], pushed["status"]) == (MODEL, "completed")
        usage = pushed["usage"]
        assert usage["requests"] == 1
        assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
        assert usage["reasoning_tokens"] > 0
        assert usage["cost"] == pytest.approx(usage["input_tokens"] * 5e-8 + usage["output_tokens"] * 18e-8)
        assert pushed[ModelCardLink.xcom_key].endswith("/gpt-oss-20b/")

    def test_text_and_data(self) -> None:
        assert "Which port?" in execute(output="text")[0]
        assert set(execute(response_format=Port)[0]) == {"port", "tonnes"}
        assert set(execute(response_format=Port, output="response")[0]) > {"output", "usage"}

    def test_one_line_in_the_log(self, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
        caplog.set_level("INFO")
        execute(input="Bescherelle")
        output = caplog.text + "".join(capfd.readouterr())
        assert f"AI Endpoints response: model={MODEL} input_tokens=" in output
        assert "Bescherelle" not in output

    def test_no_price_is_asked_for(self, ovh_ai_endpoints_sandbox: Sandbox) -> None:
        assert execute(report_cost=False)[1]["usage"]["cost"] is None
        assert len(ovh_ai_endpoints_sandbox.requests) == 1

    @pytest.mark.parametrize(
        ("body", "error", "words"),
        [
            (answer("a", status="failed", error={"message": "no GPU"}), InvalidResponseError, "failed: no GPU"),
            (answer("a", status="failed", error=None), InvalidResponseError, "does not say why"),
            ({"object": "response"}, InvalidResponseError, "without an 'output'"),
            (answer(None, status="incomplete"), OutputTruncatedError, "Raise max_output_tokens"),
        ],
    )
    def test_what_is_no_answer(
        self, body: dict[str, Any], error: type[Exception], words: str, ovh_ai_endpoints_sandbox: Sandbox
    ) -> None:
        ovh_ai_endpoints_sandbox.fail_next(200, body)
        failure, pushed = execute()
        assert isinstance(failure, error)
        assert words in str(failure)
        # What was paid for is told.
        assert ("usage" in pushed) == ("usage" in body)

    def test_another_form(self, ovh_ai_endpoints_sandbox: Sandbox) -> None:
        ovh_ai_endpoints_sandbox.fail_next(200, answer('{"port": 5}'))
        failure, pushed = execute(response_format=Port)
        assert isinstance(failure, InvalidOutputError)
        assert "has not the form asked for: port: " in str(failure)
        assert failure.response is not None
        assert pushed["usage"]["total_tokens"] == 12

    def test_cut_in_the_middle_is_an_answer(self, ovh_ai_endpoints_sandbox: Sandbox) -> None:
        ovh_ai_endpoints_sandbox.fail_next(200, answer("Le Ha", status="incomplete"))
        text, pushed = execute(output="text")
        assert (text, pushed["status"]) == ("Le Ha", "incomplete")

    def test_an_unknown_model(self) -> None:
        with pytest.raises(NotFoundError, match="gpt-oss-20b"):
            execute(model="gpt-oss-21b")


def test_in_a_dag(run_dag: Callable[..., Any], xcom: Callable[..., Any]) -> None:
    run = run_dag(
        """
from datetime import datetime
from airflow import DAG
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import OVHCloudAIEndpointsResponseOperator
with DAG("d", start_date=datetime(2026, 1, 1), schedule=None, params={"city": "Brest"}):
    OVHCloudAIEndpointsResponseOperator.partial(
        task_id="t", model="gpt-oss-20b", output="text", instructions="About {{ params.city }}."
    ).expand(input=["{{ params.city }}?", [{"role": "user", "content": "{{ params.city }}!"}]])
"""
    )
    assert "Brest?" in xcom(run, "t", map_indexes=0)
    assert "Brest!" in xcom(run, "t", map_indexes=1)
