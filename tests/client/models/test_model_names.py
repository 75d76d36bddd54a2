from __future__ import annotations

from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.client.models.model_names import find_kind, find_model, nearest

MODELS = [{"id": name} for name in ("bge-m3", "gpt-oss-120b", "gpt-oss-20b", "Meta-Llama-3_3-70B-Instruct")]


@pytest.mark.parametrize(
    ("query", "match"),
    [
        ("bge-m3", "bge-m3"),
        ("BGE-M3", "bge-m3"),
        ("openai/gpt-oss-120b", "gpt-oss-120b"),
        ("OpenAI/GPT-OSS-20B", "gpt-oss-20b"),
        ("meta-llama-3_3-70b-instruct", "Meta-Llama-3_3-70B-Instruct"),
        ("gpt-oss", None),
        ("bge-m3/", None),
        ("", None),
    ],
)
def test_find_model(query: str, match: str | None) -> None:
    model = find_model(query, MODELS)
    assert (model and model["id"]) == match


@pytest.mark.parametrize(
    ("query", "close"),
    [
        ("gpt-oss-12b", ["gpt-oss-120b", "gpt-oss-20b"]),
        ("LLAMA-3.3-70B-instruct", ["Meta-Llama-3_3-70B-Instruct"]),
        ("BGE_M3", ["bge-m3"]),
        ("completely different", []),
    ],
)
def test_nearest(query: str, close: list[str]) -> None:
    assert nearest(query, [model["id"] for model in MODELS]) == close


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        ({"id": "gpt-oss-120b", "max_completion_tokens": 131_072}, "chat"),
        ({"id": "bge-m3", "max_completion_tokens": 0}, "embedding"),
        ({"id": "Qwen3-Embedding-8B"}, "embedding"),
        ({"id": "whisper-large-v3", "max_completion_tokens": 0}, "speech"),
        ({"id": "nvr-tts-en-us"}, "speech"),
        ({"id": "stable-diffusion-xl-base-v10"}, "image"),
        ({"id": "something", "max_completion_tokens": 0}, None),
        ({"id": "something", "max_completion_tokens": "many"}, None),
        ({"id": "something"}, None),
    ],
)
def test_model_kind(model: dict[str, Any], kind: str | None) -> None:
    assert find_kind(model) == kind
