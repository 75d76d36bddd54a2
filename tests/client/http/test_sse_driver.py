"""
An answer that is read as it comes: what is given on, and every way in which it may end.
"""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.client.chat import chat_request
from apache_airflow_provider_ovhcloud_ai.client.http.sync_client import Client
from apache_airflow_provider_ovhcloud_ai.client.settings import ClientSettings
from apache_airflow_provider_ovhcloud_ai.errors import (
    AIEndpointsError,
    APIConnectionError,
    APITimeoutError,
    AuthenticationError,
    InvalidResponseError,
    RateLimitError,
)
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from support import canary
from support.scripted_server import Received, Server, Wire, echo, hang, raw, refusing, reset, respond, vanish
from support.streams import DONE, HEAD, answer, chunk, chunked, dripping, send_stream, then_hang

CHAT = chat_request.chat_stream("gpt-oss-20b", [{"role": "user", "content": "Hi"}], max_tokens=5)
ONE = chunk("one")


def streamed(base_url: str, seconds: float = 20.0, **fields: Any) -> list[str]:
    """Read a stream to its end; an error carries what came before."""
    got: list[str] = []
    settings = ClientSettings(**{"base_url": base_url, "token": canary.TOKEN, **fields})
    with Client(settings) as client:
        try:
            for data in client.stream(CHAT, seconds):
                got.append(data)
        except Exception as error:
            error.add_note(json.dumps(got))
            raise
    return got


def before(error: BaseException) -> list[str]:
    return json.loads(error.__notes__[-1])


def read_data(*events: bytes) -> list[str]:
    return [each.removeprefix(b"data: ").strip().decode() for each in events]


def test_request_asks_for_events_with_usage() -> None:
    with Server(send_stream(answer("Hi"))) as server:
        streamed(server.base_url)
    request = server.requests[0]
    assert (request.json["stream"], request.json["stream_options"]) == (True, {"include_usage": True})
    assert (request.json["max_tokens"], request.json["model"]) == (5, "gpt-oss-20b")
    assert request.headers["accept"] == "text/event-stream, application/json"
    assert request.headers["accept-encoding"] == "identity"
    assert request.headers["connection"] == "close"
    assert request.headers["authorization"] == f"Bearer {canary.TOKEN}"


def test_sandbox_streams(ovh_ai_endpoints_sandbox: Sandbox) -> None:
    got = streamed(ovh_ai_endpoints_sandbox.base_url, token=ovh_ai_endpoints_sandbox.token)
    assert got[-1] == "[DONE]"
    assert json.loads(got[-2])["usage"]["completion_tokens"] > 0


def test_events_come_while_the_answer_is_under_way() -> None:
    come = threading.Event()

    def manner(wire: Wire, _: Received) -> bool:
        wire.send(HEAD + ONE)
        # Says nothing more until the first event was read.
        assert come.wait(30)
        wire.send(DONE)
        return False

    with Server(manner) as server, Client(ClientSettings(base_url=server.base_url)) as client:
        stream = client.stream(CHAT, 20.0)
        assert next(stream) == read_data(ONE)[0]
        come.set()
        assert list(stream) == ["[DONE]"]


def test_chunks_of_http_need_not_be_events() -> None:
    whole = answer("Grüße", "🎈")
    with Server(chunked(whole[place : place + 3] for place in range(0, len(whole), 3))) as server:
        assert streamed(server.base_url) == read_data(*whole.strip().split(b"\n\n"))


def test_consumer_that_stops_closes_the_connection() -> None:
    closed = threading.Event()

    def manner(wire: Wire, _: Received) -> bool:
        wire.send(HEAD + ONE)
        wire.line.settimeout(30)
        if wire.line.recv(1) == b"":
            closed.set()
        return False

    with Server(manner, send_stream(ONE, DONE)) as server, Client(ClientSettings(base_url=server.base_url)) as client:
        stream = client.stream(CHAT, 20.0)
        next(stream)
        stream.close()
        assert closed.wait(30)
        assert list(client.stream(CHAT, 20.0)) == read_data(ONE, DONE)
        assert server.connections == 2


