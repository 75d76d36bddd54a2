"""
Every way in which a connection fails, caused on a real socket, and what the Test button says about it.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import trustme
from support.services import LISTED, ServiceResponse, manner

STATUS = "The fault is on the service's side: test again later, or see https://www.status-ovhcloud.com/"
CHECK_TOKEN = "Check 'API token' in the connection: it may be mistyped, expired or revoked. Where to act: your token."
CHECK_URL = "Check 'Base URL': it usually ends in /v1. Where to act: your setting."
NOT_THE_API = f"A proxy, a login page or another service answers there. {CHECK_URL}"
PROXY = "Check HTTPS_PROXY, HTTP_PROXY and NO_PROXY in the environment of this web server. Where to act: the network."

#: What the service returns for the list of models, and the whole sentence.
RESPONSES = {
    "401": (
        ServiceResponse(401, {"error": {"message": "Invalid API Key", "type": "authentication_error"}}),
        "Failed: token refused (401 Unauthorized). {host} answered 401 to the list of models and says: Invalid API "
        f"Key. {CHECK_TOKEN}",
    ),
    "403": (
        ServiceResponse(403, {"message": "Forbidden: authentication failed"}),
        "Failed: token refused (403 Forbidden). {host} answered 403 to the list of models and says: Forbidden: "
        f"authentication failed. {CHECK_TOKEN}",
    ),
    "403 of a firewall": (
        ServiceResponse(403, "<html><head><title>Access denied</title></head></html>"),
        "Failed: access refused by a web page (403 Forbidden). {host} answered 403 to the list of models with an HTML "
        "page titled 'Access denied'. A firewall, a proxy or a login page answers there, not the API. Check the base "
        "URL and the network. Where to act: the network.",
    ),
    "403 without a payment method": (
        ServiceResponse(403, {"message": "Resource tag 'discovery' is forbidden"}),
        "Failed: payment method missing (403 Forbidden). {host} answered 403 to the list of models and says: Resource "
        "tag 'discovery' is forbidden. Add a payment method to the Public Cloud project that the token belongs to. "
        "Where to act: your account.",
    ),
    "403 from another country": (
        ServiceResponse(403, {"error": {"message": "Country, region, or territory not supported"}}),
        "Failed: network not allowed (403 Forbidden). {host} answered 403 to the list of models and says: Country, "
        "region, or territory not supported. The service refuses the address or country of this machine: check the "
        "network and the proxy. Where to act: the network.",
    ),
    "403 about the model": (
        ServiceResponse(403, {"error": {"message": "Not your model"}}),
        "Token not verified: model not allowed (403 Forbidden). {host} answered 403 to the list of models and says: "
        "Not your model. The token may not use this model: choose another, or ask its owner. Where to act: your token.",
    ),
    "credit used up": (
        ServiceResponse(429, {"error": {"message": "no", "code": "insufficient_quota"}}),
        "Token not verified: payment required (429). {host} answered 429 to the list of models and says: no. Check the "
        "payment method and the credit of the project that the token belongs to. Where to act: your account.",
    ),
    "an error within a success": (
        ServiceResponse(200, {"error": {"message": "no", "code": 401}}),
        "Failed: token refused (401 Unauthorized). {host} answered 401 within a 200 to the list of models and says: "
        f"no. {CHECK_TOKEN}",
    ),
    "402": (
        ServiceResponse(402, {"detail": "no credit left"}),
        "Token not verified: payment required (402). {host} answered 402 to the list of models and says: no "
        "credit left. Check the payment method and the credit of the project that the token belongs to. Where to act: "
        "your account.",
    ),
    "404": (
        ServiceResponse(404, {"message": "no Route matched with those values"}),
        "Failed: no list of models there (404). {host} answered 404 to the list of models and says: no Route matched "
        f"with those values. {CHECK_URL}",
    ),
    "405": (
        ServiceResponse(405, {"error": "use POST"}),
        "Failed: list of models refused (405). {host} answered 405 to the list of models and says: use POST. Check "
        "'Base URL': it must be that of an OpenAI-compatible API. Where to act: your setting.",
    ),
    "429 with Retry-After": (
        ServiceResponse(429, {"message": "API rate limit exceeded"}, {"Retry-After": "30"}),
        "Token not verified: request limit reached (429); the connection is not at fault. {host} answered "
        "429 to the list of models and says: API rate limit exceeded. Test again in 30 s. Where to act: your quota.",
    ),
    "429": (
        ServiceResponse(429, "<html><title>429 Too Many Requests</title></html>"),
        "Token not verified: request limit reached (429); the connection is not at fault. {host} answered "
        "429 to the list of models with an HTML page titled '429 Too Many Requests'. Test again in a minute. Where "
        "to act: your quota.",
    ),
    "500": (
        ServiceResponse(500, {"error": {"message": "out of memory"}}),
        "Token not verified: the service answered 500. {host} answered 500 to the list of models and says: "
        f"out of memory. {STATUS} Where to act: the service.",
    ),
    "502 of a gateway": (
        ServiceResponse(502, "<html><title>502 Bad Gateway</title><body>upstream 10.0.0.7 died</body></html>"),
        "Token not verified: the service answered 502. {host} answered 502 to the list of models with an "
        f"HTML page titled '502 Bad Gateway'. {STATUS} Where to act: the service.",
    ),
    "HTML page": (
        ServiceResponse(200, "<!doctype html><title>Sign in &amp; go</title><p>secret</p>"),
        "Failed: an HTML page instead of a list of models. {host} answered 200 to the list of models with an HTML page "
        f"titled 'Sign in & go'. {NOT_THE_API}",
    ),
    "plain text": (
        ServiceResponse(200, "It works!"),
        "Failed: text/plain instead of a list of models. {host} answered 200 to the list of models with text/plain. "
        f"{NOT_THE_API}",
    ),
    "empty": (
        ServiceResponse(200, ""),
        "Failed: an empty body instead of a list of models. {host} answered 200 to the list of models with an empty "
        f"body. {NOT_THE_API}",
    ),
    "JSON cut off": (
        ServiceResponse(200, '{"object": "list", "da', {"Content-Type": "application/json"}),
        "Failed: broken JSON instead of a list of models. {host} answered 200 to the list of models with broken JSON. "
        f"{NOT_THE_API}",
    ),
    "JSON of another service": (
        ServiceResponse(200, {"swagger": "2.0"}),
        "Failed: not an OpenAI-compatible list of models. {host} answered 200 to the list of models. It has no list "
        "'data' of models with an id. Check 'Base URL'. Where to act: your setting.",
    ),
    "models without an id": (
        ServiceResponse(200, {"data": [{"id": "a"}, {"name": "b"}]}),
        "Failed: not an OpenAI-compatible list of models. {host} answered 200 to the list of models. It has no list "
        "'data' of models with an id. Check 'Base URL'. Where to act: your setting.",
    ),
    "errors in a list": (
        ServiceResponse(400, '[{"error": {"code": 400, "message": "API key not valid"}}]'),
        "Failed: list of models refused (400). {host} answered 400 to the list of models and says: API key not valid. "
        "Check 'Base URL': it must be that of an OpenAI-compatible API. Where to act: your setting.",
    ),
    "a list of something else": (
        ServiceResponse(200, "[1]", {"Content-Type": "application/json"}),
        "Failed: not an OpenAI-compatible list of models. {host} answered 200 to the list of models. It has no list "
        "'data' of models with an id. Check 'Base URL'. Where to act: your setting.",
    ),
    "redirect": (
        ServiceResponse(302, "", {"Location": "https://login.example.com/sso?next=/v1/models"}),
        "Failed: redirected (302). {host} sends on to https://login.example.com/sso. The token must not follow. Put "
        "the service's own address into 'Base URL'. Where to act: your setting.",
    ),
    "redirect to nowhere": (
        ServiceResponse(301, "", {"Location": "http://[broken"}),
        "Failed: redirected (301). {host} sends on to another address. The token must not follow. Put the "
        "service's own address into 'Base URL'. Where to act: your setting.",
    ),
    "too large": (
        ServiceResponse(200, b" " * 4_000_001),
        "Failed: response too large. {host} sends more than a list of models has. Check 'Base URL'. Where to act: your "
        "setting.",
    ),
}


@pytest.mark.parametrize(("response", "sentence"), RESPONSES.values(), ids=RESPONSES)
def test_response(serve: Any, press: Any, response: ServiceResponse, sentence: str) -> None:
    service = serve(manner(response))
    verdict = press(service.base_url)
    assert not verdict.ok
    assert verdict.message == sentence.format(host=service.host)
    assert len(service.requests) == 1


@pytest.mark.parametrize("name", ["402", "403", "429 with Retry-After", "500", "redirect"])
def test_same_response_to_the_probe(serve: Any, press: Any, name: str) -> None:
    response, sentence = RESPONSES[name]
    service = serve(manner(LISTED, response))
    expected = sentence.format(host=service.host).replace(
        "the list of models", "a request for a model that does not exist"
    )
    assert press(service.base_url).message.startswith(f"{expected} Access: token. 4 models in N ms: gpt-oss-120b,")
    assert len(service.requests) == 2


def test_port_without_a_server(press: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert press(f"http://127.0.0.1:{port}/v1").message == (
        f"Failed: connection refused. No response from 127.0.0.1:{port} to the list of models: nothing listens there "
        "([Errno 111] Connection refused). Check host and port of the base URL, and that the service runs. Where to "
        "act: your setting."
    )


def test_name_that_does_not_exist(press: Any) -> None:
    verdict = press("https://oai.endpoints.invalid/v1")
    assert verdict.message.startswith(
        "Failed: host name not found. No response from oai.endpoints.invalid to the list of models: its name is not "
        "known here ("
    )
    assert verdict.message.endswith(
        "). Check the base URL for a typing error, and the name servers of this machine. Where to act: your setting."
    )


def _tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    return context


def test_certificate_of_an_unknown_authority(serve: Any, press: Any) -> None:
    service = serve(manner(), _tls())
    verdict = press(f"https://{service.host}/v1")
    assert verdict.message.startswith(
        f"Failed: TLS certificate or handshake not accepted. No response from {service.host} to the list of models: "
        "its certificate or TLS was not accepted ([SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed:"
    )
    assert "'CA bundle'" in verdict.message
    assert service.requests == []


def test_port_that_speaks_no_tls(serve: Any, press: Any) -> None:
    service = serve(manner())
    verdict = press(f"https://{service.host}/v1")
    assert verdict.message.startswith("Failed: TLS certificate or handshake not accepted. No response from ")
    assert "WRONG_VERSION_NUMBER" in verdict.message
    assert service.requests == []


@contextmanager
def line(greeting: bytes) -> Iterator[str]:
    """
    Listen, and say the same bytes to whoever calls, then hang up.
    """
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            while True:
                try:
                    caller, _ = listening.accept()
                except OSError:
                    return
                with caller:
                    caller.recv(65536)
                    caller.sendall(greeting)

        threading.Thread(target=answer, daemon=True).start()
        yield f"127.0.0.1:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    "greeting",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.9 internal-banner\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\ninternal-banner",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 15\r\n\r\ninternal-banner",
    ],
    ids=["hangs up", "another protocol", "cut off", "not gzip"],
)
def test_line_that_breaks_is_not_read_out(press: Any, greeting: bytes) -> None:
    with line(greeting) as host:
        message = press(f"http://{host}/v1").message
    assert "banner" not in message
    assert message.startswith("Failed: ")
    assert "Where to act: " in message


def test_line_that_hangs_up(press: Any) -> None:
    with line(b"") as host:
        assert press(f"http://{host}/v1").message == (
            f"Failed: connection lost. {host} closed the connection, or does not speak HTTP. Check scheme and port of "
            "'Base URL', and test again. Where to act: the network."
        )


@pytest.mark.parametrize(
    ("greeting", "did"),
    [
        (b"HTTP/1.1 403 Forbidden for internal-reason\r\n\r\n", "answered 403"),
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "answered 407"),
        (b"", "could not be used"),
    ],
)
def test_proxy_that_refuses(press: Any, greeting: bytes, did: str) -> None:
    with line(greeting) as host:
        verdict = press("https://service.example.com/v1", proxy=f"http://user:internal-password@{host}")
    assert verdict.message == f"Failed: proxy error. The proxy {host} {did}. {PROXY}"


def test_proxy_that_is_not_there(press: Any) -> None:
    verdict = press("https://service.example.com/v1", proxy="http://proxy.invalid:3128")
    assert verdict.message == f"Failed: proxy error. The proxy proxy.invalid:3128 could not be used. {PROXY}"


def test_proxy_that_wants_a_password_for_plain_http(press: Any) -> None:
    with line(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n") as host:
        verdict = press("http://service.example.com/v1", proxy=f"http://{host}")
    assert (
        verdict.message
        == f"Failed: proxy error. The proxy {host} answered 407: it asks for a user and password. {PROXY}"
    )


#: What a service that nobody should read through the Test button may hold.
INTERNAL = "internal-8f3b"


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 429, 500])
@pytest.mark.parametrize(
    "body",
    [
        f"<html><title>Grafana</title><body>{INTERNAL}</body></html>",
        f"{INTERNAL} as plain text",
        f'"{INTERNAL} as a JSON text"',
        [INTERNAL],
        {"config": INTERNAL, "message": "No"},
        {"error": {"message": "No", "trace": INTERNAL}},
        f"<html>{INTERNAL}",
        f"<title>{'long ' * 1000}{INTERNAL}</title>",
    ],
    ids=range(8),
)
def test_only_error_fields_are_quoted(serve: Any, press: Any, status: int, body: Any) -> None:
    for service in (serve(manner(ServiceResponse(status, body))), serve(manner(LISTED, ServiceResponse(status, body)))):
        verdict = press(service.base_url)
        assert INTERNAL not in verdict.message + repr(verdict.report)
