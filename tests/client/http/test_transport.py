"""
Proxies, private authorities and .netrc files: both drivers treat them alike.
"""

from __future__ import annotations

import base64
import logging
import ssl
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import trustme
from apache_airflow_provider_ovhcloud_ai.client.http.sync_client import Client
from apache_airflow_provider_ovhcloud_ai.client.models import model_list
from apache_airflow_provider_ovhcloud_ai.client.settings import ClientSettings, read_network_settings
from apache_airflow_provider_ovhcloud_ai.errors import APIConnectionError
from support import canary
from support.proxy import PASSWORD, USER, Proxy
from support.scripted_server import Received, Server, Wire, refusing, respond, vanish

MODELS = model_list.models()
OK = respond(200, {"object": "list", "data": []})


class Authority:
    """
    A private certificate authority, and a service with a certificate of its.
    """

    def __init__(self, folder: Path) -> None:
        self._ca = trustme.CA()
        self.file = str(folder / "authority.pem")
        self._ca.cert_pem.write_to_path(self.file)

    def server(self, *names: str) -> Server:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._ca.issue_cert(*(names or ("127.0.0.1", "service.test"))).configure_cert(context)
        return Server(OK, tls=context)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def settings_for(base_url: str, **fields: Any) -> ClientSettings:
    return ClientSettings(**{"base_url": base_url, "token": canary.TOKEN, "max_retries": 0, "timeout": 20.0, **fields})