def test_cut_stream() -> None:
    cut = chunked([ONE], end=b"")
    with Server(cut) as server, pytest.raises(APIConnectionError, match="connection was lost") as raised:
        streamed(server.base_url)
    assert before(raised.value) == read_data(ONE)
    assert raised.value.may_have_been_processed


def test_reset_stream() -> None:
    def manner(wire: Wire, request: Received) -> bool:
        wire.send(HEAD.replace(b"Connection: close", b"Content-Length: 5000") + ONE)
        return reset(wire, request)

    with Server(manner) as server, pytest.raises(APIConnectionError, match="connection was lost"):
        streamed(server.base_url)


def test_stream_that_declares_its_length_and_is_cut() -> None:
    head = HEAD.replace(b"Connection: close", b"Content-Length: 5000")
    with Server(raw(head + ONE)) as server, pytest.raises(APIConnectionError, match="connection was lost"):
        streamed(server.base_url)


@pytest.mark.parametrize("manner", [vanish, reset])
def test_no_response_at_all(manner: Any) -> None:
    with Server(manner) as server, pytest.raises(APIConnectionError) as raised:
        streamed(server.base_url)
    assert raised.value.kind == "lost"


def test_nothing_listens() -> None:
    with refusing() as port, pytest.raises(APIConnectionError) as raised:
        streamed(f"http://127.0.0.1:{port}/v1")
    assert (raised.value.kind, raised.value.may_have_been_processed) == ("refused", False)


@pytest.mark.parametrize(
    ("manner", "completes"),
    [
        pytest.param(hang, False, id="says nothing"),
        pytest.param(then_hang(ONE), True, id="stops in the middle"),
        pytest.param(dripping(ONE), True, id="drips events"),
        pytest.param(dripping(b": ping\n\n"), False, id="drips comments"),
        pytest.param(dripping(b"d"), False, id="drips a line"),
    ],
)
def test_time_counts_as_a_whole(manner: Any, completes: bool) -> None:
    with Server(manner) as server, pytest.raises(APITimeoutError, match=r"within 0\.5 s") as raised:
        streamed(server.base_url, seconds=0.5)
    assert bool(before(raised.value)) is completes


def test_refusal() -> None:
    refused = respond(401, {"error": {"message": "Invalid API Key"}})
    with Server(refused) as server, pytest.raises(AuthenticationError, match="says: Invalid API Key"):
        streamed(server.base_url)
    assert len(server.requests) == 1


def test_limit_is_not_waited_for() -> None:
    with Server(respond(429, {}, {"Retry-After": "30"})) as server, pytest.raises(RateLimitError) as raised:
        streamed(server.base_url)
    assert raised.value.retry_after == 30
    assert len(server.requests) == 1


def test_refusal_as_events_is_a_refusal() -> None:
    body = {"error": {"message": "Slow down"}}
    with Server(respond(429, body, {"Content-Type": "text/event-stream"})) as server, pytest.raises(RateLimitError):
        streamed(server.base_url)


def test_redirect_is_not_followed() -> None:
    with Server(send_stream(answer("stolen"))) as elsewhere:
        there = {"Location": f"{elsewhere.base_url}/chat/completions"}
        with Server(respond(307, b"", there)) as server, pytest.raises(InvalidResponseError, match="was redirected"):
            streamed(server.base_url)
        assert elsewhere.requests == []


def test_json_comes_as_one_event() -> None:
    whole = {"choices": [{"message": {"content": "Hello"}, "finish_reason": "stop"}]}
    with Server(respond(200, whole)) as server:
        assert [json.loads(data) for data in streamed(server.base_url)] == [whole]


def test_page_is_no_answer() -> None:
    page = respond(200, "<html><title>Sign in</title>", {"Content-Type": "text/html"})
    with Server(page) as server, pytest.raises(InvalidResponseError, match="an HTML page titled 'Sign in'"):
        streamed(server.base_url)


