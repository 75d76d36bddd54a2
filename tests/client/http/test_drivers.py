"""
What both drivers have in common: which attempts follow, what is kept open, what is sent.
"""

from __future__ import annotations

import gzip
import random
import tracemalloc
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.client.chat import chat_request
from apache_airflow_provider_ovhcloud_ai.client.embeddings import embeddings_request
from apache_airflow_provider_ovhcloud_ai.client.http import http_response
from apache_airflow_provider_ovhcloud_ai.client.models import model_list
from apache_airflow_provider_ovhcloud_ai.client.settings import ClientSettings
from apache_airflow_provider_ovhcloud_ai.errors import (
    AIEndpointsError,
    APIConnectionError,
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    InvalidResponseError,
    NotFoundError,
    QuotaExceededError,
    RateLimitError,
)
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from support import canary, scripted_server
from support.drivers import drive_blocking, drive_non_blocking
from support.scripted_server import Manner, Server, respond

MODELS = model_list.models()
CHAT = chat_request.chat("some-model", [{"role": "user", "content": "Hi"}])
((_, EMBED),) = embeddings_request.embeddings("some-model", "Hi")
KINDS = {"models": MODELS, "chat": CHAT, "embed": EMBED}

OK = respond(200, {"object": "list", "data": []})
ASKED_TO_WAIT = {429: {"Retry-After": "7"}, **{status: {"RateLimit-Reset": "3"} for status in (498, 503, 529)}}


def settings_for(server: Server | Sandbox, **fields: Any) -> ClientSettings:
    return ClientSettings(**{"base_url": server.base_url, "token": canary.TOKEN, "timeout": 20.0, **fields})


def test_hundred_calls_share_one_connection(drive: Callable[..., Any]) -> None:
    with Sandbox() as sandbox:
        run = drive(settings_for(sandbox, token=sandbox.token), *[MODELS] * 50, *[CHAT, EMBED] * 25)
        assert [type(outcome).__name__ for outcome in run.outcomes[:50]] == ["HTTPResponse"] * 50
        # "some-model" is refused each time: errors keep the connection as well.
        assert {outcome.status for outcome in run.outcomes[50:]} == {404}
        assert (len(sandbox.requests), sandbox.connections) == (100, 1)


@pytest.mark.parametrize(
    "fault",
    [
        scripted_server.vanish,
        scripted_server.stop_halfway,
        scripted_server.reset,
        scripted_server.hang,
        scripted_server.drip_body,
        scripted_server.drip_chunks,
        respond(200, "x" * 5_000),
    ],
    ids=["vanish", "stop_halfway", "reset", "hang", "drip_body", "drip_chunks", "too_large"],
)
def test_no_fault_poisons_the_pool(drive: Callable[..., Any], fault: Manner) -> None:
    with Server(OK, fault, OK) as server:
        settings = settings_for(server, timeout=2.0, max_retries=0, max_response_bytes=4_000)
        run = drive(settings, MODELS, MODELS, MODELS, MODELS)
        good = [outcome for outcome in run.outcomes if isinstance(outcome, http_response.HTTPResponse)]
        assert isinstance(run.outcomes[1], AIEndpointsError)
        assert [outcome.body for outcome in good] == [b'{"object": "list", "data": []}'] * 3
        assert server.connections <= 2


@pytest.mark.parametrize(
    ("kind", "status", "sleeps"),
    [
        *[(kind, 429, [7.0, 7.0]) for kind in KINDS],
        *[(kind, status, [3.0, 3.0]) for kind in KINDS for status in (498, 503, 529)],
        *[(kind, status, "two") for kind in ("models", "embed") for status in (408, 424, 499, 500, 502, 504)],
        *[("chat", status, "one") for status in (408, 424, 500, 502)],
        *[("chat", status, []) for status in (499, 504)],
        *[(kind, status, []) for kind in KINDS for status in (400, 401, 402, 403, 404, 405, 409, 413, 422, 501)],
    ],
)
def test_statuses_are_repeated_as_they_should(kind: str, status: int, sleeps: Any) -> None:
    slept = []
    for drive in (drive_blocking, drive_non_blocking):
        with Server(respond(status, {"message": "No"}, ASKED_TO_WAIT.get(status))) as server:
            random.seed(11)
            run = drive(settings_for(server), KINDS[kind])
            assert isinstance(run.error, APIStatusError)
            assert (run.error.status, run.error.attempts) == (status, len(run.slept) + 1)
            assert len(server.requests) == len(run.slept) + 1
            slept.append(run.slept)
    assert slept[0] == slept[1]
    if isinstance(sleeps, list):
        assert slept[0] == sleeps
    else:
        assert len(slept[0]) == {"one": 1, "two": 2}[sleeps]
        assert all(0.25 * 2**n <= pause <= 0.5 * 2**n for n, pause in enumerate(slept[0]))


