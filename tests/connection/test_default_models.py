from __future__ import annotations

from typing import Any

import pytest
from support.services import manner


@pytest.mark.parametrize(
    ("defaults", "verdict"),
    [
        ({"chat_model": "gpt-oss-120b", "embedding_model": "bge-m3"}, "OK: token accepted. Access: token."),
        ({"embedding_model": "BGE-M3"}, "OK: token accepted. The exact id of BGE-M3 is bge-m3. Access:"),
        (
            {"chat_model": "openai/GPT-OSS-120b"},
            "OK: token accepted. The exact id of openai/GPT-OSS-120b is gpt-oss-120b. Access:",
        ),
        (
            {"chat_model": "mistral@latest?context_size > 100000"},
            "OK: token accepted. 'Chat model' mistral@latest?context_size > 100000 is a query that the service answers "
            "itself, and was not looked for. Access:",
        ),
        (
            {"chat_model": "gpt-oss-12b"},
            "Failed: model not found: gpt-oss-12b (the chat model). Did you mean gpt-oss-120b? Correct 'Chat model' in "
            "the connection. Where to act: your setting. Access: token (accepted). 4 models",
        ),
        (
            {"embedding_model": "xyz"},
            "Failed: model not found: xyz (the embedding model). Correct 'Embedding model' in the connection. Where",
        ),
        ({"chat_model": "bge-m3"}, "Failed: bge-m3 is a model for embedding, not for chat. Correct 'Chat model' in"),
        ({"chat_model": "whisper-large-v3"}, "Failed: whisper-large-v3 is a model for speech, not for chat."),
        ({"embedding_model": "gpt-oss-120b"}, "Failed: gpt-oss-120b is a model for chat, not for embedding. Correct"),
        (
            {"chat_model": "bge-m3", "embedding_model": "xyz"},
            "Failed: bge-m3 is a model for embedding, not for chat. Correct 'Chat model' in the connection. Also, "
            "model not found: xyz (the embedding model). Correct 'Embedding model' in the connection. Where",
        ),
    ],
)
def test_default_models(serve: Any, press: Any, defaults: dict[str, str], verdict: str) -> None:
    service = serve(manner())
    result = press(service.base_url, **defaults)
    assert result.message.startswith(verdict)
    assert result.ok == verdict.startswith("OK")
    assert len(service.requests) == 2
