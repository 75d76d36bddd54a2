from __future__ import annotations

import http.client
import json
import socket
import threading
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox

Ask = Callable[..., Any]


def test_clear_forgets_requests_faults_and_limits(sandbox: Sandbox, chat: Ask) -> None:
    chat()
    sandbox.fail_next(times=5)
    sandbox.clear()
    answer = chat()
    assert (answer.status, answer.headers["x-ratelimit-remaining-minute"]) == (200, "399")
    assert len(sandbox.requests) == 1


def test_requests_in_parallel_are_all_answered_and_limited_together() -> None:
    with Sandbox(rate_limit=10) as sandbox:
        statuses: list[int] = []

        def work() -> None:
            connection = http.client.HTTPConnection("127.0.0.1", sandbox.port, timeout=30)
            for _ in range(5):
                body = json.dumps({"model": "bge-m3", "input": "x"})
                connection.request("POST", "/v1/embeddings", body, {"Authorization": "Bearer sandbox-token"})
                response = connection.getresponse()
                response.read()
                statuses.append(response.status)
            connection.close()

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(statuses) == [200] * 10 + [429] * 30
        assert sandbox.connections == 8
        assert len(sandbox.requests) == 40


def test_close_ends_connections_and_waiting_responses_and_frees_the_port() -> None:
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
    with again, urllib.request.urlopen(f"{address}/models") as response:
        assert response.status == 200


def test_port_in_use_is_an_os_error(sandbox: Sandbox) -> None:
    with pytest.raises(OSError, match="in use"), Sandbox(port=sandbox.port):
        pass


def test_responses_are_not_held_back_to_fill_packets(sandbox: Sandbox) -> None:
    with socket.create_connection(("127.0.0.1", sandbox.port), timeout=30) as wire:
        wire.sendall(b"GET /v1/models HTTP/1.1\r\n\r\n")
        assert wire.recv(12) == b"HTTP/1.1 200"
        (accepted,) = sandbox._server._open
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_listens_on_loopback_alone(sandbox: Sandbox) -> None:
    assert sandbox.base_url == f"http://127.0.0.1:{sandbox.port}/v1"
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.2", sandbox.port), timeout=30)
