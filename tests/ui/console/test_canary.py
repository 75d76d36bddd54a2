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
from support.services import Asked, Said, Service
from support.streams import DONE, answer, chunk, event, told

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


def echoing(place: str, spell: Callable[[str], str]) -> Callable[[Asked], Said]:
    def say(asked: Asked) -> Said:
        told = spell((asked.authorization or "").removeprefix("Bearer "))
        pricing = {"currency_unit": told, "prompt": told, "completion": told}
        listed = {"data": [{"id": told, "owned_by": told, "pricing": pricing, "max_completion_tokens": 5}]}
        if asked.path == "/v1/models" and place != "page":
            return Said(200, listed if place == "models" else {"data": [{"id": "m"}]})
        if place == "batches":
            names = dict.fromkeys((f"airflow_{name}" for name in ("dag_id", "run_id", "task_id", "map_index")), told)
            batch = dict.fromkeys(("id", "status", "endpoint", "completion_window", "created_at"), told)
            counts = dict.fromkeys(("total", "completed", "failed"), told)
            return Said(200, {"data": [{**batch, "metadata": names, "request_counts": counts}]})
        if place == "page":
            return Said(200, f"<title>{told}</title>")
        if place == "refusal":
            return Said(401, {"error": {"message": told, "code": told}, "request_id": told})
        if place == "headers":
            return Said(302, "", {"Location": f"https://{told}/", "x-request-id": told})
        usage = {"prompt_tokens": told, "completion_tokens": told}
        choice = {"message": {"content": told}, "finish_reason": told}
        return Said(200, {"choices": [choice], "model": told, "usage": usage, "data": [{"embedding": [1.0]}]})

    return say


def everything(conn_id: str) -> str:
    """Ask for all that the page can show of a connection."""
    got = [ask(address, connection=conn_id).data for address in ("test", "models", "batches")]
    for kind in ("chat", "embedding"):
        got.append(lines(ask("try", connection=conn_id, model="m", kind=kind, text="Hi")))
    got += [ask("connections").data, ask("connection", id=conn_id).data]
    return json.dumps(got)


def kept() -> str:
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
    shown = everything("stored")
    assert service.asked[0].authorization == f"Bearer {canary.TOKEN}"
    for text in (shown, kept(), caplog.text, *capfd.readouterr()):
        assert not canary.shows(text)
        # Nor a part of it that was cut off.
        assert canary.TOKEN[:8] not in text
    assert "ovh_ai_endpoints_test" not in shown
    assert '"headline"' in kept()


@pytest.mark.parametrize("spell", SPELLED.values(), ids=SPELLED)
def test_token_in_pieces_of_a_stream_is_in_no_line(variable: Any, spell: Callable[[str], str]) -> None:
    chance = random.Random(11)
    told_ = f"before {spell(canary.TOKEN)} after"

    def manner(wire: Wire, request: Received) -> bool:
        cuts = sorted(chance.choices(range(len(told_) + 1), k=12))
        pieces = [told_[a:b] for a, b in zip([0, *cuts], [*cuts, len(told_)], strict=True)]
        return told(answer(*pieces))(wire, request)

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
        told(chunk("a"), event({"error": {"message": "x" * 280 + canary.TOKEN}})),
        told(chunk("a"), event({"error": canary.TOKEN})),
        told(chunk("a", canary.TOKEN, model="m" * 190 + canary.TOKEN), DONE),
        told(chunk(canary.TOKEN[:-1])),
    ],
    ids=["error cut", "error", "names", "broken off"],
)
def test_token_at_an_end(variable: Any, manner: Manner) -> None:
    with Server(manner) as server:
        variable(server.base_url)
        told_ = lines(ask("try", connection="stored", model="m", kind="chat", text="Hi"))
    assert not canary.shows(json.dumps(told_[-1]))
    assert canary.TOKEN[:8] not in json.dumps(told_[-1])
    assert canary.TOKEN not in json.dumps(told_)
