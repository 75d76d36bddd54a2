"""
What all operators have in common: links, retries and errors, the fields of the request.
"""

from __future__ import annotations

import json
from unittest.mock import MagicMock

import pytest
from apache_airflow_provider_ovhcloud_ai.compat import AirflowFailException
from apache_airflow_provider_ovhcloud_ai.errors import APIStatusError, AuthenticationError, ConfigurationError
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import OVHCloudAIEndpointsChatOperator as Chat
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import OVHCloudAIEndpointsEmbeddingOperator as Embedding
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from apache_airflow_provider_ovhcloud_ai.ui.links import LINKS, ConsoleLink, ModelCardLink, PlaygroundLink, UsageLink
from support.operator_cases import execute
from support.requests_seen import list_model_requests

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("ovh_ai_endpoints_connection")]

QUESTION = [{"role": "user", "content": "Why?"}]


class TestPatience:
    def test_retries_of_the_call(self, ovh_ai_endpoints_sandbox: Sandbox) -> None:
        ovh_ai_endpoints_sandbox.fail_next(status=503, times=2, headers={"Retry-After": "0"})
        execute(Chat(task_id="t", model="gpt-oss-120b", messages=QUESTION, max_retries=2))
        assert len(list_model_requests(ovh_ai_endpoints_sandbox)) == 3

    def test_no_retries_of_the_call(self, ovh_ai_endpoints_sandbox: Sandbox) -> None:
        ovh_ai_endpoints_sandbox.fail_next(status=503, headers={"Retry-After": "0"})
        with pytest.raises(APIStatusError, match="503 Service Unavailable"):
            execute(Chat(task_id="t", model="gpt-oss-120b", messages=QUESTION, max_retries=0))

    @pytest.mark.parametrize("fail_fast", [True, False])
    def test_fail_fast(self, fail_fast: bool, ovh_ai_endpoints_sandbox: Sandbox) -> None:
        ovh_ai_endpoints_sandbox.fail_next(status=401)
        with pytest.raises(AuthenticationError) as caught:
            execute(Chat(task_id="t", model="gpt-oss-120b", messages=QUESTION, fail_fast=fail_fast))
        assert isinstance(caught.value, AirflowFailException) == fail_fast


class TestLinks:
    def test_are_pushed_before_the_call_so_that_a_failed_task_has_them(self, ovh_ai_endpoints_sandbox: Sandbox) -> None:
        ovh_ai_endpoints_sandbox.fail_next(status=400)
        ti = MagicMock()
        with pytest.raises(APIStatusError):
            Chat(task_id="t", model="gpt-oss-120b", messages=QUESTION).execute({"ti": ti})
        assert [call.kwargs["key"] for call in ti.xcom_push.call_args_list] == [
            ConsoleLink.xcom_key,
            ModelCardLink.xcom_key,
            PlaygroundLink.xcom_key,
            UsageLink.xcom_key,
        ]

    def test_lead_to_the_model(self) -> None:
        _, pushed = execute(Embedding(task_id="t", input="a"))
        assert pushed[ModelCardLink.xcom_key].endswith("/catalog/bge-m3/")
        assert pushed[PlaygroundLink.xcom_key].endswith("/bge-m3")
        assert pushed[UsageLink.xcom_key].endswith("/ai/endpoints/metrics")

    def test_are_left_out_for_another_service(
        self, ovh_ai_endpoints_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        other = json.loads(ovh_ai_endpoints_sandbox.connection_json) | {"extra": {}}
        monkeypatch.setenv("AIRFLOW_CONN_OTHER", json.dumps(other))
        _, pushed = execute(Chat(task_id="t", ovh_conn_id="other", model="gpt-oss-120b", messages=QUESTION))
        links = {link.xcom_key: pushed[link.xcom_key] for link in LINKS}  # one that is missing is an error in the log
        assert [key for key, url in links.items() if url] == [ConsoleLink.xcom_key]

    def test_the_console_is_there_even_for_a_connection_that_cannot_be_read(self) -> None:
        ti = MagicMock()
        with pytest.raises(ConfigurationError):
            Chat(task_id="t", ovh_conn_id="not/there", messages=QUESTION).execute({"ti": ti})
        (call,) = ti.xcom_push.call_args_list
        assert call.kwargs["key"] == ConsoleLink.xcom_key
        assert call.kwargs["value"].endswith("/ovhcloud-ai/connection?id=not%2Fthere")
