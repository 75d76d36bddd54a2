"""
What the blocking driver alone does; see test_drivers.py for the rest.
"""

from __future__ import annotations

import threading
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.client.http.sync_client import Client
from apache_airflow_provider_ovhcloud_ai.client.models import model_list
from apache_airflow_provider_ovhcloud_ai.client.settings import ClientSettings
from apache_airflow_provider_ovhcloud_ai.errors import APIStatusError, APITimeoutError, RateLimitError
from support import canary
from support.scripted_server import Received, Server, Wire, hang, respond

MODELS = model_list.models()
OK = respond(200, {"data": []})


def make_client(server: Server, **fields: Any) -> Client:
    return Client(ClientSettings(**{"base_url": server.base_url, "token": canary.TOKEN, "timeout": 20.0, **fields}))


def test_threads_share_the_pool() -> None:
    met = threading.Barrier(8)

    def together(wire: Wire, request: Received) -> bool:
        met.wait(20)
        return OK(wire, request)

    with Server(together) as server, make_client(server) as client:
        for _ in range(3):
            threads = [threading.Thread(target=client.send, args=(MODELS,)) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(20)
        assert (len(server.requests), server.connections) == (24, 8)


def test_closed_client_opens_again() -> None:
    with Server(OK) as server, make_client(server) as client:
        client.close()
        client.send(MODELS)
        client.close()
        client.close()
        client.send(MODELS)
        assert server.connections == 2


def test_connection_that_the_server_closed_meanwhile_is_replaced() -> None:
    def once(wire: Wire, request: Received) -> bool:
        OK(wire, request)
        return False

    with Server(once) as server, make_client(server, max_retries=0) as client:
        for _ in range(5):
            assert client.send(MODELS).status == 200
            # The server's goodbye has arrived by then.
            threading.Event().wait(0.05)
        assert server.connections == 5


def test_single_attempts_are_not_repeated_but_have_a_time_of_their_own() -> None:
    with Server(respond(503), hang) as server, make_client(server) as client:
        with pytest.raises(APIStatusError):
            client.send_once(MODELS)
        with pytest.raises(APITimeoutError, match=r"within 0\.3 s"):
            client.send_once(MODELS, timeout=0.3)
        assert len(server.requests) == 2


def test_exchange_returns_a_response_of_any_status() -> None:
    with Server(respond(429, {"message": "x"}), respond(302)) as server, make_client(server) as client:
        assert [client.exchange(MODELS).status for _ in range(2)] == [429, 302]


def test_pauses_are_real_by_default() -> None:
    with Server(respond(429, headers={"Retry-After": "0.01"}), OK) as server, make_client(server) as client:
        assert client.send(MODELS).attempts == 2
    with Server(respond(429, headers={"Retry-After": "3600"})) as server, make_client(server) as client:
        with pytest.raises(RateLimitError) as caught:
            client.send(MODELS)
        assert (caught.value.retry_after, caught.value.attempts) == (3_600.0, 1)


def test_retries_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    with Server(respond(503, {"message": "busy"}, {"Retry-After": "0"}), OK) as server, make_client(server) as client:
        client.send(MODELS)
    (line,) = [record.getMessage() for record in caplog.records if "Attempt" in record.getMessage()]
    assert line.startswith("Attempt 1 failed: 503 Service Unavailable: 127.0.0.1:")
    assert line.endswith("Next in 0.0 s.")


def test_nothing_of_a_client_shows_the_token() -> None:
    with Server(OK) as server, make_client(server) as client:
        response_ = client.send(MODELS)
        session = client._session
        texts = [repr(each) for each in (client, vars(client), client.settings, session, vars(session), response_)]
    assert not any(canary.shows(each) for each in texts)
