"""
Each way to ask the service: the call, what a good answer to it is, and whether asking twice may be billed twice.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apache_airflow_provider_ovhcloud_ai.client.batches import batches_api
from apache_airflow_provider_ovhcloud_ai.client.http import http_response
from apache_airflow_provider_ovhcloud_ai.client.http.async_client import AsyncClient
from apache_airflow_provider_ovhcloud_ai.client.models import model_list
from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook
from support.audio_samples import wav

MODEL = "some-model"
MESSAGES = [{"role": "user", "content": "Hi"}]
USAGE = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(40)).decode()


@dataclass(frozen=True)
class Endpoint:
    """
    One way to ask.

    :param call: asks, and gives what a caller gets
    :param good: a good answer, as JSON or as bytes
    :param again: whether it is sent again where it may have been answered already
    :param fields: places in the good answer that are read, each a path of keys
    :param kind: media type of the answer
    :param optional: whether the request has a field that the provider added, and leaves out after a refusal
    """

    call: Callable[[OVHCloudAIEndpointsHook, Path], Any]
    good: Any
    again: bool = True
    fields: tuple[tuple[Any, ...], ...] = ()
    kind: str = "application/json"
    optional: bool = False

    @property
    def body(self) -> bytes:
        """The good answer as it is sent."""
        return self.good if isinstance(self.good, bytes) else json.dumps(self.good).encode()


def _transcribe(hook: OVHCloudAIEndpointsHook, folder: Path) -> Any:
    file = folder / "talk.wav"
    if not file.exists():
        file.write_bytes(wav())
    return hook.transcribe(file)


def _on_an_event_loop(hook: OVHCloudAIEndpointsHook, _: Path) -> Any:
    """As a trigger looks at a batch."""
    request = batches_api.retrieve("batch_1")

    async def look() -> Any:
        async with AsyncClient(hook.settings.client) as client:
            response = await client.send(request)
            return batches_api.check(http_response.parse(response, request, hook.settings.client), "batch", response)

    return asyncio.run(look())


def _list_on_an_event_loop(hook: OVHCloudAIEndpointsHook, _: Path) -> Any:
    request = model_list.models()

    async def look() -> Any:
        async with AsyncClient(hook.settings.client) as client:
            response = await client.send(request)
            return model_list.parse_models(response, request, hook.settings.client)

    return asyncio.run(look())


CHAT = {
    "id": "c",
    "object": "chat.completion",
    "model": MODEL,
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
    "usage": USAGE,
}
CHUNKS = (
    {"choices": [{"index": 0, "delta": {"role": "assistant", "content": "Hé"}}]},
    {"choices": [{"index": 0, "delta": {"content": "llo"}, "finish_reason": "stop"}]},
    {"choices": [], "usage": USAGE},
)
STREAM = "".join(f"data: {json.dumps(each, ensure_ascii=False)}\n\n" for each in CHUNKS).encode() + b"data: [DONE]\n\n"
BATCH = {"id": "batch_1", "object": "batch", "status": "in_progress"}

ENDPOINTS: dict[str, Endpoint] = {
    "models": Endpoint(
        lambda hook, _: hook.list_models(),
        {"object": "list", "data": [{"id": "a"}]},
        fields=(("data",), ("data", 0), ("data", 0, "id")),
    ),
    "chat": Endpoint(
        lambda hook, _: hook.chat_completion(MODEL, MESSAGES),
        CHAT,
        again=False,
        fields=(("choices",), ("choices", 0), ("choices", 0, "message")),
    ),
    "stream": Endpoint(
        lambda hook, _: "".join(hook.stream_chat_completion(MODEL, MESSAGES)),
        STREAM,
        again=False,
        kind="text/event-stream",
        optional=True,
    ),
    "embeddings": Endpoint(
        lambda hook, _: hook.create_embedding(MODEL, ["a", "b"]),
        {
            "object": "list",
            "data": [{"index": index, "embedding": [0.5, 1.0]} for index in range(2)],
            "model": MODEL,
            "usage": USAGE,
        },
        fields=(("data",), ("data", 1), ("data", 1, "embedding"), ("data", 1, "index"), ("data", 1, "embedding", 0)),
        optional=True,
    ),
    "transcription": Endpoint(
        _transcribe, {"text": "Hello", "usage": {"type": "duration", "seconds": 2}}, again=False, fields=(("text",),)
    ),
    "image": Endpoint(
        lambda hook, _: hook.generate_image("A cat", MODEL),
        {"created": 1, "data": [{"b64_json": PNG}]},
        again=False,
        fields=(("data",), ("data", 0), ("data", 0, "b64_json")),
        optional=True,
    ),
    "response": Endpoint(
        lambda hook, _: hook.create_response("Hi", MODEL),
        {
            "object": "response",
            "status": "completed",
            "model": MODEL,
            "output": [{"type": "message", "content": [{"type": "output_text", "text": "Hello"}]}],
        },
        again=False,
        fields=(("output",),),
    ),
    "guard": Endpoint(
        lambda hook, _: hook.moderate("Hi"),
        {**CHAT, "choices": [{"message": {"role": "assistant", "content": "Safety: Safe\nCategories: None"}}]},
        again=False,
        fields=(("choices",), ("choices", 0), ("choices", 0, "message"), ("choices", 0, "message", "content")),
    ),
    "batch": Endpoint(lambda hook, _: hook.get_batch("batch_1"), BATCH, fields=(("id",), ("status",))),
    "batch on a loop": Endpoint(_on_an_event_loop, BATCH, fields=(("id",), ("status",))),
    "models on a loop": Endpoint(
        _list_on_an_event_loop, {"object": "list", "data": [{"id": "a"}]}, fields=(("data",),)
    ),
    "upload": Endpoint(
        lambda hook, _: hook.upload_batch_input([{"custom_id": "a"}]), {"id": "file-1"}, fields=(("id",),)
    ),
}
