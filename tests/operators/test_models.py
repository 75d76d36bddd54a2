"""
Models: listed, filtered, and waited for.
"""

from __future__ import annotations

from typing import Any
from unittest.mock import MagicMock

import pytest
from apache_airflow_provider_ovhcloud_ai.errors import AuthenticationError, BadRequestError, ConfigurationError
from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import OVHCloudAIEndpointsModelsOperator as Models
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from apache_airflow_provider_ovhcloud_ai.sensors.model import OVHCloudAIEndpointsModelSensor as Sensor

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("ovh_ai_endpoints_connection")]


def listed(**options: Any) -> Any:
    return Models(task_id="t", **{"output": "ids", **options}).execute({"ti": MagicMock()})


class TestList:
    def test_all_as_the_service_describes_them(self) -> None:
        models = listed(output="models")
        assert len(models) == 24
        assert models[0]["id"] == "bge-m3"
        assert models[0]["pricing"]["prompt"] == "0.00000001"
        assert [model["id"].lower() for model in models] == sorted(model["id"].lower() for model in models)

    @pytest.mark.parametrize(
        ("options", "ids"),
        [
            ({"kind": "embedding"}, ["bge-m3", "bge-multilingual-gemma2", "Qwen3-Embedding-8B"]),
            ({"kind": "image"}, ["stable-diffusion-xl-base-v10"]),
            ({"kind": ["image", "speech"], "name": "*-v*"}, ["stable-diffusion-xl-base-v10", "whisper-large-v3"]),
            ({"name": "GPT-OSS-*"}, ["gpt-oss-120b", "gpt-oss-20b"]),
            ({"name": "bge-m3", "kind": None}, ["bge-m3"]),
            ({"kind": "embedding", "min_context": "32768"}, ["Qwen3-Embedding-8B"]),
            ({"name": "nobodys-*"}, []),
        ],
    )
    def test_those_that_fit(self, options: dict[str, Any], ids: list[str]) -> None:
        found = [name for name in listed(**options) if "turbo" not in name]
        assert found == ids

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({"kind": "vision"}, "kind must be one of chat, embedding, speech, image, not 'vision'"),
            ({"kind": 5}, "kind must be a text or a list of texts, not 5"),
            ({"name": ["a", ""]}, "name must be a text or a list of texts"),
            ({"min_context": "many"}, "min_context must be a number"),
            ({"output": "names"}, "output must be one of models, ids, not 'names'"),
        ],
    )
    def test_what_cannot_be_meant(self, options: dict[str, Any], words: str, ovh_ai_endpoints_sandbox: Sandbox) -> None:
        with pytest.raises(ConfigurationError, match=words):
            listed(**options)
        assert not ovh_ai_endpoints_sandbox.requests

    def test_nothing_is_billed(self, ovh_ai_endpoints_sandbox: Sandbox) -> None:
        listed()
        assert [request.path for request in ovh_ai_endpoints_sandbox.requests] == ["/v1/models"]


def wait(model: str, **options: Any) -> Any:
    return Sensor(task_id="t", model=model, poke_interval=0.05, timeout=30, **options).execute({})


class TestWait:
    @pytest.mark.parametrize(
        ("model", "asked"),
        [
            ("gpt-oss-20b", ["/v1/models", "/v1/chat/completions"]),
            ("bge-m3", ["/v1/models", "/v1/embeddings"]),
            ("whisper-large-v3", ["/v1/models"]),
        ],
    )
    def test_a_model_that_is_there(self, model: str, asked: list[str], ovh_ai_endpoints_sandbox: Sandbox) -> None:
        assert wait(model)["id"] == model
        assert [request.path for request in ovh_ai_endpoints_sandbox.requests] == asked

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
        found, missing = OVHCloudAIEndpointsHook().check_model("gpt-oss-20")
        assert found is None
        assert missing.startswith("is not served; there is gpt-oss-20b")
        assert Sensor(task_id="t", model="gpt-oss-20").poke({}).is_done is False

    def test_no_model(self) -> None:
        with pytest.raises(ConfigurationError, match="model must not be empty"):
            wait(" ")
