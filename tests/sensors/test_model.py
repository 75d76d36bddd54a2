"""
A model is waited for until it is served and responds.
"""

from __future__ import annotations

from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.errors import AuthenticationError, BadRequestError, ConfigurationError
from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from apache_airflow_provider_ovhcloud_ai.sensors.model import OVHCloudAIEndpointsModelSensor as Sensor

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("ovh_ai_endpoints_connection")]


def wait(model: str, **options: Any) -> Any:
    return Sensor(task_id="t", model=model, poke_interval=0.05, timeout=30, **options).execute({})


class TestWait:
    @pytest.mark.parametrize(
        ("model", "paths"),
        [
            ("gpt-oss-20b", ["/v1/models", "/v1/chat/completions"]),
            ("bge-m3", ["/v1/models", "/v1/embeddings"]),
            ("whisper-large-v3", ["/v1/models"]),
        ],
    )
    def test_a_model_that_is_there(self, model: str, paths: list[str], ovh_ai_endpoints_sandbox: Sandbox) -> None:
        assert wait(model)["id"] == model
        assert [request.path for request in ovh_ai_endpoints_sandbox.requests] == paths

    def test_a_model_is_asked_for_one_token(self, ovh_ai_endpoints_sandbox: Sandbox) -> None:
        wait("gpt-oss-20b")
        assert ovh_ai_endpoints_sandbox.requests[-1].json["max_tokens"] == 1

    def test_the_list_alone(self, ovh_ai_endpoints_sandbox: Sandbox) -> None:
        assert wait("gpt-oss-20b", require_response=False)["context_length"] == 131072
        assert [request.path for request in ovh_ai_endpoints_sandbox.requests] == ["/v1/models"]

    def test_several_in_one_name(self) -> None:
        assert wait("mistral@latest") == {"id": "mistral@latest"}

    @pytest.mark.parametrize("status", [404, 429, 500, 503])
    def test_what_passes_is_waited_for(self, status: int, ovh_ai_endpoints_sandbox: Sandbox) -> None:
        ovh_ai_endpoints_sandbox.fail_next(status, times=2, path="/v1/chat/completions")
        assert wait("gpt-oss-20b")["id"] == "gpt-oss-20b"
        paths = [request.path for request in ovh_ai_endpoints_sandbox.requests]
        assert paths.count("/v1/chat/completions") == 3

    def test_a_service_that_is_down_is_waited_for(self, ovh_ai_endpoints_sandbox: Sandbox) -> None:
        ovh_ai_endpoints_sandbox.drop_next(times=3)
        assert wait("gpt-oss-20b")["id"] == "gpt-oss-20b"

    @pytest.mark.parametrize(("status", "error"), [(403, AuthenticationError), (400, BadRequestError)])
    def test_what_does_not_pass_fails(
        self, status: int, error: type[Exception], ovh_ai_endpoints_sandbox: Sandbox
    ) -> None:
        ovh_ai_endpoints_sandbox.fail_next(status, path="/v1/chat/completions")
        with pytest.raises(error):
            wait("gpt-oss-20b")

    def test_a_model_that_is_not_there_is_named_with_its_neighbours(self) -> None:
        model, missing = OVHCloudAIEndpointsHook().check_model("gpt-oss-20")
        assert model is None
        assert missing.startswith("is not served; there is gpt-oss-20b")
        assert Sensor(task_id="t", model="gpt-oss-20").poke({}).is_done is False

    def test_no_model(self) -> None:
        with pytest.raises(ConfigurationError, match="model must not be empty"):
            wait(" ")
