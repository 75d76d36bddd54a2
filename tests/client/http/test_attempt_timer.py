"""
Each attempt keeps its time, whatever hangs, and leaves nothing behind.

A test hangs here if an attempt has no limit of its own.
"""

from __future__ import annotations

import gc
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import trustme
from apache_airflow_provider_ovhcloud_ai.client.chat import chat_request
from apache_airflow_provider_ovhcloud_ai.client.http import attempt_timer
from apache_airflow_provider_ovhcloud_ai.client.http.sync_client import Client
from apache_airflow_provider_ovhcloud_ai.client.models import model_list
from apache_airflow_provider_ovhcloud_ai.client.settings import ClientSettings
from apache_airflow_provider_ovhcloud_ai.errors import AIEndpointsError, APITimeoutError
from support import scripted_server
from support.proxy import Proxy
from support.scripted_server import Server, Wire

pytestmark = pytest.mark.slow

MODELS = model_list.models()
SECONDS = 1.0
LIMIT = 20.0


@pytest.fixture
def places() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def drip_handshake(connection: Wire) -> None:
    connection.drip(b"\x16\x03\x03\x40\x00" + b"\x02" * 2_000)


def hanging_tls(places: ExitStack) -> dict[str, Any]:
    server = places.enter_context(Server(scripted_server.hang, first=Wire.hang))
    return {"base_url": f"https://127.0.0.1:{server.port}/v1"}


def dripping_tls(places: ExitStack) -> dict[str, Any]:
    server = places.enter_context(Server(scripted_server.hang, first=drip_handshake))
    return {"base_url": f"https://127.0.0.1:{server.port}/v1"}


def hanging_accept(places: ExitStack) -> dict[str, Any]:
    return {"base_url": f"http://127.0.0.1:{places.enter_context(scripted_server.swallowing())}/v1"}


def hanging_proxy(places: ExitStack) -> dict[str, Any]:
    proxy = places.enter_context(Proxy({}, hang=True))
    return {"base_url": "https://service.test/v1", "proxy": proxy.url()}


def answering(manner: scripted_server.Manner) -> Callable[[ExitStack], dict[str, Any]]:
    return lambda places: {"base_url": places.enter_context(Server(manner)).base_url}


UNREACHED = {
    "hanging_accept": hanging_accept,
    "hanging_tls": hanging_tls,
    "dripping_tls": dripping_tls,
    "hanging_proxy": hanging_proxy,
}
REACHED = {
    "hang": answering(scripted_server.hang),
    "drip_headers": answering(scripted_server.drip_headers),
    "drip_body": answering(scripted_server.drip_body),
    "drip_unbounded_body": answering(scripted_server.drip_unbounded_body),
    "drip_chunks": answering(scripted_server.drip_chunks),
}


def ask(drive: Callable[..., Any], **settings: Any) -> AIEndpointsError:
    return drive(ClientSettings(token="t", max_retries=0, **settings), MODELS).error


@pytest.mark.parametrize("where", REACHED.values(), ids=REACHED)
def test_response_has_the_time_of_the_attempt(
    drive: Callable[..., Any], where: Callable[[ExitStack], dict[str, Any]], places: ExitStack
) -> None:
    error = ask(drive, timeout=SECONDS, **where(places))
    assert isinstance(error, APITimeoutError)
    assert (error.kind, error.may_have_been_processed) == ("timeout", True)
    assert "did not complete its response to the list of models within 1 s. Raise the timeout" in str(error)


@pytest.mark.parametrize("where", UNREACHED.values(), ids=UNREACHED)
@pytest.mark.parametrize(
    "times", [{"timeout": SECONDS}, {"timeout": 600.0, "connect_timeout": SECONDS}], ids=["attempt", "connecting"]
)
def test_connecting_has_a_time_of_its_own(
    drive: Callable[..., Any], where: Callable[[ExitStack], dict[str, Any]], times: dict[str, float], places: ExitStack
) -> None:
    error = ask(drive, **times, **where(places))
    assert isinstance(error, APITimeoutError)
    assert (error.kind, error.may_have_been_processed) == ("timeout", False)
    assert "could not be reached within 1 s for the list of models. Check the network" in str(error)
    assert ("through the proxy 127.0.0.1:" in str(error)) is (where is hanging_proxy)


@pytest.mark.parametrize(
    "times", [{"timeout": SECONDS}, {"timeout": 600.0, "connect_timeout": SECONDS}], ids=["attempt", "connecting"]
)
def test_name_lookup_that_hangs(
    drive: Callable[..., Any], times: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    released = threading.Event()
    # The one thing that cannot be made to happen on this machine.
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: released.wait(1.5) and [])
    try:
        error = ask(drive, base_url="https://service.test/v1", **times)
    finally:
        released.set()
    assert (error.kind, error.may_have_been_processed) == ("timeout", False)


def test_slow_response_may_take_longer_than_connecting(drive: Callable[..., Any]) -> None:
    def pause(connection: Wire, request: scripted_server.Received) -> bool:
        connection.closing.wait(2.0)
        return scripted_server.respond(200, {"data": []})(connection, request)

    with Server(pause) as server:
        run = drive(ClientSettings(base_url=server.base_url, connect_timeout=1.0, timeout=60.0), MODELS, MODELS)
    assert [outcome.status for outcome in run.outcomes] == [200, 200]


