from __future__ import annotations

import http.client
import json
import socket
import threading
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox, service

Ask = Callable[..., Any]


def test_received_requests_are_kept_and_their_repr_shows_no_secret(sandbox: Sandbox, chat: Ask) -> None:
    chat(seed=7)
    (request,) = sandbox.requests
    assert (request.method, request.path) == ("POST", "/v1/chat/completions")
    assert request.headers["authorization"] == "Bearer sandbox-token"
    assert request.json["seed"] == 7
    assert "sandbox-token" not in repr(request) + repr(sandbox)
    assert "Airflow" not in repr(request)


def test_body_that_is_not_json_is_none(sandbox: Sandbox, ask: Ask) -> None:
    ask("/embeddings", b"{")
    assert sandbox.requests[0].json is None
    assert sandbox.requests[0].body == b"{"


def test_ordered_failure_comes_once_and_only_where_it_was_ordered(sandbox: Sandbox, chat: Ask, embed: Ask) -> None:
    sandbox.fail_next(500, path="/v1/embeddings")
    assert chat().status == 200
    assert embed("x").body == {"message": "Internal Server Error"}
    assert embed("x").status == 200


def test_ordered_failures_come_in_their_order_with_their_body_and_headers(sandbox: Sandbox, chat: Ask) -> None:
    sandbox.fail_next(429, {"error": {"message": "slow"}}, {"Retry-After": "3"}, times=2)
    sandbox.fail_next(502, "[]", {"Content-Type": "text/html"})
    sandbox.fail_next(599)
    first, second, third, fourth = chat(), chat(), chat(), chat()
    assert (first.status, first.headers["Retry-After"], first.body) == (429, "3", {"error": {"message": "slow"}})
    assert second.status == 429
    assert (third.status, third.headers.get_all("Content-Type")) == (502, ["text/html"])
    assert (fourth.status, fourth.body) == (599, {"message": "Error"})
    assert chat().status == 200


def test_dropped_connection(sandbox: Sandbox, chat: Ask) -> None:
    sandbox.drop_next()
    with pytest.raises(http.client.RemoteDisconnected):
        chat()
    assert chat().status == 200


def test_cut_reply(sandbox: Sandbox, chat: Ask) -> None:
    sandbox.cut_next()
    with pytest.raises(http.client.IncompleteRead):
        chat()
    assert chat().status == 200


def test_clear_forgets_requests_faults_and_limits(sandbox: Sandbox, chat: Ask) -> None:
    chat()
    sandbox.fail_next(times=5)
    sandbox.clear()
    answer = chat()
    assert (answer.status, answer.headers["x-ratelimit-remaining-minute"]) == (200, "399")
    assert len(sandbox.requests) == 1


def test_a_defect_is_a_500(sandbox: Sandbox, ask: Ask, caplog: Any) -> None:
    def broken(_: Any) -> None:
        raise ZeroDivisionError

    sandbox._service._routes = (service.PlainRoute("GET", "/v1/broken", broken),)
    assert ask("/broken", method="GET").status == 500
    assert "The sandbox failed on GET /v1/broken" in caplog.text


def test_requests_in_parallel_are_all_answered_and_limited_together() -> None:
    with Sandbox(rate_limit=10) as sandbox:
        statuses: list[int] = []

        def work() -> None:
            connection = http.client.HTTPConnection("127.0.0.1", sandbox.port, timeout=30)
            for _ in range(5):
                body = json.dumps({"model": "bge-m3", "input": "x"})
                connection.request("POST", "/v1/embeddings", body, {"Authorization": "Bearer sandbox-token"})
                reply = connection.getresponse()
                reply.read()
                statuses.append(reply.status)
            connection.close()

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(statuses) == [200] * 10 + [429] * 30
        assert sandbox.connections == 8
        assert len(sandbox.requests) == 40


def test_close_ends_connections_and_waiting_replies_and_frees_the_port() -> None:
    with Sandbox(latency=3600) as sandbox:
        idle = socket.create_connection(("127.0.0.1", sandbox.port), timeout=30)
        waiting = socket.create_connection(("127.0.0.1", sandbox.port), timeout=30)
        waiting.sendall(b"GET /v1/models HTTP/1.1\r\n\r\n")
        while not sandbox.requests:
            threading.Event().wait(0.01)
    assert idle.recv(1) == b""
    assert waiting.recv(1) == b""
    idle.close()
    waiting.close()
    with Sandbox(port=sandbox.port, latency=0.001) as again:
        assert again.base_url == sandbox.base_url
        address = again.base_url
    with again, urllib.request.urlopen(f"{address}/models") as reply:
        assert reply.status == 200


def test_port_in_use_is_an_os_error(sandbox: Sandbox) -> None:
    with pytest.raises(OSError, match="in use"), Sandbox(port=sandbox.port):
        pass


def test_replies_are_not_held_back_to_fill_packets(sandbox: Sandbox) -> None:
    with socket.create_connection(("127.0.0.1", sandbox.port), timeout=30) as wire:
        wire.sendall(b"GET /v1/models HTTP/1.1\r\n\r\n")
        assert wire.recv(12) == b"HTTP/1.1 200"
        (accepted,) = sandbox._server._open
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_listens_on_loopback_alone(sandbox: Sandbox) -> None:
    assert sandbox.base_url == f"http://127.0.0.1:{sandbox.port}/v1"
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.2", sandbox.port), timeout=30)
