from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import openai
import pytest
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox


class Answer(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: Any


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def ask(sandbox: Sandbox) -> Callable[..., Answer]:
    """Send one request with the sandbox's token and read the JSON that comes back."""

    def send(path: str, payload: Any = None, method: str = "POST", token: str | None = sandbox.token) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", sandbox.port, timeout=30)
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        connection.request(method, f"/v1{path}", body, headers)
        response = connection.getresponse()
        answer = Answer(response.status, response.headers, json.loads(response.read()))
        connection.close()
        return answer

    return send


@pytest.fixture
def chat(ask: Callable[..., Answer]) -> Callable[..., Answer]:
    """Ask a chat model "What is Airflow?" or something else."""

    def send(model: str = "Meta-Llama-3_3-70B-Instruct", token: str | None = "sandbox-token", **params: Any) -> Answer:
        messages = [{"role": "user", "content": "What is Airflow?"}]
        return ask("/chat/completions", {"model": model, "messages": messages, **params}, token=token)

    return send


@pytest.fixture
def embed(ask: Callable[..., Answer]) -> Callable[..., Answer]:
    def send(texts: Any, model: str = "bge-m3", **params: Any) -> Answer:
        return ask("/embeddings", {"model": model, "input": texts, **params})

    return send


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[openai.OpenAI]:
    """A client that nobody here wrote."""
    with openai.OpenAI(base_url=sandbox.base_url, api_key=sandbox.token, max_retries=0) as connected:
        yield connected