@pytest.mark.parametrize(
    "manner",
    [
        pytest.param(send_stream(*[chunk("x" * 100)] * 40), id="events"),
        pytest.param(send_stream(*[b": " + b"x" * 100 + b"\n\n"] * 40), id="comments"),
        pytest.param(respond(200, {"choices": ["x" * 4000]}), id="JSON"),
    ],
)
def test_size_counts_as_a_whole(manner: Any) -> None:
    with Server(manner) as server, pytest.raises(InvalidResponseError, match=r"larger than 2,000 bytes"):
        streamed(server.base_url, max_response_bytes=2_000)


def test_endless_event(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apache_airflow_provider_ovhcloud_ai.client.http.sse.MAX_EVENT_BYTES", 500)
    with (
        Server(dripping(b"x" * 100, 0.001)) as server,
        pytest.raises(InvalidResponseError, match="an event of more than"),
    ):
        streamed(server.base_url)


@pytest.mark.parametrize(
    "manner",
    [
        pytest.param(echo(401, str), id="refused"),
        pytest.param(hang, id="hangs"),
        pytest.param(vanish, id="lost"),
        pytest.param(respond(302, b"", {"Location": f"http://{canary.TOKEN}/"}), id="redirected"),
        pytest.param(respond(200, f"<title>{canary.TOKEN}</title>", {"Content-Type": "text/html"}), id="a page"),
    ],
)
def test_no_error_holds_the_token(manner: Any) -> None:
    with Server(manner) as server, pytest.raises(AIEndpointsError) as raised:
        streamed(server.base_url, seconds=0.5)
    assert [trace for trace in canary.traces(raised.value, frames=False) if canary.shows(trace)] == []


def sent_stream(server: Server, seconds: float = 20.0, **fields: Any) -> tuple[list[str], list[Any]]:
    """Read a stream that may be asked for again; give its events, and the heads that were told of."""
    settings = ClientSettings(**{"base_url": server.base_url, "token": canary.TOKEN, "timeout": seconds, **fields})
    heads: list[Any] = []
    with Client(settings, sleep=lambda _: None) as client:
        return list(client.send_stream(CHAT, heads.append)), heads


def test_what_was_not_begun_is_asked_for_again() -> None:
    busy = respond(503, {}, {"Retry-After": "0"})
    with Server(busy, send_stream(answer("Hi"))) as server:
        got, heads = sent_stream(server)
    assert got == read_data(*answer("Hi").strip().split(b"\n\n"))
    assert [(head.status, head.attempts) for head in heads] == [(200, 2)]


def test_what_was_begun_is_not() -> None:
    with Server(chunked([ONE], end=b""), send_stream(answer("Hi"))) as server, pytest.raises(APIConnectionError):
        sent_stream(server)
    assert len(server.requests) == 1


def test_an_answer_that_keeps_coming_has_all_the_time_it_needs() -> None:
    """Thirty events in three seconds, where two without one would be too long."""

    def manner(wire: Wire, _: Received) -> bool:
        wire.send(HEAD)
        for _ in range(30):
            wire.closing.wait(0.1)
            wire.send(ONE)
        wire.send(DONE)
        return False

    with Server(manner) as server:
        got, _ = sent_stream(server, seconds=2.0)
    assert len(got) == 31


@pytest.mark.parametrize("manner", [hang, then_hang(ONE), dripping(b": ping\n\n"), dripping(b"d")])
def test_one_that_says_nothing_has_not(manner: Any) -> None:
    with Server(manner) as server, pytest.raises(APITimeoutError, match=r"sent nothing of its response .* for 0\.5 s"):
        sent_stream(server, seconds=0.5, max_retries=0)


def test_time_that_the_caller_takes_is_his_own() -> None:
    settings = {"timeout": 1.0, "max_retries": 0}
    with (
        Server(send_stream(ONE, ONE, DONE)) as server,
        Client(ClientSettings(base_url=server.base_url, **settings)) as client,
    ):
        stream = client.send_stream(CHAT, lambda _: None)
        next(stream)
        time.sleep(1.5)
        assert list(stream) == read_data(ONE, DONE)