def test_private_authority_of_the_connection(drive: Callable[..., Any], authority: Authority) -> None:
    with authority.server() as server:
        assert drive(settings_for(server.base_url, ca_bundle=authority.file), MODELS).last.status == 200


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_private_authority_of_the_environment(
    drive: Callable[..., Any], authority: Authority, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with authority.server() as server:
        before = settings_for(server.base_url, **read_network_settings(server.base_url))
        monkeypatch.setenv(name, authority.file)
        after = settings_for(server.base_url, **read_network_settings(server.base_url))
        # What was read decides, not what the environment says when the request is made.
        assert drive(before, MODELS).error.kind == "tls"
        assert drive(after, MODELS).last.status == 200


def test_folder_of_authorities(drive: Callable[..., Any], authority: Authority, tmp_path: Path) -> None:
    digest = ssl.create_default_context(cafile=authority.file)
    assert digest
    with authority.server() as server:
        # An empty folder trusts nobody, and is no crash.
        (tmp_path / "empty").mkdir()
        assert drive(settings_for(server.base_url, ca_bundle=str(tmp_path / "empty")), MODELS).error.kind == "tls"


@pytest.mark.parametrize(
    ("names", "trusted", "says"),
    [
        ((), False, "For a service with its own certificate authority set 'CA bundle' in the connection."),
        (("other.test",), True, "is readable and holds the authority that signed its certificate."),
    ],
    ids=["unknown_authority", "wrong_name"],
)
def test_certificate_that_does_not_fit(
    drive: Callable[..., Any], authority: Authority, names: tuple[str, ...], trusted: bool, says: str
) -> None:
    with authority.server(*names) as server:
        error = drive(settings_for(server.base_url, ca_bundle=authority.file if trusted else None), MODELS).error
        assert (error.kind, error.may_have_been_processed, server.requests) == ("tls", False, [])
    assert "its certificate or TLS was not accepted (" in str(error)
    assert str(error).endswith(says)


def test_bundle_that_is_none(drive: Callable[..., Any], authority: Authority, tmp_path: Path) -> None:
    (tmp_path / "none.pem").write_text("no certificate")
    with authority.server() as server:
        error = drive(settings_for(server.base_url, ca_bundle=str(tmp_path / "none.pem")), MODELS).error
    assert error.kind == "tls"
    assert "none.pem is readable and holds" in str(error)


def test_plain_http_behind_https(drive: Callable[..., Any]) -> None:
    def answer(connection: Wire) -> None:
        connection.line.recv(10)
        connection.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with Server(OK, first=answer) as server:
        error = drive(settings_for(f"https://127.0.0.1:{server.port}/v1"), MODELS).error
    assert (error.kind, error.may_have_been_processed) == ("tls", False)


def test_tls_behind_plain_http(drive: Callable[..., Any], authority: Authority) -> None:
    with authority.server() as server:
        error = drive(settings_for(f"http://127.0.0.1:{server.port}/v1"), MODELS).error
    assert error.kind == "lost"


@pytest.mark.parametrize(
    ("host", "kind"), [("127.0.0.1", "refused"), ("localhost", "refused"), ("no-such.invalid", "dns")]
)
def test_closed_port(drive: Callable[..., Any], host: str, kind: str) -> None:
    with refusing() as port:
        error = drive(settings_for(f"http://{host}:{port}/v1"), MODELS).error
    assert (type(error), error.kind, error.may_have_been_processed) == (APIConnectionError, kind, False)
    assert str(error).startswith(f"No response from {host}:{port} to the list of models: ")
    assert "object at 0x" not in str(error)


def through(proxy: Proxy, base_url: str, monkeypatch: pytest.MonkeyPatch, **fields: Any) -> ClientSettings:
    monkeypatch.setenv("HTTPS_PROXY", proxy.url())
    monkeypatch.setenv("HTTP_PROXY", proxy.url())
    return settings_for(base_url, **{**read_network_settings(base_url), **fields})


def test_https_through_a_proxy(
    drive: Callable[..., Any], authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    with authority.server() as server, Proxy({"service.test": server.port}) as proxy:
        settings = through(proxy, "https://service.test/v1", monkeypatch, ca_bundle=authority.file)
        run = drive(settings, *[MODELS] * 10)
        assert {outcome.status for outcome in run.outcomes} == {200}
        assert [(request.method, request.path) for request in proxy.requests] == [("CONNECT", "service.test:443")]
        assert "authorization" not in proxy.requests[0].headers
        assert server.requests[0].headers["authorization"] == f"Bearer {canary.TOKEN}"
        assert "proxy-authorization" not in server.requests[0].headers
        assert server.connections == 1


def test_plain_http_through_a_proxy(drive: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(OK) as server, Proxy({"service.test": server.port}) as proxy:
        assert drive(through(proxy, "http://service.test/v1", monkeypatch), MODELS).last.status == 200
        assert [(request.method, request.path) for request in proxy.requests] == [
            ("GET", "http://service.test/v1/models")
        ]
        assert "proxy-authorization" not in server.requests[0].headers


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_host_that_needs_no_proxy(
    drive: Callable[..., Any], authority: Authority, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "somewhere.test,service.test")
    with authority.server() as server, Proxy({"service.test": server.port}) as proxy:
        run = drive(through(proxy, f"{scheme}://service.test:{server.port}/v1", monkeypatch), MODELS)
        # The name is known to the proxy alone: without it nobody is found.
        assert (run.error.kind, proxy.requests) == ("dns", [])


@pytest.mark.parametrize(
    ("password", "host", "says"),
    [("wrong", "service.test", "407"), (PASSWORD, "nobody.test", "502")],
    ids=["wrong_password", "unknown_host"],
)
def test_proxy_that_says_no(drive: Callable[..., Any], password: str, host: str, says: str) -> None:
    with Proxy({"service.test": 1}) as proxy:
        settings = settings_for(f"https://{host}/v1", proxy=proxy.url(password), max_retries=1)
        error = drive(settings, MODELS).error
        assert len(proxy.requests) == 2
        plain = drive(settings_for(f"http://{host}/v1", proxy=proxy.url(password)), MODELS).error
    assert (error.kind, error.may_have_been_processed, error.attempts) == ("proxy", False, 2)
    assert str(error).startswith(
        f"No response from {host} through the proxy 127.0.0.1:{proxy.port} to the list of models: "
    )
    assert says in str(error)
    assert "Check HTTPS_PROXY and NO_PROXY" in str(error)
    assert str(plain).startswith(says)


def test_proxy_that_is_not_there(drive: Callable[..., Any]) -> None:
    with refusing() as port:
        for url in (f"http://{USER}:{PASSWORD}@127.0.0.1:{port}", f"http://{USER}:{PASSWORD}@no-such.invalid:{port}"):
            for base_url in ("https://service.test/v1", "http://service.test/v1"):
                error = drive(settings_for(base_url, proxy=url), MODELS).error
                assert (error.kind, error.may_have_been_processed) == ("proxy", False)
                assert PASSWORD not in "".join(canary.traces(error))


def test_proxys_password_is_never_shown(
    drive: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="")
    with Proxy({}) as proxy:
        settings = through(proxy, "https://service.test/v1", monkeypatch)
        error = drive(settings, MODELS).error
    basic = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    for text in (*canary.traces(error), repr(settings), caplog.text):
        assert PASSWORD not in text
        assert basic not in text
        assert not canary.shows(text)


def test_proxy_that_appears_later_is_not_used(drive: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(OK) as server, refusing() as port:
        settings = settings_for(server.base_url, **read_network_settings(server.base_url))
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
        assert drive(settings, MODELS).last.status == 200


@pytest.mark.parametrize("token", [canary.TOKEN, None], ids=["token", "anonymous"])
def test_netrc_neither_replaces_nor_adds(
    drive: Callable[..., Any], token: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\ndefault login somebody password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HOME", str(tmp_path))
    with Server(OK) as server:
        drive(settings_for(server.base_url, token=token), MODELS, MODELS)
        plain = {"authorization": f"Bearer {token}"} if token else {}
        headers = [
            {name: value for name, value in request.headers.items() if name == "authorization"}
            for request in server.requests
        ]
        assert headers == [plain, plain]


def test_netrc_would_have_been_read_by_requests_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import requests as library

    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with Server(OK) as server:
        library.get(f"{server.base_url}/models", headers={"Authorization": "Bearer ours"}, timeout=20)
        assert server.requests[0].headers["authorization"].startswith("Basic ")


def test_a_connection_that_broke_leaves_the_others_in_use() -> None:
    """
    Two are open, one breaks: the next request goes over the other one.
    """
    both = threading.Barrier(2)

    def together(wire: Wire, request: Received) -> bool:
        both.wait(20)
        return OK(wire, request)

    with Server(together, together, vanish, OK) as server, Client(settings_for(server.base_url)) as client:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(client.send, [MODELS] * 2))
        with pytest.raises(APIConnectionError):
            client.send(MODELS)
        client.send(MODELS)
        assert server.connections == 2