@pytest.mark.parametrize("headers", [{f"X-{number}": "x" for number in range(101)}, {"X-Long": "x" * 200_000}])
def test_too_many_headers_are_named(drive: Callable[..., Any], headers: dict[str, str]) -> None:
    with Server(respond(200, {"object": "list", "data": []}, headers)) as server:
        run = drive(settings_for(server), MODELS)
        # httpx reads any number of headers, up to 100 kB together.
        if drive is drive_blocking or len(headers) == 1:
            assert isinstance(run.error, InvalidResponseError)
            assert "it has too many headers, or too long ones (" in str(run.error)
            assert len(server.requests) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_used_up_credit_is_neither_repeated_nor_a_rate(drive: Callable[..., Any], kind: str) -> None:
    body = {"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}
    with Server(respond(429, body)) as server:
        settings = settings_for(server)
        run = drive(settings, KINDS[kind], KINDS[kind])
    assert type(run.error) is QuotaExceededError
    assert (run.error.attempts, len(server.requests), run.slept) == (1, 2, [])
    assert str(run.error).startswith("Credit used up (429): ")
    assert str(run.error).endswith("the credit of the project; waiting doesn't help.")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("code", "error_class", "attempts"),
    [(401, AuthenticationError, 1), (404, NotFoundError, 1), (429, RateLimitError, 3), (503, APIStatusError, 3)],
)
def test_error_within_a_success_is_the_error_that_it_names(
    drive: Callable[..., Any], kind: str, code: int, error_class: type[APIStatusError], attempts: int
) -> None:
    body = {"error": {"message": "The model is not to be had", "code": code}}
    with Server(respond(200, body, {"Retry-After": "7"})) as server:
        run = drive(settings_for(server), KINDS[kind])
    assert type(run.error) is error_class
    assert (run.error.status, run.error.attempts, len(server.requests)) == (code, attempts, attempts)
    assert "in a response with status 200 and says: The model is not to be had." in str(run.error)
    assert run.slept == [7.0] * (attempts - 1)


def test_first_attempt_after_an_error_within_a_success_counts(drive: Callable[..., Any]) -> None:
    with Server(respond(200, {"error": {"message": "Overloaded", "code": 503}}), OK) as server:
        run = drive(settings_for(server), CHAT)
    assert (run.last.status, run.last.outer_status, run.last.attempts) == (200, None, 2)


@pytest.mark.parametrize(
    "fault",
    [scripted_server.vanish, scripted_server.stop_halfway, scripted_server.reset],
    ids=["vanish", "halfway", "reset"],
)
@pytest.mark.parametrize(("kind", "attempts"), [("models", 3), ("embed", 3), ("chat", 1)])
def test_broken_responses_are_repeated_unless_billed(
    drive: Callable[..., Any], fault: Manner, kind: str, attempts: int
) -> None:
    with Server(fault) as server:
        run = drive(settings_for(server), KINDS[kind])
        assert isinstance(run.error, APIConnectionError)
        assert (run.error.kind, run.error.may_have_been_processed, run.error.attempts) == ("lost", True, attempts)
        assert len(server.requests) == attempts


@pytest.mark.parametrize("kind", KINDS)
def test_what_never_reached_the_service_is_repeated_for_all(drive: Callable[..., Any], kind: str) -> None:
    with scripted_server.refusing() as port:
        run = drive(ClientSettings(base_url=f"http://127.0.0.1:{port}/v1", token=canary.TOKEN), KINDS[kind])
    assert (run.error.kind, run.error.may_have_been_processed, run.error.attempts) == ("refused", False, 3)


