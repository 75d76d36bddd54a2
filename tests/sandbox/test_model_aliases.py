from __future__ import annotations

import pytest
from apache_airflow_provider_ovhcloud_ai.sandbox.http.messages import Refusal
from apache_airflow_provider_ovhcloud_ai.sandbox.model_aliases import resolve


@pytest.mark.parametrize(
    ("query", "purpose", "model_id"),
    [
        ("mistral@latest", "chat", "Mistral-Small-3.2-24B-Instruct-2506"),
        ("mistral@smallest", "chat", "Mistral-7B-Instruct-v0.3"),
        ("mistral@latest?context_size > 100000", "chat", "Mistral-Small-3.2-24B-Instruct-2506"),
        ("mistral@cheapest?context_size<100000", "chat", "Mistral-7B-Instruct-v0.3"),
        ("qwen@biggest", "chat", "Qwen3.5-397B-A17B"),
        ("@latest", "chat", "Qwen3.8-27B"),
        ("bge@cheapest", "embedding", "bge-m3"),
    ],
)
def test_virtual_model_names_the_one_it_found(query: str, purpose: str, model_id: str) -> None:
    model, name = resolve(query, purpose)
    assert model.id == name == model_id


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ("mistral@funniest", 400, "fastest, cheapest, biggest, latest, smallest"),
        ("mistral@latest?price<1", 400, "condition 'price<1' is not understood"),
        ("bge@latest", 404, "`bge@latest` does not exist"),
        ("mistral@latest?context_size>1000000", 404, "does not exist"),
        ("GPT-OSS-120B", 404, "does not exist"),
    ],
)
def test_query_without_an_answer_is_refused(query: str, status: int, words: str) -> None:
    with pytest.raises(Refusal) as caught:
        resolve(query, "chat")
    assert caught.value.response.status == status
    assert words in caught.value.response.body["error"]["message"]


@pytest.mark.parametrize(("alias", "model_id"), [("openai/gpt-oss-120b", "gpt-oss-120b"), ("qwen3.5-9b", "Qwen3.5-9B")])
def test_alias_keeps_its_name(alias: str, model_id: str) -> None:
    model, name = resolve(alias, "chat")
    assert (model.id, name) == (model_id, alias)
