from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook
from real import models

TOKEN = "llama-token-0123456789"

Connect = Callable[..., OVHCloudAIEndpointsHook]


@contextmanager
def serving(model: Path, name: str, *options: str) -> Iterator[str]:
    command = [sys.executable, str(Path(__file__).with_name("serve.py")), str(model), name, TOKEN, *options]
    log = model.with_suffix(".log")
    with log.open("w") as noise:
        server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=noise, text=True)
    assert server.stdin is not None
    assert server.stdout is not None
    with server.stdin, server.stdout:
        address = server.stdout.readline().strip()
        assert address.startswith("http"), log.read_text()
        yield f"{address}/v1"
        server.stdin.close()
        assert server.wait(30) == 0


@pytest.fixture(scope="session")
def chat_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    file = tmp_path_factory.mktemp("llama") / "tiny-chat.gguf"
    models.write_chat_model(file)
    with serving(file, "tiny-chat") as url:
        yield url


@pytest.fixture(scope="session")
def embedding_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    file = tmp_path_factory.mktemp("llama") / "tiny-embed.gguf"
    models.write_embedding_model(file)
    with serving(file, "tiny-embed", "--embeddings") as url:
        yield url


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Connect:
    """
    Store a connection, and give a hook over it.
    """

    def make(
        url: str, token: str = TOKEN, conn_id: str = "ovh_ai_endpoints_default", **extra: str
    ) -> OVHCloudAIEndpointsHook:
        connection = {"conn_type": "ovh_ai_endpoints", "host": url, "password": token, "extra": extra}
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(connection))
        return OVHCloudAIEndpointsHook(conn_id)

    return make