def test_no_retries_is_one_attempt(drive: Callable[..., Any]) -> None:
    with Server(respond(503)) as server:
        run = drive(settings_for(server, max_retries=0), MODELS)
        assert (run.error.attempts, run.slept, len(server.requests)) == (1, [], 1)
        assert "Gave up" not in str(run.error)


@pytest.mark.parametrize(
    ("script", "attempts", "slept"),
    [
        ([respond(503, headers={"Retry-After": "0"}), OK], 2, [0.0]),
        ([respond(429, headers={"Retry-After": "59"}), respond(429, headers={"Retry-After": "2"})], 2, [59.0]),
        ([respond(429, headers={"Retry-After": "61"})], 1, []),
        ([respond(503, headers={"Retry-After": "3600"})], 1, []),
    ],
)
def test_waiting_ends_with_its_budget(
    drive: Callable[..., Any], script: list[Manner], attempts: int, slept: list[float]
) -> None:
    with Server(*script) as server:
        run = drive(settings_for(server, max_wait=60.0), CHAT)
        assert (run.last.attempts, run.slept, len(server.requests)) == (attempts, slept, attempts)
        if isinstance(run.last, AIEndpointsError):
            assert f"Try again in {run.last.retry_after:.0f} s" in str(run.last)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(drive: Callable[..., Any], status: int) -> None:
    with Server(OK) as other, Server(respond(status, headers={"Location": f"{other.base_url}/models"})) as server:
        run = drive(settings_for(server), MODELS, CHAT)
        assert [outcome.status for outcome in run.outcomes] == [status, status]
        with pytest.raises(InvalidResponseError, match=r"was redirected \(status \d+\) to http://127.0.0.1") as caught:
            http_response.parse(run.last, CHAT, ClientSettings(server.base_url))
        assert (len(server.requests), other.requests) == (2, [])
        assert caught.value.status == status


def test_what_is_sent(drive: Callable[..., Any]) -> None:
    with Server(OK) as server:
        drive(settings_for(server, user_agent="provider/1 airflow/2"), MODELS, CHAT)
    list_request, chat_request = server.requests
    assert (list_request.method, list_request.path, list_request.body) == ("GET", "/v1/models", b"")
    assert "content-type" not in list_request.headers
    assert (chat_request.method, chat_request.path) == ("POST", "/v1/chat/completions")
    assert chat_request.json == {"model": "some-model", "messages": [{"role": "user", "content": "Hi"}]}
    assert chat_request.headers["content-type"] == "application/json"
    for request in (list_request, chat_request):
        assert request.headers["authorization"] == f"Bearer {canary.TOKEN}"
        assert request.headers["user-agent"] == "provider/1 airflow/2"
        assert request.headers["accept"] == "application/json"
        assert request.headers["accept-encoding"] == "gzip, deflate"


def test_anonymous_sends_no_authorization(drive: Callable[..., Any]) -> None:
    with Server(OK) as server:
        drive(settings_for(server, token=None), MODELS, CHAT)
    assert ["authorization" in request.headers for request in server.requests] == [False, False]


def test_refusal_of_a_body_that_was_not_read_is_understood(drive: Callable[..., Any]) -> None:
    large = chat_request.chat("some-model", [{"role": "user", "content": "x" * 1_900_000}])

    def refuse(connection: scripted_server.Wire) -> None:
        connection.line.recv(100)
        connection.send(scripted_server.message(413, {"message": "too much"}, {"Connection": "close"}))
        while connection.line.recv(65_536):
            pass

    with Server(OK, first=refuse) as server:
        run = drive(settings_for(server), large)
    assert isinstance(run.error, BadRequestError)
    assert str(run.error).startswith("413 Payload Too Large")


def _raw_deflate(data: bytes) -> bytes:
    press = zlib.compressobj(wbits=-15)
    return press.compress(data) + press.flush()


