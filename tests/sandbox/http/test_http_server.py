"""The sandbox at the level of bytes on a socket."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from http.client import HTTPResponse

import pytest
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox

CHAT = {"model": "Qwen3.5-9B", "messages": [{"role": "user", "content": "Hi"}]}


@pytest.fixture
def wire(sandbox: Sandbox) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", sandbox.port), timeout=30) as connected:
        yield connected


def read(wire: socket.socket) -> tuple[int, HTTPResponse, bytes]:
    response = HTTPResponse(wire)
    response.begin()
    return response.status, response, response.read()


def post(path: str, body: bytes, *headers: str) -> bytes:
    head = [f"POST {path} HTTP/1.1", "Host: sandbox", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*head, "", ""]).encode() + body


def is_closed(wire: socket.socket) -> bool:
    try:
        return wire.recv(1) == b""
    except ConnectionResetError:
        return True


def test_connection_is_kept_through_successes_and_errors(wire: socket.socket, sandbox: Sandbox) -> None:
    wrong_json = post("/v1/chat/completions", b'{"model": ')
    requests = {
        b"GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n": 200,
        b"GET /v1/models?limit=1 HTTP/1.1\r\nHost: x\r\n\r\n": 200,
        b"GET /v2/models HTTP/1.1\r\nHost: x\r\n\r\n": 404,
        post("/v1/models", b"{}"): 405,
        wrong_json: 400,
        post("/v1/chat/completions", json.dumps(CHAT).encode()): 200,
        post("/v1/chat/completions", json.dumps({**CHAT, "stream": True}).encode()): 200,
        b"DELETE /v1/embeddings HTTP/1.1\r\nHost: x\r\n\r\n": 405,
        post("/v1/embeddings", b"{}", "Authorization: Bearer wrong"): 403,
    }
    for request, status in requests.items():
        wire.sendall(request)
        assert read(wire)[0] == status
    assert sandbox.connections == 1
    assert len(sandbox.requests) == len(requests)


def test_two_requests_sent_at_once_are_answered_in_order(wire: socket.socket) -> None:
    wire.sendall(b"GET /v1/models HTTP/1.1\r\n\r\nGET /nowhere HTTP/1.1\r\nConnection: close\r\n\r\n")
    received = b""
    while part := wire.recv(65536):
        received += part
    assert [response[:3] for response in received.split(b"HTTP/1.1 ")[1:]] == [b"200", b"404"]


def test_wrong_path_and_method_answer_as_a_gateway_does(wire: socket.socket) -> None:
    wire.sendall(b"GET /v1/nowhere HTTP/1.1\r\n\r\n")
    assert json.loads(read(wire)[2]) == {"message": "no Route matched with those values"}
    wire.sendall(b"GET /v1/embeddings HTTP/1.1\r\n\r\n")
    status, response, _ = read(wire)
    assert (status, response.headers["Allow"]) == (405, "POST")


def test_head_has_no_body(wire: socket.socket) -> None:
    wire.sendall(b"HEAD /v1/models HTTP/1.1\r\nConnection: close\r\n\r\n")
    received = b""
    while part := wire.recv(65536):
        received += part
    assert received.startswith(b"HTTP/1.1 405")
    assert received.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET /v1/models HTTP/7.7\r\n\r\n", 505),
        (b"BREW /v1/models HTTP/1.1\r\n\r\n", 501),
        (b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET /v1/models HTTP/1.1\r\nx: " + b"y" * 70_000 + b"\r\n\r\n", 431),
        (b"POST /v1/embeddings HTTP/1.1\r\nContent-Length: ten\r\n\r\n", 400),
        (b"POST /v1/embeddings HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST /v1/embeddings HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411),
    ],
)
def test_what_is_no_request_gets_json_and_a_closed_connection(
    wire: socket.socket, request_bytes: bytes, status: int
) -> None:
    wire.sendall(request_bytes)
    received, response, content = read(wire)
    assert received == status
    assert response.headers["Connection"] == "close"
    assert json.loads(content)["message"]
    assert is_closed(wire)


def test_client_that_waits_for_continue_gets_it_at_once(wire: socket.socket) -> None:
    request = post("/v1/chat/completions", json.dumps(CHAT).encode(), "Expect: 100-continue")
    head, _, body = request.partition(b"\r\n\r\n")
    wire.sendall(head + b"\r\n\r\n")
    assert wire.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
    wire.sendall(body)
    assert read(wire)[0] == 200


def test_http_1_0_client_gets_a_stream_without_chunks(wire: socket.socket) -> None:
    body = json.dumps({**CHAT, "stream": True}).encode()
    head = b"POST /v1/chat/completions HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: %d\r\n\r\n"
    wire.sendall(head % len(body) + body)
    status, response, content = read(wire)
    assert (status, response.headers["Transfer-Encoding"], response.headers.get_all("Connection")) == (
        200,
        None,
        ["close"],
    )
    assert content.endswith(b"data: [DONE]\n\n")


def test_stream_is_server_sent_events(wire: socket.socket) -> None:
    wire.sendall(post("/v1/chat/completions", json.dumps({**CHAT, "stream": True}).encode()))
    _, response, content = read(wire)
    assert response.headers["Content-Type"].startswith("text/event-stream")
    events = content.decode().split("\n\n")
    assert events[-2:] == ["data: [DONE]", ""]
    assert all(event.startswith("data: {") and json.loads(event[6:]) for event in events[:-2])


def test_lone_surrogate_in_a_text_does_no_harm(wire: socket.socket) -> None:
    wire.sendall(post("/v1/embeddings", b'{"model": "bge-m3", "input": "\\ud800 x"}'))
    assert read(wire)[0] == 200
    payload = {**CHAT, "logprobs": True, "messages": [{"role": "user", "content": "\ud800"}]}
    for stream in (False, True):
        wire.sendall(post("/v1/chat/completions", json.dumps({**payload, "stream": stream}).encode()))
        assert read(wire)[0] == 200
