from __future__ import annotations

import openai
from support.sandbox import CHAT


def test_lists_models_with_price_and_context(client: openai.OpenAI) -> None:
    models = {model.id: model for model in client.models.list()}
    assert len(models) == 24
    llama = models[CHAT].to_dict()
    assert llama["pricing"]["prompt"] == "0.00000074"
    assert llama["context_length"] == llama["max_completion_tokens"] == 131072
    assert models["bge-m3"].to_dict()["max_completion_tokens"] == 0
