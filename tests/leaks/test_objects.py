"""
Whatever holds a token while it works gives it to no log, error, repr, pickle, trigger or lineage event.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import logging
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from apache_airflow_provider_ovhcloud_ai.client.http.async_client import AsyncClient
from apache_airflow_provider_ovhcloud_ai.client.models import model_list
from apache_airflow_provider_ovhcloud_ai.errors import AIEndpointsError, ConfigurationError
from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from apache_airflow_provider_ovhcloud_ai.triggers.batch import OVHCloudAIEndpointsBatchTrigger
from apache_airflow_provider_ovhcloud_ai.triggers.connections import client_settings
from support import canary, leaks
from support.operator_cases import OPERATORS, build_operator, make_context
from support.scripted_server import Manner, Server, respond, stop_halfway, vanish

pytestmark = pytest.mark.airflow


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    leaks.prepare(tmp_path / "leaks")
    return tmp_path / "leaks"


@pytest.fixture
def at_debug(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    for name in ("", "apache_airflow_provider_ovhcloud_ai", "urllib3", "requests", "httpx", "httpcore", "airflow.task"):
        caplog.set_level(logging.DEBUG, name)
    return caplog


@pytest.fixture
def connected(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    def connect(base_url: str) -> None:
        extra = {"max_retries": 0, "chat_model": "gpt-oss-20b"}
        fields = {"conn_type": "ovh_ai_endpoints", "host": base_url, "password": canary.TOKEN, "extra": extra}
        monkeypatch.setenv("AIRFLOW_CONN_OVH_AI_ENDPOINTS_DEFAULT", json.dumps(fields))

    return connect


@pytest.fixture
def sandbox(connected: Callable[[str], None]) -> Iterator[Sandbox]:
    with Sandbox(token=canary.TOKEN) as running:
        connected(running.base_url)
        yield running


@pytest.fixture
def echoing(connected: Callable[[str], None]) -> Iterator[Server]:
    """One that refuses everything, and tells the token back."""
    with Server(leaks.echo) as server:
        connected(server.base_url)
        yield server


@pytest.mark.parametrize("name", OPERATORS)
def test_operator_that_has_worked(
    sandbox: Sandbox, folder: Path, at_debug: pytest.LogCaptureFixture, name: str
) -> None:
    task = build_operator(name, folder)
    where = make_context()
    returned = task.execute(where)
    requests = [request for request in sandbox.requests if request.headers.get("authorization")]
    assert requests, "the token was used"
    pushed = str(where["ti"].mock_calls)
    about = {"hook": leaks.of_object(task.hook), "operator": repr((task, vars(task)["hook"])), "pushed": pushed}
    about |= {"returned": json.dumps(returned), "log": at_debug.text} | leaks.files(folder)
    assert leaks.holding_token(about) == {}
    log = {record.name: record.getMessage() for record in at_debug.records}
    assert leaks.holding_prompt(log) == set()
    assert log, "it has logged something"


@pytest.mark.parametrize("name", OPERATORS)
def test_operator_that_was_refused(
    echoing: Server, folder: Path, at_debug: pytest.LogCaptureFixture, name: str
) -> None:
    task = build_operator(name, folder)
    where = make_context()
    with pytest.raises(AIEndpointsError) as caught:
        task.execute(where)
    assert echoing.requests
    about = {"error": leaks.of_error(caught.value), "pushed": str(where["ti"].mock_calls), "log": at_debug.text}
    assert leaks.holding_token(about) == {}
    assert "***" in str(caught.value)
    # What was sent is in no error either, which ends in logs.
    assert leaks.holding_prompt({"sentence": str(caught.value), "log": at_debug.text}) == set()


ECHO = " ".join([f"Bearer {canary.TOKEN}", *canary.spellings()])
JSON = {"error": {"message": ECHO, "code": canary.TOKEN, "type": canary.TOKEN}, "request_id": canary.TOKEN}


@pytest.mark.parametrize(
    "manner",
    [
        *(respond(status, JSON, {"X-Request-Id": canary.TOKEN}) for status in (400, 401, 404, 413, 422, 429, 500, 503)),
        respond(200, f"<html><title>{canary.TOKEN}</title>", {"Content-Type": "text/html"}),
        respond(200, ECHO),
        respond(302, headers={"Location": f"https://{quote(canary.TOKEN, safe='')}.example/{canary.TOKEN}"}),
        respond(200, ECHO, {"Content-Encoding": canary.TOKEN}),
        stop_halfway,
        vanish,
    ],
)
def test_error_of_any_response(
    connected: Callable[[str], None], at_debug: pytest.LogCaptureFixture, manner: Manner
) -> None:
    with Server(manner) as server:
        connected(server.base_url)
        hook = OVHCloudAIEndpointsHook()
        texts = {"test": str(hook.test_connection())}
        for ask in (hook.list_models, lambda: hook.chat_completion("m", [{"role": "user", "content": canary.PROMPT}])):
            with pytest.raises(AIEndpointsError) as caught:
                ask()
            texts |= {f"error {len(texts)}": leaks.of_error(caught.value)}
        fields = repr((str(caught.value), vars(caught.value)))
        with pytest.raises(AIEndpointsError) as caught:
            asyncio.run(_send(hook))
        texts |= {"asynchronous": leaks.of_error(caught.value), "log": at_debug.text}
        assert f"Bearer {canary.TOKEN}" in {request.headers["authorization"] for request in server.requests}
    assert leaks.holding_token(texts) == {}
    assert leaks.holding_prompt({"log": at_debug.text, "chat": fields}) == set()


def test_error_about_a_response_without_its_content(connected: Callable[[str], None]) -> None:
    """What a service answers with 200 is an answer to the functions that read it, and to none but them."""
    with Server(respond(200, {"data": ECHO, "choices": ECHO, "error": ECHO})) as server:
        connected(server.base_url)
        hook = OVHCloudAIEndpointsHook()
        for ask in (hook.list_models, lambda: hook.create_embedding("m", "a")):
            with pytest.raises(AIEndpointsError) as caught:
                ask()
            assert leaks.holding_token({"error": "\n".join(canary.traces(caught.value, frames=False))}) == {}


async def _send(hook: OVHCloudAIEndpointsHook) -> None:
    async with AsyncClient(hook.settings.client) as client:
        response = await client.send(model_list.models())
        model_list.parse_models(response, model_list.models(), hook.settings.client)


def test_clients_settings_and_what_they_made(sandbox: Sandbox, at_debug: pytest.LogCaptureFixture) -> None:
    hook = OVHCloudAIEndpointsHook()
    settings = hook.settings.client

    async def ask() -> str:
        async with AsyncClient(settings) as client:
            response = await client.send(model_list.models())
            return leaks.format_object(client) + leaks.format_object(response)

    about = {
        "asynchronous": asyncio.run(ask()),
        "response": leaks.format_object(hook.get_conn().send(model_list.models())),
    }
    about |= {"client": leaks.format_object(hook.get_conn()), "settings": repr((hook.settings, settings))}
    about |= {"hook": leaks.of_object(hook), "test": str(hook.test_connection()), "log": at_debug.text}
    assert leaks.holding_token(about) == {}
    assert {"urllib3", "httpcore", "httpx"} <= {record.name.partition(".")[0] for record in at_debug.records}


def test_trigger_holds_ids_alone(sandbox: Sandbox, at_debug: pytest.LogCaptureFixture) -> None:
    hook = OVHCloudAIEndpointsHook()
    body = {"model": "gpt-oss-20b", "messages": [{"role": "user", "content": canary.PROMPT}]}
    line = {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": body}
    batch = hook.create_batch(hook.upload_batch_input([line])["id"])
    trigger = OVHCloudAIEndpointsBatchTrigger([batch["id"]], "ovh_ai_endpoints_default", 0.05)

    async def fire() -> str:
        event = await anext(trigger.run())
        return json.dumps(event.payload) + leaks.format_object(trigger)

    texts = {"event": asyncio.run(fire()), "row": json.dumps(trigger.serialize()), "log": at_debug.text}
    assert leaks.holding_token(texts) == {}
    assert leaks.holding_prompt(texts) == set()
    assert batch["id"] in texts["event"]


def test_trigger_of_a_service_that_echoes_the_token(echoing: Server, at_debug: pytest.LogCaptureFixture) -> None:
    trigger = OVHCloudAIEndpointsBatchTrigger(["batch-1"], "ovh_ai_endpoints_default", 0.05)

    async def fire() -> Any:
        return (await anext(trigger.run())).payload

    event = asyncio.run(fire())
    assert "refused" in event["error"]
    assert leaks.holding_token({"event": json.dumps(event), "log": at_debug.text}) == {}


@pytest.mark.parametrize(
    "stored", [None, f'{{"password": "{canary.TOKEN}"', f"ovh-ai-endpoints://:{canary.TOKEN}@[/v1"]
)
def test_trigger_whose_connection_cannot_be_read(monkeypatch: pytest.MonkeyPatch, stored: str | None) -> None:
    """Airflow's own error quotes what it could not read."""
    if stored is not None:
        monkeypatch.setenv("AIRFLOW_CONN_UNREADABLE", stored)
    trigger = OVHCloudAIEndpointsBatchTrigger(["batch-1"], "unreadable", 0.05)

    async def fire() -> Any:
        return (await anext(trigger.run())).payload

    event = asyncio.run(fire())
    assert "'unreadable'" in event["error"]
    with pytest.raises(ConfigurationError) as caught:
        asyncio.run(client_settings("unreadable", "d"))
    assert leaks.holding_token({"event": json.dumps(event), "error": leaks.of_error(caught.value)}) == {}


