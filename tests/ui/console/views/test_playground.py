"""
"Try it": an answer as it streams, every way in which it may end, and what is refused before anything is sent.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from apache_airflow_provider_ovhcloud_ai.ui.console.views import playground
from support import canary
from support.console import ADMIN, ask, lines, sentence, start
from support.scripted_server import Manner, Received, Server, Wire, drip_body, hang, respond, vanish
from support.streams import DONE, HEAD, answer, chunk, chunked, dripping, event, send_stream, then_hang

pytestmark = pytest.mark.airflow

CHAT = {"connection": "stored", "model": "gpt-oss-20b", "kind": "chat", "text": "Hi"}
EMBEDDING = CHAT | {"model": "bge-m3", "kind": "embedding"}
Script = Callable[..., Server]
NOTHING = {
    "first_token_milliseconds": None,
    "input_tokens": None,
    "output_tokens": None,
    "finish_reason": None,
    "model": None,
    "dimensions": None,
    "vector_start": None,
}


@pytest.fixture
def script(variable: Any) -> Iterator[Script]:
    """A service that does what it is told to, and the connection to it."""
    with ExitStack() as stack:

        def make(*manners: Manner, **fields: Any) -> Server:
            server = stack.enter_context(Server(*manners))
            variable(server.base_url, **fields)
            return server

        yield make


def join_texts(lines: list[dict[str, Any]]) -> str:
    return "".join(line.get("text", "") for line in lines)


def test_chat(script: Script) -> None:
    server = script(send_stream(answer("Hel", "lo")))
    *texts, last = lines(ask("try", **CHAT, max_tokens=7))
    assert texts == [{"text": "Hel"}, {"text": "lo"}]
    done = last["done"]
    assert done["milliseconds"] >= done["first_token_milliseconds"] >= 0
    assert (done["input_tokens"], done["output_tokens"], done["finish_reason"]) == (7, 2, "stop")
    assert done["model"] == "gpt-oss-20b"
    assert (server.requests[0].json["max_tokens"], server.requests[0].json["stream"]) == (7, True)
    assert 'content": "Hi"' in done["code"]
    assert "max_tokens=7" in done["code"]
    assert set(done) == set(NOTHING) | {"milliseconds", "code"}


def test_text_comes_while_the_answer_is_under_way(script: Script) -> None:
    come = threading.Event()

    def manner(wire: Wire, _: Received) -> bool:
        wire.send(HEAD + chunk("one"))
        assert come.wait(30)
        wire.send(chunk("two", "stop") + DONE)
        return False

    script(manner)
    stream = iter(ask("try", **CHAT).lines)
    assert next(stream) == b'{"text": "one"}\n'
    come.set()
    assert len(list(stream)) == 2


def test_sandbox(variable: Any, ovh_ai_endpoints_sandbox: Sandbox) -> None:
    sandbox = ovh_ai_endpoints_sandbox
    variable(sandbox.base_url, password=sandbox.token)
    *texts, last = lines(ask("try", **CHAT))
    assert join_texts(texts)
    assert last["done"]["output_tokens"] > 0
    *texts, last = lines(ask("try", **EMBEDDING))
    assert texts == []
    assert (last["done"]["dimensions"], len(last["done"]["vector_start"])) == (1024, 5)
    assert last["done"]["input_tokens"] > 0


def test_server_that_does_not_stream(script: Script) -> None:
    script(respond(200, {"choices": [{"message": {"content": "Hello"}, "finish_reason": "stop"}]}))
    text, last = lines(ask("try", **CHAT))
    assert (text, last["done"]["finish_reason"]) == ({"text": "Hello"}, "stop")


@pytest.mark.parametrize(
    ("manner", "text", "error"),
    [
        pytest.param(send_stream(chunk("Hel")), "Hel", "broke off before its end", id="ends early"),
        pytest.param(chunked([chunk("Hel")], end=b""), "Hel", "connection was lost", id="cut"),
        pytest.param(vanish, "", "connection was lost", id="no response"),
        pytest.param(
            send_stream(chunk("Hel"), event({"error": {"message": "Out of GPUs."}})), "Hel", "Out of GPUs", id="err"
        ),
        pytest.param(send_stream(chunk("Hel"), b"data: {\n\n"), "Hel", "no JSON object", id="broken JSON"),
        pytest.param(respond(401, {"error": {"message": "Invalid"}}), "", "Check the API token", id="401"),
        pytest.param(respond(429, {}, {"Retry-After": "9"}), "", "Try again in 9 s", id="429"),
        pytest.param(respond(500, "<h1>secret page</h1>"), "", "500 Internal Server Error", id="500"),
        pytest.param(respond(302, b"", {"Location": "https://login.example"}), "", "was redirected", id="302"),
        pytest.param(respond(200, "<title>Sign in</title>", {"Content-Type": "text/html"}), "", "Sign in", id="page"),
        pytest.param(respond(200, {"object": "nothing"}), "", "broke off", id="another shape"),
    ],
)
def test_every_other_end_is_a_sentence(script: Script, manner: Manner, text: str, error: str) -> None:
    script(manner)
    *texts, last = lines(ask("try", **CHAT))
    assert join_texts(texts) == text
    assert set(last) == {"error"}
    assert error in last["error"]
    assert "secret page" not in last["error"]


@pytest.mark.parametrize(
    "manner",
    [
        pytest.param(hang, id="hangs"),
        pytest.param(then_hang(chunk("x")), id="stops"),
        pytest.param(dripping(chunk("x")), id="drips"),
        pytest.param(dripping(b": ping\n\n"), id="pings"),
        pytest.param(drip_body, id="drips JSON"),
    ],
)
@pytest.mark.parametrize("params", [CHAT, EMBEDDING], ids=["chat", "embedding"])
def test_time_is_bounded(
    script: Script, monkeypatch: pytest.MonkeyPatch, manner: Manner, params: dict[str, Any]
) -> None:
    monkeypatch.setattr(playground, "TIMEOUT_S", 0.4)
    script(manner)
    assert "Timed out" in lines(ask("try", **params))[-1]["error"]


def test_bound_is_ten_seconds() -> None:
    assert playground.TIMEOUT_S == 10


@pytest.mark.parametrize("body", [{"data": []}, {"data": [{"embedding": ["x"]}]}, {"data": [{"embedding": []}]}, {}])
def test_embedding_of_another_shape(script: Script, body: Any) -> None:
    script(respond(200, body))
    (last,) = lines(ask("try", **EMBEDDING))
    assert "not what an OpenAI-compatible service returns" in last["error"]


def test_embedding_that_is_not_of_numbers(script: Script) -> None:
    script(respond(200, {"data": [{"embedding": [None, 0.5]}]}))
    (last,) = lines(ask("try", **EMBEDDING))
    assert "the vector of the text is not of finite numbers" in last["error"]


def test_double_click_is_one_request(script: Script) -> None:
    open_, arrival = threading.Event(), threading.Event()

    def manner(wire: Wire, request: Received) -> bool:
        arrival.set()
        assert open_.wait(30)
        return send_stream(answer("Hi"))(wire, request)

    server = script(manner)
    first = start("try", ADMIN, **CHAT)
    assert arrival.wait(30)
    second = ask("try", **CHAT)
    assert (second.status, "under way already" in sentence(second)) == (409, True)
    open_.set()
    assert "done" in lines(first)[-1]
    assert len(server.requests) == 1
    assert "done" in lines(ask("try", **CHAT))[-1]


def test_answer_without_bounds(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(playground, "MAX_ANSWER_CHARS", 100)
    # The token lies across the place where the answer is cut.
    script(send_stream(answer("x" * 90, canary.TOKEN, "y" * 50)))
    text = join_texts(lines(ask("try", **CHAT)))
    assert text == "x" * 90 + "***" + "y" * 7


def test_names_without_bounds(script: Script) -> None:
    long = "n" * 5_000
    script(send_stream(chunk("x"), chunk(None, "<b>" + long, model=long, usage={"prompt_tokens": 10**400}), DONE))
    done = lines(ask("try", **CHAT))[-1]["done"]
    assert (len(done["model"]), len(done["finish_reason"]), done["input_tokens"]) == (200, 200, None)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"text": ""}, "text must not be empty"),
        ({"text": None}, "text must be a text"),
        ({"text": ["Hi"]}, "text must be a text"),
        ({"text": "x" * 20_001}, "a trial takes 20,000"),
        ({"model": " "}, "model must not be empty"),
        ({"model": {"id": "m"}}, "model must be a text"),
        ({"kind": "image"}, "Only chat and embedding"),
        ({"kind": ["chat"]}, "Only chat and embedding"),
        ({"max_tokens": 1_025}, "from 1 to 1024"),
        ({"max_tokens": -1}, "from 1 to 1024"),
        ({"max_tokens": "many"}, "max_tokens must be a number"),
        ({"max_tokens": [5]}, "max_tokens must be a number"),
        ({"max_tokens": True}, "max_tokens must be a number"),
    ],
)
def test_refused_before_anything_is_sent(script: Script, changes: dict[str, Any], message: str) -> None:
    server = script(send_stream(answer("Hi")))
    refused = ask("try", **CHAT | changes)
    assert (refused.status, message in sentence(refused)) == (422, True), refused
    assert server.connections == 0


def test_connection_without_a_token(script: Script) -> None:
    server = script(send_stream(answer("Hi")), password="")
    assert "has no API token" in sentence(ask("try", **CHAT))
    assert server.connections == 0


def test_text_that_no_request_can_carry(script: Script) -> None:
    script(send_stream(answer("Hi")))
    assert "cannot be written as JSON" in lines(ask("try", **CHAT | {"text": "\ud800"}))[-1]["error"]


def test_unexpected_exception_is_the_last_line(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError(canary.TOKEN)

    script(send_stream(answer("Hi")))
    monkeypatch.setattr(playground, "_usage", broken)
    text, last = lines(ask("try", **CHAT))
    assert text == {"text": "Hi"}
    assert "says nothing about the connection" in last["error"]
    assert not canary.shows(last["error"])
