"""
A stored token reaches no host but its connection's: of two servers, the other one is not even connected to.

Shown elsewhere, where each part is tested: proxies between this machine and a service in
``tests/client/http/test_transport.py``, ids that would lead out of an address in
``tests/hooks/methods/test_batches.py``, the public catalogue in
``tests/ui/console/views/test_catalogue.py``, where a task's links lead in ``tests/ui/test_links.py``.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
from apache_airflow_provider_ovhcloud_ai.client.settings import ClientSettings
from apache_airflow_provider_ovhcloud_ai.errors import AIEndpointsError, InvalidResponseError
from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook
from apache_airflow_provider_ovhcloud_ai.hooks.methods.openai_client import openai_client
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import OVHCloudAIEndpointsChatOperator
from apache_airflow_provider_ovhcloud_ai.triggers.batch import OVHCloudAIEndpointsBatchTrigger
from apache_airflow_provider_ovhcloud_ai.ui.console.views import playground
from apache_airflow_provider_ovhcloud_ai.ui.console.views.connections import ENVIRONMENT, ConnectionRecord
from support import canary
from support.scripted_server import Received, Server, Wire, message, respond

Hook = OVHCloudAIEndpointsHook
Asking = Callable[[Hook, Server], Any]

HELLO = [{"role": "user", "content": "Hello"}]
ANSWER = {"model": "m", "choices": [{"message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}]}
BATCH = {"id": "batch-1", "object": "batch", "status": "completed", "request_counts": {}}


#: What a user may want to send along.
HEADERS = {"Authorization": "Bearer mine", "Cookie": "a=b", "Referer": "http://localhost/", "X-Forwarded-Host": "a"}


def answer(wire: Wire, request: Received) -> bool:
    """What a service says that means well."""
    wire.send(message(200, {**BATCH, **ANSWER, "object": "list", "data": [{"id": "m"}]}))
    return True


@pytest.fixture
def other() -> Iterator[Server]:
    with Server(answer) as server:
        yield server


@pytest.fixture
def elsewhere(other: Server) -> str:
    """The other server's address, under another name of this machine."""
    return f"http://localhost:{other.port}/v1"


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Hook]:
    def to(server: Server, **extra: Any) -> Hook:
        extra = {"max_retries": 0, "chat_model": "m", **extra}
        fields = {"conn_type": "ovh_ai_endpoints", "host": server.base_url, "password": canary.TOKEN, "extra": extra}
        monkeypatch.setenv("AIRFLOW_CONN_OWN", json.dumps(fields))
        return Hook("own")

    return to


def assert_kept(own: Server, other: Server) -> None:
    assert own.requests, "the connection's own server was asked"
    # A connection test may ask with a random one as well.
    assert f"Bearer {canary.TOKEN}" in {request.headers["authorization"] for request in own.requests}
    assert HEADERS["Authorization"] not in {request.headers["authorization"] for request in own.requests}
    assert not [request for request in own.requests if {"referer", "cookie"} & set(request.headers)]
    assert (other.connections, other.requests) == (0, [])


def trigger(_: Hook, own: Server) -> None:
    async def look_twice() -> None:
        fired = asyncio.ensure_future(anext(OVHCloudAIEndpointsBatchTrigger(["batch-1"], "own", 0.05).run()))
        async with asyncio.timeout(60):
            # It goes on looking where a response makes no sense; the second look shows that the first is over.
            while not fired.done() and len(own.requests) < 2:
                await asyncio.sleep(0.02)
        fired.cancel()
        await asyncio.wait([fired])

    asyncio.run(look_twice())


def try_it(hook: Hook, _: Server) -> None:
    stored = ConnectionRecord("own", ENVIRONMENT, hook.get_connection("own"))
    list(playground.prepare_trial(stored, {"model": "m", "kind": "chat", "text": "Hello"}).lines())


#: Each way in which this package asks a service.
ASKING: dict[str, Asking] = {
    "models": lambda hook, _: hook.list_models(),
    "chat": lambda hook, _: hook.chat_completion("m", HELLO),
    "stream": lambda hook, _: list(hook.stream_chat_completion("m", HELLO)),
    "embedding": lambda hook, _: hook.create_embedding("m", "Hello"),
    "image": lambda hook, _: hook.generate_image("A cat"),
    "upload": lambda hook, _: hook.upload_batch_input([{"custom_id": "a"}]),
    "download": lambda hook, _: list(hook.read_file("file-1")),
    "trigger": trigger,
    "connection test": lambda hook, _: hook.test_connection(),
    "console trial": try_it,
}

#: How a service may try to send a client elsewhere: status, and header.
LEADING = [(301, "Location"), (302, "Location"), (303, "Location"), (307, "Location"), (308, "Location")]
LEADING += [(200, "Content-Location"), (200, "Refresh"), (401, "Location"), (407, "Location")]


@pytest.mark.parametrize(("status", "header"), LEADING)
@pytest.mark.parametrize("ask", ASKING.values(), ids=ASKING)
def test_no_response_leads_there(
    connect: Callable[..., Hook],
    other: Server,
    elsewhere: str,
    ask: Asking,
    status: int,
    header: str,
) -> None:
    value = f"0; url={elsewhere}/models" if header == "Refresh" else f"{elsewhere}/models"
    with Server(respond(status, {"data": []}, {header: value})) as own:
        hook = connect(own)
        for _ in range(2):
            with suppress(AIEndpointsError):
                ask(hook, own)
        assert_kept(own, other)