def test_large_request_may_take_longer_than_connecting(drive: Callable[..., Any]) -> None:
    picture = {"type": "image_url", "image_url": {"url": "x" * 9_000_000}}
    large = chat_request.chat("m", [{"role": "user", "content": [picture]}])

    def read_late(connection: Wire) -> None:
        connection.closing.wait(2.0)

    # More than what the systems on both sides take in before anybody reads.
    with Server(scripted_server.respond(200, {}), first=read_late, window=100_000) as server:
        run = drive(ClientSettings(base_url=server.base_url, connect_timeout=1.0, timeout=60.0, max_retries=0), large)
        assert run.last.status == 200
        assert server.requests[0].body == large.content


def open_sockets() -> int:
    links = [f"/proc/self/fd/{fd}" for fd in os.listdir("/proc/self/fd")]
    return sum(os.readlink(link).startswith("socket:") for link in links if os.path.islink(link))


def thread_names() -> list[str]:
    return [thread.name for thread in threading.enumerate()]


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts open sockets as Linux shows them")
def test_nothing_is_left_after_many_timeouts(drive: Callable[..., Any], places: ExitStack) -> None:
    before = open_sockets()
    everywhere = [make(places) for make in (UNREACHED | REACHED).values()]
    gc.disable()
    for settings in everywhere * 2:
        drive(ClientSettings(token="t", max_retries=1, timeout=0.1, **settings), MODELS)
    places.close()
    # The servers' own sockets end a moment after their context.
    ended = time.monotonic() + LIMIT
    while open_sockets() > before and time.monotonic() < ended:
        time.sleep(0.02)
    after = open_sockets()
    gc.enable()
    assert after <= before
    assert [name for name in thread_names() if name.startswith("ai-endpoints")] in ([], ["ai-endpoints-deadlines"])


def test_threads_have_each_their_own_time() -> None:
    outcomes: dict[str, Any] = {}

    def run(name: str, settings: ClientSettings) -> None:
        with Client(settings) as client:
            try:
                outcomes[name] = client.send(MODELS)
            except AIEndpointsError as error:
                outcomes[name] = error

    def slowly(connection: Wire, request: scripted_server.Received) -> bool:
        connection.closing.wait(1.5)
        return scripted_server.respond(200, {})(connection, request)

    with Server(slowly) as server:
        patient = ClientSettings(base_url=server.base_url, timeout=60.0)
        hasty = ClientSettings(base_url=server.base_url, timeout=0.3, max_retries=0)
        threads = [
            threading.Thread(target=run, args=(f"{kind}{n}", settings))
            for n in range(10)
            for kind, settings in (("patient", patient), ("hasty", hasty))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LIMIT)
    assert {name: type(outcome).__name__ for name, outcome in outcomes.items()} == {
        f"{kind}{n}": {"patient": "HTTPResponse", "hasty": "APITimeoutError"}[kind]
        for n in range(10)
        for kind in ("patient", "hasty")
    }


def test_forked_process_has_its_own_clock_and_connections() -> None:
    with Server(
        scripted_server.respond(200, {"data": []}), scripted_server.respond(200, {"data": []}), scripted_server.hang
    ) as server:
        client = Client(ClientSettings(base_url=server.base_url, timeout=1.0, max_retries=0))
        client.send(MODELS)
        child = os.fork()
        if child == 0:  # pragma: no cover - measured in the parent
            verdict = 1
            try:
                assert client.send(MODELS).status == 200
                client.send(MODELS)
            except APITimeoutError:
                verdict = 0
            finally:
                os._exit(verdict)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert server.connections == 2


def test_addresses_share_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        scripted_server.swallowing() as deaf,
        scripted_server.refusing() as shut,
        Server(scripted_server.hang) as server,
    ):
        addresses = [
            (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", port)) for port in (deaf, shut, server.port)
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: addresses)
        with attempt_timer.open_socket("service.test", 443, 1.5) as line:
            assert line.getpeername() == ("127.0.0.1", server.port)
            # The first took a third, the second nothing, so that two thirds were left for the last.
            assert 0.5 < (line.gettimeout() or 0.0) <= 1.0
        addresses.pop()
        with pytest.raises(ConnectionRefusedError):
            attempt_timer.open_socket("service.test", 443, 0.4)
        addresses.clear()
        with pytest.raises(OSError, match=r"service\.test has no address"):
            attempt_timer.open_socket("service.test", 443, 0.4)


def test_attempt_that_is_over_cuts_what_it_is_given() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, attempt_timer.AttemptTimer(0.05, 0.05) as attempt:
        theirs.settimeout(LIMIT)
        attempt.watch(ours)
        assert theirs.recv(1) == b""
    late, other = socket.socketpair()
    with late, other, attempt:
        other.settimeout(LIMIT)
        attempt.watch(late)
        assert other.recv(1) == b""
    assert (attempt.expired, attempt.connected) == (True, False)


def test_tls_that_was_cut_is_a_timeout(drive: Callable[..., Any], tmp_path: Any) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    for manner in (scripted_server.drip_body, scripted_server.drip_unbounded_body, scripted_server.hang):
        with Server(manner, tls=context) as server:
            error = ask(drive, base_url=server.base_url, timeout=1.0, ca_bundle=str(tmp_path / "ca.pem"))
        assert isinstance(error, APITimeoutError)
        assert error.may_have_been_processed