@pytest.mark.parametrize(
    ("encoding", "press"),
    [
        ("gzip", gzip.compress),
        ("GZIP", lambda data: gzip.compress(data[:9]) + gzip.compress(data[9:])),
        ("x-gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", _raw_deflate),
        ("identity", bytes),
        ("", bytes),
    ],
    ids=["gzip", "gzip_members", "x-gzip", "zlib", "raw_deflate", "identity", "none"],
)
def test_compressed_responses(drive: Callable[..., Any], encoding: str, press: Callable[[bytes], bytes]) -> None:
    with Server(respond(200, press(b'{"data": []}'), {"Content-Encoding": encoding})) as server:
        assert drive(settings_for(server), MODELS).last.body == b'{"data": []}'


@pytest.mark.parametrize(
    ("encoding", "body", "sentence"),
    [
        ("br", b"\x0b\x02\x80abc\x03", "data compressed as 'br'"),
        ("gzip", b"not gzip at all", "data compressed as 'gzip'"),
        ("gzip", gzip.compress(b'{"data": []}')[:-14], "broken JSON"),
    ],
    ids=["unknown", "not gzip", "cut short"],
)
def test_error_names_an_encoding_that_fails(
    drive: Callable[..., Any], encoding: str, body: bytes, sentence: str
) -> None:
    headers = {"Content-Encoding": encoding, "Content-Type": "application/json"}
    with Server(respond(200, body, headers), respond(400, body, headers)) as server:
        run = drive(settings_for(server), MODELS, CHAT)
    with pytest.raises(InvalidResponseError, match=f"came back as {sentence} instead of JSON"):
        http_response.parse(run.outcomes[0], MODELS, ClientSettings(server.base_url))
    assert isinstance(run.error, BadRequestError)


@pytest.mark.parametrize("press", [gzip.compress, zlib.compress], ids=["gzip", "deflate"])
def test_bombs_do_not_unfold(drive: Callable[..., Any], press: Callable[[bytes], bytes]) -> None:
    bomb = press(bytes(300_000_000))
    encoding = "gzip" if press is gzip.compress else "deflate"
    with Server(respond(200, bomb, {"Content-Encoding": encoding})) as server:
        tracemalloc.start()
        run = drive(settings_for(server, max_response_bytes=1_000_000), MODELS)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert isinstance(run.error, InvalidResponseError)
    assert "larger than 1,000,000 bytes and was not read to its end" in str(run.error)
    assert peak < 20_000_000


def test_response_of_the_largest_size_is_read(drive: Callable[..., Any]) -> None:
    with Server(respond(200, b"x" * 1_000), respond(200, b"x" * 1_001)) as server:
        run = drive(settings_for(server, max_response_bytes=1_000), MODELS, MODELS)
    assert len(run.outcomes[0].body) == 1_000
    assert isinstance(run.error, InvalidResponseError)


def test_endless_response_is_not_read_to_its_end(drive: Callable[..., Any]) -> None:
    def endless(connection: scripted_server.Wire, _: scripted_server.Received) -> bool:
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            connection.send(b"10000\r\n" + b"x" * 65_536 + b"\r\n")

    with Server(endless) as server:
        assert "was not read to its end" in str(drive(settings_for(server, max_response_bytes=100_000), MODELS).error)


@pytest.mark.parametrize(
    "garbage",
    [b"SSH-2.0-OpenSSH_9.9\r\n", b"HTTP/1.1 abc\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", b"\0" * 99],
    ids=["ssh", "no_status", "negative_length", "zeros"],
)
def test_what_is_not_http_is_a_lost_connection_or_no_json(drive: Callable[..., Any], garbage: bytes) -> None:
    with Server(scripted_server.raw(garbage)) as server:
        outcome = drive(settings_for(server, max_retries=0, timeout=5.0), MODELS).last
        if isinstance(outcome, http_response.HTTPResponse):
            with pytest.raises(InvalidResponseError):
                http_response.parse(outcome, MODELS, ClientSettings(server.base_url))
        else:
            assert isinstance(outcome, APIConnectionError)
            assert "No response from 127.0.0.1" in str(outcome)


def test_cap_is_shared_by_clients_of_one_token() -> None:
    with Server(OK) as server:
        capped = settings_for(server, requests_per_minute=6)
        slept = [*drive_blocking(capped, MODELS, MODELS).slept, *drive_non_blocking(capped, MODELS).slept]
        assert [round(pause) for pause in slept] == [10, 20]
        assert drive_blocking(settings_for(server, requests_per_minute=6, token="another"), MODELS).slept == []