@pytest.mark.skipif(
    importlib.util.find_spec("airflow.providers.openlineage") is None, reason="no OpenLineage provider here"
)
@pytest.mark.parametrize("name", ["BulkChatOperator", "EmbeddingOperator", "ImageOperator", "TranscriptionOperator"])
def test_lineage_has_neither_token_nor_prompt(sandbox: Sandbox, folder: Path, name: str) -> None:
    from apache_airflow_provider_ovhcloud_ai.compat import to_asset

    task = build_operator(name, folder, outlets=[to_asset("s3://leaks/out")])
    where = make_context()
    task.execute(where)
    events = {
        "facets": repr(task.get_openlineage_facets_on_complete(None)),
        "extra": str(where["outlet_events"].mock_calls),
    }
    assert "ovhcloud_aiEndpoints" in events["facets"]
    assert "update" in events["extra"]
    assert leaks.holding_token(events) == {}
    assert leaks.holding_prompt(events) == set()


def test_what_is_looked_for_would_be_found() -> None:
    """In a text of every spelling, and in an error that holds a request."""
    import requests as library

    for spelling in canary.spellings():
        assert leaks.holding_token({"text": f"before {spelling} after"})
    request = library.Request("GET", "http://127.0.0.1/", headers={"Authorization": f"Bearer {canary.TOKEN}"})
    error = library.ConnectionError("no", request=request.prepare())
    assert leaks.holding_token({"error": leaks.of_error(error)})
    assert leaks.holding_token({"pickle": repr(pickle.dumps({"token": canary.TOKEN}))})
    assert leaks.holding_prompt({"blob": f"X'{canary.PROMPT.encode().hex().upper()}'"})
