"""
Fields that the author didn't ask for are left out for a service that refuses them, whatever words it uses.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.client.chat import chat_request
from apache_airflow_provider_ovhcloud_ai.client.http import optional_fields
from apache_airflow_provider_ovhcloud_ai.client.http.async_client import AsyncClient
from apache_airflow_provider_ovhcloud_ai.client.http.http_request import Request, encode
from apache_airflow_provider_ovhcloud_ai.client.http.http_response import HTTPResponse
from apache_airflow_provider_ovhcloud_ai.client.http.optional_fields import OptionalFields
from apache_airflow_provider_ovhcloud_ai.client.http.sync_client import Client
from apache_airflow_provider_ovhcloud_ai.client.settings import ClientSettings
from apache_airflow_provider_ovhcloud_ai.errors import AIEndpointsError
from support import canary
from support.scripted_server import Manner, Server, respond

#: Each way to send a request, which raises the error that ended it.
Send = Callable[[ClientSettings, Request], Any]

HELLO = [{"role": "user", "content": "Hello"}]
CHAT = chat_request.chat_stream("some-model", HELLO)
EMBED = Request(
    "POST",
    "/embeddings",
    "embedding",
    "some-model",
    encode({"model": "some-model", "input": ["a"], "encoding_format": "base64"}),
    optional=("encoding_format",),
)
REQUESTS = {"chat": CHAT, "embed": EMBED}
OK = respond(200, {"object": "list"})

#: How services refuse a field: OVHcloud and llm gateways, FastAPI with pydantic (Mistral), vLLM, and a proxy.
REFUSALS = {
    "named": respond(400, {"error": {"message": "stream_options is not supported"}}),
    "detail": respond(422, {"detail": [{"type": "extra_forbidden", "loc": ["body", "x"], "msg": "Extra inputs"}]}),
    "value": respond(400, {"object": "error", "message": "base64 encoding is not currently supported"}),
    "wordless": respond(400),
    "inside a 200": respond(200, {"error": {"message": "Invalid request", "code": 400}}),
}


def blocking(call: Callable[[Client, Request], Any]) -> Send:
    def send(settings: ClientSettings, request: Request) -> Any:
        with Client(settings, sleep=lambda _: None) as client:
            return call(client, request)

    return send


def non_blocking(call: Callable[[AsyncClient, Request], Any]) -> Send:
    async def run(settings: ClientSettings, request: Request) -> Any:
        async with AsyncClient(settings) as client:
            return await call(client, request)

    return lambda settings, request: asyncio.run(run(settings, request))


SENDERS: dict[str, Send] = {
    "send": blocking(lambda client, request: client.send(request)),
    "send_once": blocking(lambda client, request: client.send_once(request)),
    "send_stream": blocking(lambda client, request: list(client.send_stream(request, lambda _: None))),
    "stream": blocking(lambda client, request: list(client.stream(request))),
    "async_send": non_blocking(lambda client, request: client.send(request)),
    "async_send_once": non_blocking(lambda client, request: client.send_once(request)),
}

each_sender = pytest.mark.parametrize("send", SENDERS.values(), ids=SENDERS)
each_request = pytest.mark.parametrize("request_to_send", REQUESTS.values(), ids=REQUESTS)


def settings_for(server: Server, **fields: Any) -> ClientSettings:
    return ClientSettings(**{"base_url": server.base_url, "token": canary.TOKEN, "max_retries": 0, **fields})


def sent_fields(server: Server, request: Request) -> list[bool]:
    """Return whether each request had its optional fields."""
    return [set(request.optional) <= set(each.json) for each in server.requests]


@each_sender
@each_request
@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_refused_fields_are_left_out_from_then_on(
    send: Send, request_to_send: Request, refusal: Manner, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    with Server(refusal, OK) as server:
        for _ in range(3):
            send(settings_for(server), request_to_send)
        assert sent_fields(server, request_to_send) == [True, False, False, False]
        rest = [{**each.json, **dict.fromkeys(request_to_send.optional)} for each in server.requests]
        assert all(each == rest[0] for each in rest), "nothing else changes"
    (line,) = [record.getMessage() for record in caplog.records if "leave it out" in record.getMessage()]
    assert line == f"The service refuses {request_to_send.optional[0]} for some-model: further requests leave it out."


@each_sender
def test_a_request_that_is_refused_without_them_too_has_another_fault(send: Send) -> None:
    with Server(REFUSALS["wordless"], respond(422, {"message": "temperature is too high"}), OK) as server:
        with pytest.raises(AIEndpointsError, match="temperature is too high"):
            send(settings_for(server), CHAT)
        send(settings_for(server), CHAT)
        assert sent_fields(server, CHAT) == [True, False, True]


@each_sender
@pytest.mark.parametrize("status", [401, 404, 413, 429, 503])
def test_other_failures_of_the_second_request_prove_nothing(send: Send, status: int) -> None:
    with Server(REFUSALS["wordless"], respond(status), OK) as server:
        with pytest.raises(AIEndpointsError) as raised:
            send(settings_for(server), CHAT)
        assert raised.value.status == status
        send(settings_for(server, requests_per_minute=None), CHAT)
        assert sent_fields(server, CHAT) == [True, False, True]


@each_sender
@pytest.mark.parametrize("status", [401, 404, 413, 503])
def test_other_failures_are_no_refusal(send: Send, status: int) -> None:
    with Server(respond(status, {"message": "stream_options"})) as server:
        with pytest.raises(AIEndpointsError):
            send(settings_for(server), CHAT)
        assert len(server.requests) == 1


@each_sender
def test_accepted_fields_cost_no_second_request(send: Send) -> None:
    with Server(OK, respond(400, {"message": "temperature is too high"})) as server:
        send(settings_for(server), CHAT)
        for _ in range(2):
            with pytest.raises(AIEndpointsError, match="temperature"):
                send(settings_for(server), CHAT)
        assert sent_fields(server, CHAT) == [True, True, True]


@each_sender
@pytest.mark.parametrize(
    ("request_to_send", "words"),
    [(CHAT, "stream_options"), (CHAT, "include_usage"), (EMBED, "encoding_format"), (EMBED, "base64 is not supported")],
)
def test_accepted_fields_may_be_refused_by_name_later(send: Send, request_to_send: Request, words: str) -> None:
    with Server(OK, respond(400, {"message": words}), OK) as server:
        for _ in range(3):
            send(settings_for(server), request_to_send)
        assert sent_fields(server, request_to_send) == [True, True, False, False]


@pytest.mark.parametrize("way", ["send", "send_stream", "async_send"])
def test_retries_go_on_after_a_refusal(way: str) -> None:
    with Server(REFUSALS["wordless"], respond(503, headers={"Retry-After": "0"}), REFUSALS["wordless"], OK) as server:
        SENDERS[way](settings_for(server, max_retries=1), CHAT)
        assert sent_fields(server, CHAT) == [True, False, True, False]


@pytest.mark.parametrize(
    ("params", "value"),
    [
        ({"stream_options": None}, None),
        ({"stream_options": {"include_usage": False}}, {"include_usage": False}),
        ({"stream_options": {"include_usage": True}}, {"include_usage": True}),
    ],
)
@pytest.mark.parametrize("way", ["send_stream", "stream"])
def test_what_the_author_chose_is_never_dropped(way: str, params: dict[str, Any], value: Any) -> None:
    with Server(respond(400, {"message": "stream_options is not supported"})) as server:
        with pytest.raises(AIEndpointsError, match="stream_options"):
            SENDERS[way](settings_for(server), chat_request.chat_stream("m", HELLO, **params))
        assert [each.json.get("stream_options") for each in server.requests] == [value]


def observe(request: Request, *statuses: int, base_url: str = "https://one.example/v1") -> OptionalFields:
    fields = OptionalFields(request, ClientSettings(base_url=base_url, token=canary.TOKEN))
    for status in statuses:
        fields.observe(HTTPResponse(status, {}, b""))
    return fields


@pytest.mark.parametrize(
    ("request_to_send", "base_url", "is_left_out"),
    [
        (CHAT, "https://one.example/v1", True),
        (CHAT, "https://two.example/v1", False),
        (chat_request.chat_stream("another-model", HELLO), "https://one.example/v1", False),
        (EMBED, "https://one.example/v1", False),
    ],
    ids=["same", "service", "model", "path"],
)
def test_verdicts_are_of_one_service_path_and_model(request_to_send: Request, base_url: str, is_left_out: bool) -> None:
    observe(CHAT, 400, 200)
    body = json.loads(observe(request_to_send, base_url=base_url).request.content or b"")
    assert (request_to_send.optional[0] not in body) is is_left_out


def test_old_verdicts_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optional_fields, "MAX_VERDICTS", 3)
    for name in ("a", "b", "c", "d"):
        observe(chat_request.chat_stream(name, HELLO), 400, 200)
    has_fields = [
        bool(observe(chat_request.chat_stream(name, HELLO)).request.optional) for name in ("a", "b", "c", "d")
    ]
    assert has_fields == [True, False, False, False]
    assert len(optional_fields._verdicts) == 3


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fork_keeps_the_verdicts_and_can_add_more() -> None:
    observe(CHAT, 400, 200)
    child = os.fork()
    if not child:
        observe(EMBED, 400, 200)
        os._exit(0 if not observe(CHAT).request.optional and not observe(EMBED).request.optional else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert observe(EMBED).request.optional, "the parent has its own"
