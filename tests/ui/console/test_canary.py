"""
A service that echoes the token in every place and spelling: nothing that the page gets, keeps or logs holds it.
"""

from __future__ import annotations

import base64
import html
import json
import logging
import random
import urllib.parse
from collections.abc import Callable
from typing import Any

import pytest
from support import canary
from support.console import ask, lines
from support.scripted_server import Manner, Received, Server, Wire
from support.services import Service, ServiceRequest, ServiceResponse
from support.streams import DONE, answer, chunk, event, send_stream

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("database")]

SPELLED: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "in a sentence": lambda token: f"Unknown token {token}!",
    "upper case": str.upper,
    "backwards": lambda token: token[::-1],
    "URL": lambda token: urllib.parse.quote(token, safe=""),
    "HTML": html.escape,
    "base64": lambda token: base64.b64encode(f"Bearer {token}".encode()).decode(),
    "hexadecimal": lambda token: token.encode().hex(),
    "far behind": lambda token: "x" * 190 + token,
    "again and again": lambda token: token * 200,
}
PLACES = ["models", "batches", "answer", "refusal", "page", "headers"]


def echoing(place: str, spell: Callable[[str], str]) -> Callable[[ServiceRequest], ServiceResponse]:
    def say(request: ServiceRequest) -> ServiceResponse:
        token = spell((request.authorization or "").removeprefix("Bearer "))
        pricing = {"currency_unit": token, "prompt": token, "completion": token}
        model_list = {"data": [{"id": token, "owned_by": token, "pricing": pricing, "max_completion_tokens": 5}]}
        if request.path == "/v1/models" and place != "page":
            return ServiceResponse(200, model_list if place == "models" else {"data": [{"id": "m"}]})
        if place == "batches":
            names = dict.fromkeys((f"airflow_{name}" for name in ("dag_id", "run_id", "task_id", "map_index")), token)
            batch = dict.fromkeys(("id", "status", "endpoint", "completion_window", "created_at"), token)
            counts = dict.fromkeys(("total", "completed", "failed"), token)
            return ServiceResponse(200, {"data": [{**batch, "metadata": names, "request_counts": counts}]})
        if place == "page":
            return ServiceResponse(200, f"<title>{token}</title>")
        if place == "refusal":
            return ServiceResponse(401, {"error": {"message": token, "code": token}, "request_id": token})
        if place == "headers":
            return ServiceResponse(302, "", {"Location": f"https://{token}/", "x-request-id": token})
        usage = {"prompt_tokens": token, "completion_tokens": token}
        choice = {"message": {"content": token}, "finish_reason": token}
        return ServiceResponse(
            200, {"choices": [choice], "model": token, "usage": usage, "data": [{"embedding": [1.0]}]}
        )

    return say


def everything(conn_id: str) -> str:
    """Ask for all that the page can show of a connection."""
    got = [ask(address, connection=conn_id).data for address in ("test", "models", "batches")]
    for kind in ("chat", "embedding"):
        got.append(lines(ask("try", connection=conn_id, model="m", kind=kind, text="Hi")))
    got += [ask("connections").data, ask("connection", id=conn_id).data]
    return json.dumps(got)


def read_audit_log() -> str:
    from airflow.models import Log
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        return str([(row.owner, row.extra) for row in session.scalars(select(Log))])


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("spell", SPELLED.values(), ids=SPELLED)
def test_echoed_token_is_nowhere(
    serve: Callable[..., Service],
    variable: Any,
    row: Any,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    place: str,
    spell: Callable[[str], str],
) -> None:
    caplog.set_level(logging.DEBUG, "apache_airflow_provider_ovhcloud_ai")
    service = serve(echoing(place, spell))
    row("stored")
    variable(service.base_url, extra={"project_id": "abc", "chat_model": "m"})
    output = everything("stored")
    assert service.requests[0].authorization == f"Bearer {canary.TOKEN}"
    for text in (output, read_audit_log(), caplog.text, *capfd.readouterr()):
        assert not canary.shows(text)
        # Nor a part of it that was cut off.
        assert canary.TOKEN[:8] not in text
    assert "ovh_ai_endpoints_test" not in output
    assert '"headline"' in read_audit_log()


@pytest.mark.parametrize("spell", SPELLED.values(), ids=SPELLED)
def test_token_in_pieces_of_a_stream_is_in_no_line(variable: Any, spell: Callable[[str], str]) -> None:
    chance = random.Random(11)
    text_shown = f"before {spell(canary.TOKEN)} after"

    def manner(wire: Wire, request: Received) -> bool:
        cuts = sorted(chance.choices(range(len(text_shown) + 1), k=12))
        pieces = [text_shown[a:b] for a, b in zip([0, *cuts], [*cuts, len(text_shown)], strict=True)]
        return send_stream(answer(*pieces))(wire, request)

    with Server(manner) as server:
        variable(server.base_url)
        for _ in range(10):
            *texts, last = lines(ask("try", connection="stored", model="m", kind="chat", text="Hi"))
            text = "".join(line["text"] for line in texts)
            assert text.startswith("before ")
            assert text.endswith(" after")
            assert "***" in text
            assert "done" in last
            assert not any(canary.shows(each) for each in (text, json.dumps(texts), json.dumps(last)))


@pytest.mark.parametrize(
    "manner",
    [
        send_stream(chunk("a"), event({"error": {"message": "x" * 280 + canary.TOKEN}})),
        send_stream(chunk("a"), event({"error": canary.TOKEN})),
        send_stream(chunk("a", canary.TOKEN, model="m" * 190 + canary.TOKEN), DONE),
        send_stream(chunk(canary.TOKEN[:-1])),
    ],
    ids=["error cut", "error", "names", "broken off"],
)
def test_token_at_an_end(variable: Any, manner: Manner) -> None:
    with Server(manner) as server:
        variable(server.base_url)
        text_shown = lines(ask("try", connection="stored", model="m", kind="chat", text="Hi"))
    assert not canary.shows(json.dumps(text_shown[-1]))
    assert canary.TOKEN[:8] not in json.dumps(text_shown[-1])
    assert canary.TOKEN not in json.dumps(text_shown)
