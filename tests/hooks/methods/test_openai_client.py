"""
A client of the ``openai`` package over our own HTTP client; tests/hooks/test_common_ai.py has it in agents.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.client.settings import ClientSettings
from apache_airflow_provider_ovhcloud_ai.errors import AIEndpointsError
from apache_airflow_provider_ovhcloud_ai.hooks.methods.openai_client import openai_client
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from support import canary
from support.scripted_server import Server, drip_body, echo, refusing, respond

openai = pytest.importorskip("openai")

MODEL = "gpt-oss-20b"
HELLO = [{"role": "user", "content": "Hello"}]


def run(ask: Callable[[Any], Awaitable[Any]], base_url: str, **fields: Any) -> tuple[Any, list[tuple[Any, Any]]]:
    """Return the result or error of ``ask``, and each request with its response or error."""
    settings = ClientSettings(**{"base_url": base_url, "token": canary.TOKEN, "max_retries": 0, **fields})
    responses: list[tuple[Any, Any]] = []

    async def live() -> Any:
        try:
            return await ask(openai_client(settings, lambda *each: responses.append(each)))
        except openai.OpenAIError as error:
            return error

    return asyncio.run(live()), responses


def chat(client: Any) -> Any:
    return client.chat.completions.create(model=MODEL, messages=HELLO)


def test_chat_and_embeddings_go_through_our_client(sandbox: Sandbox) -> None:
    answer, ((request, response),) = run(chat, sandbox.base_url, token=sandbox.token)
    assert "Hello" in answer.choices[0].message.content
    assert (request.model, request.safe_to_retry, response.status) == (MODEL, False, 200)

    def embed(client: Any) -> Any:
        return client.embeddings.create(model="bge-m3", input=["a", "b"])

    vectors, ((request, _),) = run(embed, sandbox.base_url, token=sandbox.token)
    assert [len(item.embedding) for item in vectors.data] == [1024, 1024]
    assert (request.model, request.safe_to_retry) == ("bge-m3", True)
    assert sandbox.requests[0].headers["authorization"] == f"Bearer {sandbox.token}"


def test_stream(sandbox: Sandbox) -> None:
    async def ask(client: Any) -> str:
        chunks = await client.chat.completions.create(model=MODEL, messages=HELLO, stream=True)
        return "".join([chunk.choices[0].delta.content or "" async for chunk in chunks if chunk.choices])

    assert "Hello" in run(ask, sandbox.base_url, token=sandbox.token)[0]


def test_retries_are_ours(sandbox: Sandbox) -> None:
    sandbox.fail_next(429, headers={"Retry-After": "0"})
    answer, responses = run(chat, sandbox.base_url, token=sandbox.token, max_retries=1)
    assert answer.choices
    assert (len(sandbox.requests), len(responses)) == (2, 1)


@pytest.mark.parametrize("status", [400, 403, 429, 500])
def test_error_has_our_message_and_no_token(status: int) -> None:
    with Server(echo(status, str, Retry_After="7")) as server:
        error, ((_, failure),) = run(chat, server.base_url)
    assert isinstance(error, openai.APIStatusError)
    assert isinstance(failure, AIEndpointsError)
    assert (error.status_code, error.body["message"]) == (status, str(failure))
    if status == 429:
        assert error.response.headers["retry-after"] == "7"
    assert not any(canary.shows(trace) for trace in canary.traces(error))


def test_service_that_cannot_be_reached_is_a_connection_error() -> None:
    with refusing() as port:
        error, _ = run(chat, f"http://127.0.0.1:{port}/v1")
    assert isinstance(error, openai.APIConnectionError)
    assert "No response from 127.0.0.1" in str(error)


def test_page_in_place_of_an_answer_is_no_answer() -> None:
    with Server(respond(200, "<title>Sign in</title>", {"Content-Type": "text/html"})) as server:
        error, _ = run(chat, server.base_url)
    assert isinstance(error, openai.APIConnectionError)
    assert "instead of JSON" in str(error)


def test_timeout_of_a_request_bounds_it_as_a_whole() -> None:
    def ask(client: Any) -> Any:
        return client.chat.completions.create(model=MODEL, messages=HELLO, timeout=0.5)

    with Server(drip_body) as server:
        error, _ = run(ask, server.base_url, timeout=60.0)
    assert "within 0.5 s" in str(error)
