"""
Every verb works with a service that refuses optional fields, and the author's own fields are sent as they are.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.errors import BadRequestError, BudgetExceededError
from apache_airflow_provider_ovhcloud_ai.hooks.methods.openai_client import openai_client
from apache_airflow_provider_ovhcloud_ai.operators.chat import OVHCloudAIEndpointsChatOperator
from apache_airflow_provider_ovhcloud_ai.operators.embedding import OVHCloudAIEndpointsEmbeddingOperator
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from apache_airflow_provider_ovhcloud_ai.ui.console.views import playground
from support.saved_connections import HELLO, MODEL, Make, stored
from support.streams import DONE, event

pytestmark = pytest.mark.airflow

EMBEDDING = "bge-m3"
CALL = {"name": "look_up", "arguments": '{"city": "Lyon"}'}
DOUBLE = json.dumps(CALL["arguments"])
ROWS = [{"text": "one"}, {"text": "two"}]


@pytest.fixture
def strict(hook_for: Make) -> Any:
    with Sandbox(strict=True) as sandbox:
        yield sandbox


def look_up(city: str) -> str:
    """
    Look up the weather.

    :param city: the city
    """
    return f"Rain in {city}"


def _try(hook: Any, kind: str, model: str) -> list[Any]:
    trial = playground.Trial("key", hook.settings, "stored", kind, model, "a", 256 if kind == "chat" else None)
    lines = list(trial.lines())
    assert "done" in lines[-1], lines
    return lines


def _through_openai(hook: Any, ask: Callable[[Any], Any]) -> Any:
    return asyncio.run(ask(openai_client(hook.settings.client, lambda *_: None)))


#: Each verb with a field of ours: path, the field, and a function of hook and folder.
VERBS: dict[str, tuple[str, str, Callable[[Any, Path], Any]]] = {
    "stream": ("chat/completions", "stream_options", lambda h, _: list(h.stream_chat_completion(MODEL, HELLO))),
    "ask": ("chat/completions", "stream_options", lambda h, _: h.ask("Hi", MODEL, stream=True)),
    "trial": ("chat/completions", "stream_options", lambda h, _: _try(h, "chat", MODEL)),
    "create_embedding": ("embeddings", "encoding_format", lambda h, _: h.create_embedding(EMBEDDING, "a")),
    "embed_rows": ("embeddings", "encoding_format", lambda h, folder: h.embed_rows(ROWS, folder / "out", EMBEDDING)),
    "openai_embeddings": (
        "embeddings",
        "encoding_format",
        lambda h, _: _through_openai(h, lambda client: client.embeddings.create(model=EMBEDDING, input="a")),
    ),
    "images": ("images/generations", "response_format", lambda h, _: h.generate_image("a house")),
}


@pytest.mark.parametrize(("path", "field", "ask"), VERBS.values(), ids=VERBS)
def test_each_verb_works_and_asks_once_from_then_on(
    hook_for: Make, strict: Sandbox, tmp_path: Path, path: str, field: str, ask: Callable[[Any, Path], Any]
) -> None:
    hook = hook_for(stored(strict), max_retries=0)
    ask(hook, tmp_path / "1")
    ask(hook_for(stored(strict), max_retries=0), tmp_path / "2")
    assert [field in each.json for each in strict.requests if each.path == f"/v1/{path}"] == [True, False, False]


@pytest.mark.parametrize("stream", [False, True])
def test_a_conversation_with_tools_is_valid(hook_for: Make, strict: Sandbox, stream: bool) -> None:
    answer = hook_for(stored(strict)).ask("look_up", MODEL, tools=[look_up], stream=stream)
    assert [message["role"] for message in answer.messages][:3] == ["user", "assistant", "tool"]


#: Tool calls as servers send them, and a part of the tool's message that answers the first.
QUIRKS: dict[str, tuple[list[dict[str, Any]], str]] = {
    "id null": ([{"id": None, "type": "function", "function": CALL}], "Rain in Lyon"),
    "id empty": ([{"id": "", "type": "function", "function": CALL}], "Rain in Lyon"),
    "id missing": ([{"type": "function", "function": CALL}], "Rain in Lyon"),
    "one id twice": ([{"id": "a", "type": "function", "function": CALL}] * 2, "Rain in Lyon"),
    "no type": ([{"id": "a", "function": CALL}], "Rain in Lyon"),
    "arguments as an object": ([{"id": "a", "function": {**CALL, "arguments": {"city": "Lyon"}}}], "Rain in Lyon"),
    "arguments in a string in a string": ([{"id": "a", "function": {**CALL, "arguments": DOUBLE}}], "Rain in Lyon"),
    "arguments that are not JSON": ([{"id": "a", "function": {**CALL, "arguments": "city=Lyon"}}], "are not JSON"),
    "arguments of another type": ([{"id": "a", "function": {**CALL, "arguments": "[1]"}}], "should be an object"),
    "arguments null": ([{"id": "a", "function": {**CALL, "arguments": None}}], "city: missing"),
    "a name that is none": ([{"id": "a", "function": {**CALL, "name": "look up!"}}], "there is no tool 'look up!'"),
    "no name": ([{"id": "a", "function": {"arguments": "{}"}}], "the call names no tool"),
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", QUIRKS)
def test_conversation_with_calls_of_any_shape_is_valid(
    hook_for: Make, strict: Sandbox, name: str, stream: bool
) -> None:
    calls, words = QUIRKS[name]
    message = {"role": "assistant", "content": None, "tool_calls": calls}
    choice = {"index": 0, ("delta" if stream else "message"): message, "finish_reason": "tool_calls"}
    body: Any = {"choices": [choice]}
    headers = {"Content-Type": "text/event-stream"} if stream else {}
    strict.fail_next(200, event(body) + DONE if stream else body, headers, path="/v1/chat/completions")
    answer = hook_for(stored(strict), max_retries=0).ask("Hi", MODEL, tools=[look_up], stream=stream)
    assert answer.text
    results = [message["content"] for message in answer.messages if message["role"] == "tool"]
    assert words in results[0]
    assert len(results) == len(calls)


def test_usage_of_a_stream_is_unknown(hook_for: Make, strict: Sandbox, ear: Any) -> None:
    hook = ear.listen(hook_for(stored(strict)))
    answer = hook.ask("Hi", MODEL, stream=True, max_total_tokens=100)
    assert answer.response["usage"] is None
    assert answer.usage_tracker.as_xcom() == {"requests": 1, "cost": None, "currency": None}
    (line, speed) = ear.lines("AI Endpoints chat:")
    assert "input_tokens" not in line + speed
    with pytest.raises(BudgetExceededError, match="does not tell how many tokens"):
        hook.ask("look_up", MODEL, tools=[look_up], stream=True, max_total_tokens=100)


@pytest.mark.parametrize(
    ("operator", "field", "refused"),
    [
        (
            lambda body: OVHCloudAIEndpointsChatOperator(
                task_id="t", model=MODEL, prompt="Hi", stream=True, extra_body=body
            ),
            "stream_options",
            {"include_usage": False},
        ),
        (
            lambda body: OVHCloudAIEndpointsEmbeddingOperator(
                task_id="t", model=EMBEDDING, input=["a"], extra_body=body
            ),
            "encoding_format",
            "float",
        ),
    ],
    ids=["chat", "embedding"],
)
def test_the_authors_own_fields(
    monkeypatch: pytest.MonkeyPatch, strict: Sandbox, operator: Callable[[Any], Any], field: str, refused: Any
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_OVH_AI_ENDPOINTS_DEFAULT", strict.connection_json)
    operator({field: None}).execute({})
    with pytest.raises(BadRequestError, match=field):
        operator({field: refused}).execute({})
    bodies = [each.json for each in strict.requests if each.method == "POST"]
    assert [each.get(field) for each in bodies] == [None, refused], "None leaves it out from the start"
