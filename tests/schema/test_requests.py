"""
Every request that can be built is one of OpenAI's: whatever reaches the sandbox is held against their schema.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Literal

import pytest
from apache_airflow_provider_ovhcloud_ai.client.chat import chat_request
from apache_airflow_provider_ovhcloud_ai.client.embeddings import embeddings_request
from apache_airflow_provider_ovhcloud_ai.errors import ConfigurationError
from apache_airflow_provider_ovhcloud_ai.operators import ai_endpoints as operators
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from apache_airflow_provider_ovhcloud_ai.sandbox.http.request_bodies import form_payload
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from support import leaks
from support.audio_samples import wav
from support.operator_cases import OPERATORS, build_operator, make_context

MODEL = "gpt-oss-20b"
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


class Place(BaseModel):
    city: str
    size: Literal["small", "large"] = "small"


def weather(city: str, days: int = 1) -> str:
    """
    Tell the weather.

    :param city: where
    :param days: how many
    """
    return "rain"


def chat(**options: Any) -> Callable[[Path], Any]:
    return lambda _: operators.OVHCloudAIEndpointsChatOperator(task_id="t", **{"model": MODEL, **options})


def build_vision_chat(folder: Path) -> Any:
    (folder / "dot.png").write_bytes(PNG)
    return chat(prompt="What is it?", model="Qwen2.5-VL-72B-Instruct", images=[folder / "dot.png"])(folder)


def image(**options: Any) -> Callable[[Path], Any]:
    return lambda folder: operators.OVHCloudAIEndpointsImageOperator(
        task_id="t", prompt="A cat", output_path=folder / "cat.png", **options
    )


def batch(**options: Any) -> Callable[[Path], Any]:
    options = {"rows": ["a", "b"], "deferrable": False, "poll_interval": 0.1, **options}
    return lambda folder: operators.OVHCloudAIEndpointsBatchOperator(
        task_id="t", output_path=str(folder / "batch"), **options
    )


def spoken(**options: Any) -> Callable[[Path], Any]:
    def build(folder: Path) -> Any:
        (folder / "talk.wav").write_bytes(wav())
        return operators.OVHCloudAIEndpointsTranscriptionOperator(
            task_id="t", audio_path=folder / "talk.wav", **options
        )

    return build


def response(**options: Any) -> Callable[[Path], Any]:
    return lambda _: operators.OVHCloudAIEndpointsResponseOperator(
        task_id="t", **{"model": MODEL, "input": "Hi", **options}
    )


CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
HISTORY = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": [{"type": "text", "text": "weather?"}]},
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "call_1", "content": "rain"},
    {"role": "assistant", "content": "Rain."},
    {"role": "user", "content": "Thanks."},
]
TOOL = {"type": "function", "function": {"name": "order", "parameters": SCHEMA}}

#: Path of a request -> schema of its body.
SCHEMAS = {case.path: case.schema for case in OPERATORS.values() if case.schema}
#: The lines of this file are requests.
FILES = "/v1/files"

#: Tasks that send each operator's request, and other forms of it.
TASKS: dict[str, Callable[[Path], Any]] = {
    **{
        name: partial(build_operator, name, to_files=False)
        for name, case in OPERATORS.items()
        if case.path in {*SCHEMAS, FILES}
    },
    "chat": chat(messages=[{"role": "user", "content": "Hi"}]),
    "parameters": chat(prompt="Hi", temperature="0.5", max_tokens="300", top_p=1, stop=["a", "b"]),
    "no temperature": chat(prompt="Hi", temperature=None, stop="a"),
    "prompts": chat(prompt="Hi", system_prompt="Be brief."),
    "history": chat(messages=HISTORY),
    "stream": chat(prompt="Hi", stream=True),
    "reasoning": chat(prompt="Hi", reasoning_effort="low"),
    "schema": chat(prompt="Hi", response_format=SCHEMA),
    "class": chat(prompt="Hi", response_format=Place, stream=True),
    "type": chat(prompt="Hi", response_format=list[Place]),
    "json": chat(prompt="Hi", output="json"),
    "form of the api": chat(prompt="Hi", response_format={"type": "text"}),
    "functions": chat(prompt="weather", tools=[weather], extra_body={"tool_choice": "required"}),
    "dictionary": chat(prompt="order", tools=[TOOL], extra_body={"parallel_tool_calls": False}),
    "further": chat(prompt="Hi", extra_body={"seed": 7, "logprobs": True, "top_logprobs": 2}),
    "images": build_vision_chat,
    "fallback": chat(prompt="Hi", model="gone-1b", fallback_models=[MODEL]),
    "embeddings": lambda _: operators.OVHCloudAIEndpointsEmbeddingOperator(
        task_id="t", model="Qwen3-Embedding-8B", input=["a"] * 30, extra_body={"dimensions": 64}
    ),
    "floats": lambda _: operators.OVHCloudAIEndpointsEmbeddingOperator(
        task_id="t", model="bge-m3", input="a", extra_body={"encoding_format": "float"}
    ),
    "several images": image(n=2, size="512x512", extra_body={"quality": "hd", "style": "natural", "user": "u"}),
    "transcription": spoken(timestamps=["word", "segment"], language="fr", prompt="Names", temperature=0),
    "transcription without options": spoken(extra_body={"chunking_strategy": "auto"}),
    "response with options": response(
        input=[{"role": "user", "content": "Hi"}],
        instructions="Be brief.",
        response_format=SCHEMA,
        reasoning_effort="low",
        max_output_tokens="500",
        temperature=0,
        top_p=1,
    ),
    "response with tools": response(
        input="order",
        extra_body={"tools": [{"type": "function", "name": "order", "parameters": SCHEMA, "strict": False}]},
    ),
    "batch of chats": batch(model=MODEL, prompt="{text}?"),
    "batch of embeddings": batch(model="bge-m3", endpoint="/v1/embeddings"),
}


@pytest.fixture
def sent_requests(
    request: pytest.FixtureRequest,
    ovh_ai_endpoints_connection: None,
    ovh_ai_endpoints_sandbox: Sandbox,
    tmp_path: Path,
) -> list[Any]:
    """All that a task sends."""
    leaks.prepare(tmp_path)
    TASKS[request.param](tmp_path).execute(make_context())
    assert ovh_ai_endpoints_sandbox.requests
    return list(ovh_ai_endpoints_sandbox.requests)


def parse_lines(upload: Any) -> list[dict[str, Any]]:
    """The requests of a batch, in the file of a form."""
    return [json.loads(line) for line in upload.body.splitlines() if line.startswith(b'{"custom_id"')]


def parse_body(request: Any) -> dict[str, Any]:
    """The body as the schema describes it: in a form, numbers are strings."""
    if not request.headers.get("content-type", "").startswith("multipart/"):
        return request.json
    fields = form_payload(request)
    return fields | {"file": "bytes"} | {name: float(fields[name]) for name in ("temperature",) if name in fields}


@pytest.mark.parametrize("sent_requests", TASKS, indirect=True)
def test_what_a_task_sends_is_in_openais_schema(sent_requests: list[Any], faults: Any) -> None:
    bodies = [(each.path, parse_body(each)) for each in sent_requests if each.path in SCHEMAS]
    bodies += [
        (line["url"], line["body"]) for each in sent_requests if each.path == FILES for line in parse_lines(each)
    ]
    assert bodies
    assert [fault for path, body in bodies for fault in faults(SCHEMAS[path], body)] == []


@pytest.mark.parametrize("sent_requests", TASKS, indirect=True)
def test_what_a_task_sends_is_taken_by_a_server_that_checks_it(sent_requests: list[Any], steady: Any) -> None:
    for each in sent_requests:
        path = each.path.removeprefix("/v1")
        status, answer = steady(each.method, path, each.headers.get("content-type", ""), each.body)
        assert status == 200, f"{each.method} {path}: {answer}"


TEXTS = st.text(min_size=1, max_size=20)
PARTS = st.lists(st.builds(lambda text: {"type": "text", "text": text}, TEXTS), max_size=3)
ROLES = st.sampled_from(chat_request.ROLES)
MESSAGES = st.lists(
    st.fixed_dictionaries(
        {"role": ROLES, "content": st.none() | TEXTS | PARTS},
        optional={"name": TEXTS, "tool_call_id": TEXTS, "tool_calls": st.just([CALL])},
    ),
    max_size=3,
)
OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "temperature": st.floats() | st.text(max_size=4),
        "max_tokens": st.integers(-2, 10),
        "top_p": st.floats(),
        "stop": TEXTS | st.lists(st.text(max_size=3), max_size=6),
    },
)


@given(messages=MESSAGES, options=OPTIONS)
@settings(max_examples=1000)
def test_any_accepted_chat_is_in_the_schema(faults: Any, messages: Any, options: Any) -> None:
    try:
        request = chat_request.chat("m", messages, **options)
    except ConfigurationError:
        return
    assert faults("CreateChatCompletionRequest", json.loads(request.content or b"")) == []


@given(inputs=TEXTS | st.lists(st.text(max_size=3), max_size=60), dimensions=st.none() | st.integers(1, 9))
def test_any_accepted_embedding_is_in_the_schema(faults: Any, inputs: Any, dimensions: int | None) -> None:
    try:
        built = [request for _, request in embeddings_request.embeddings("m", inputs, dimensions=dimensions)]
    except ConfigurationError:
        return
    bodies = [json.loads(each.content or b"") for each in built]
    assert [fault for body in bodies for fault in faults("CreateEmbeddingRequest", body)] == []


def test_a_wrong_request_would_be_seen(faults: Any, steady: Any) -> None:
    body = {"model": "m", "messages": [{"role": "user"}], "temperature": 5, "unheard_of": 1}
    faults_text = " ".join(faults("CreateChatCompletionRequest", body))
    assert all(place in faults_text for place in ("$.messages[0]", "$.temperature", "$.unheard_of"))
    status, answer = steady("POST", "/chat/completions", "application/json", json.dumps(body).encode())
    assert (status, "body.messages.0" in answer) == (400, True)
