"""
Models, listed and filtered.
"""

from __future__ import annotations

from typing import Any
from unittest.mock import MagicMock

import pytest
from apache_airflow_provider_ovhcloud_ai.errors import ConfigurationError
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import OVHCloudAIEndpointsModelsOperator as Models
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("ovh_ai_endpoints_connection")]


def list_models(**options: Any) -> Any:
    return Models(task_id="t", **{"output": "ids", **options}).execute({"ti": MagicMock()})


class TestList:
    def test_all_as_the_service_describes_them(self) -> None:
        models = list_models(output="models")
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
        names = [name for name in list_models(**options) if "turbo" not in name]
        assert names == ids

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
            list_models(**options)
        assert not ovh_ai_endpoints_sandbox.requests

    def test_nothing_is_billed(self, ovh_ai_endpoints_sandbox: Sandbox) -> None:
        list_models()
        assert [request.path for request in ovh_ai_endpoints_sandbox.requests] == ["/v1/models"]