def extras(elsewhere: str) -> dict[str, Any]:
    names = ("host", "base_url", "api_base", "endpoint_url", "url", "proxy", "proxies", "headers", "extra_headers")
    return {prefix + name: elsewhere for prefix in ("", "extra__ovh_ai_endpoints__") for name in names}


def proxies(elsewhere: str) -> dict[str, str]:
    names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
    return dict.fromkeys(names, elsewhere.removesuffix("/v1"))


def clients(elsewhere: str) -> dict[str, str]:
    names = ("OPENAI_BASE_URL", "OPENAI_API_BASE", "OPENAI_API_HOST", "OVH_AI_ENDPOINTS_BASE_URL")
    return dict.fromkeys(names, elsewhere)


@pytest.mark.parametrize("ask", ASKING.values(), ids=ASKING)
@pytest.mark.parametrize("way", ["extras", "proxies", "clients", "netrc"])
def test_nothing_around_a_connection_leads_there(
    connect: Callable[..., Hook],
    other: Server,
    elsewhere: str,
    ask: Asking,
    way: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What an extra, the environment or a file of the user's may name."""
    around = {"proxies": proxies, "clients": clients}.get(way, lambda _: {})(elsewhere)
    if way == "netrc":
        hosts = ("127.0.0.1", "localhost")
        (tmp_path / ".netrc").write_text("".join(f"machine {host} login a password b\n" for host in hosts))
        around = {"NETRC": str(tmp_path / ".netrc"), "HOME": str(tmp_path)}
    for name, value in around.items():
        monkeypatch.setenv(name, value)
    with Server(answer) as own:
        hook = connect(own, **(extras(elsewhere) if way == "extras" else {}))
        with suppress(AIEndpointsError):
            ask(hook, own)
        assert_kept(own, other)


@pytest.mark.parametrize("name", ["extra_headers", "headers", "default_headers", "base_url", "extra_query"])
def test_fields_of_a_request_are_no_headers_of_it(
    connect: Callable[..., Hook], other: Server, elsewhere: str, name: str
) -> None:
    value = elsewhere if name == "base_url" else {**HEADERS, "Host": f"localhost:{other.port}"}
    with Server(answer) as own:
        connect(own)
        task = OVHCloudAIEndpointsChatOperator(
            task_id="t", ovh_conn_id="own", model="m", prompt="Hello", extra_body={name: value}, report_cost=False
        )
        task.execute({"ti": MagicMock()})
        assert_kept(own, other)
        assert own.requests[0].json[name] == value
        assert own.requests[0].headers["host"] == f"127.0.0.1:{own.port}"


@pytest.mark.skipif(importlib.util.find_spec("openai") is None, reason="the openai package is not installed here")
def test_headers_given_to_the_openai_client_are_not_sent(other: Server) -> None:
    headers = {**HEADERS, "Host": f"localhost:{other.port}"}

    async def ask(settings: ClientSettings) -> None:
        client = openai_client(settings, lambda *_: None)
        await client.chat.completions.create(model="m", messages=HELLO, extra_headers=headers)

    with Server(answer) as own:
        asyncio.run(ask(ClientSettings(own.base_url, canary.TOKEN)))
        assert_kept(own, other)
        assert own.requests[0].headers["host"] == f"127.0.0.1:{own.port}"


def test_an_image_that_comes_as_an_address_is_not_fetched(
    connect: Callable[..., Hook], other: Server, elsewhere: str
) -> None:
    with Server(respond(200, {"data": [{"url": f"{elsewhere}/cat.png"}]})) as own:
        with pytest.raises(InvalidResponseError, match="is an address, which is not fetched"):
            connect(own).generate_image("A cat")
        assert_kept(own, other)


def test_addresses_in_an_answer_are_text(connect: Callable[..., Hook], other: Server, elsewhere: str) -> None:
    """In what a model says, and as the names of a batch's files and pages."""
    body = {"output_file_id": f"{elsewhere}/files/1", "next": f"{elsewhere}/batches", "has_more": True, "last_id": "b"}
    choice = {"message": {"role": "assistant", "content": f"![]({elsewhere}/cat.png) {elsewhere}"}}
    with Server(respond(200, {**BATCH, **body, "data": [BATCH], "choices": [choice]})) as own:
        hook = connect(own)
        batch = hook.get_batch("batch-1")
        for ask in (
            lambda: hook.chat_completion("m", HELLO),
            lambda: next(hook.list_batches()),
            lambda: list(hook.read_file(batch["output_file_id"])),
            lambda: hook.get_batch(f"{elsewhere}/batches/1"),
        ):
            with suppress(AIEndpointsError):
                ask()
        assert_kept(own, other)


def test_links_of_a_task_are_not_followed(connect: Callable[..., Hook], other: Server, elsewhere: str) -> None:
    pushed = MagicMock()
    with Server(answer) as own:
        connect(own, project_id=elsewhere)
        task = OVHCloudAIEndpointsChatOperator(
            task_id="t", ovh_conn_id="own", model=elsewhere, prompt="Hello", report_cost=False
        )
        task.execute({"ti": pushed})
        assert_kept(own, other)
    links = [call.kwargs["value"] for call in pushed.xcom_push.call_args_list if "_link_" in call.kwargs["key"]]
    assert len(links) == 4
    assert not [link for link in links if canary.shows(link) or link.startswith(elsewhere)]
