from __future__ import annotations

import json
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.client.chat import chat_request
from apache_airflow_provider_ovhcloud_ai.client.embeddings.vectors import parse_embeddings
from apache_airflow_provider_ovhcloud_ai.client.http.http_response import HTTPResponse, describe_page, parse
from apache_airflow_provider_ovhcloud_ai.client.settings import ClientSettings
from apache_airflow_provider_ovhcloud_ai.errors import InvalidResponseError

CHAT = chat_request.chat("some-model", [{"role": "user", "content": "Hi"}])


SETTINGS = ClientSettings(base_url="https://service.example/v1", token="secret")


def build_response(
    body: Any, content_type: str = "application/json", status: int = 200, **headers: str
) -> HTTPResponse:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {"content-type": content_type, "x-request-id": "r-1", **headers}
    return HTTPResponse(status, named, content)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_parse(encoding: str) -> None:
    assert parse(build_response('{"a": "\u00e9"}'.encode(encoding)), CHAT, SETTINGS) == {"a": "\u00e9"}


@pytest.mark.parametrize(
    ("response", "says"),
    [
        (build_response(b""), "came back as an empty body instead of JSON from service.example (status 200)"),
        (build_response(b" \n"), "came back as an empty body instead"),
        (
            build_response(b"", status=204),
            "came back as an empty body instead of JSON from service.example (status 204)",
        ),
        (build_response(b'{"a": '), "came back as broken JSON instead"),
        (build_response(b'{"a": "\xff"}'), "came back as broken JSON instead"),
        (build_response(b"[" * 200_000), "came back as broken JSON instead"),
        (build_response(b'{"a": ' + b"9" * 5_000 + b"}"), "came back as broken JSON instead"),
        (build_response(b"Hello", "text/plain; charset=utf-8"), "came back as text/plain instead"),
        (build_response(b"Hello", ""), "came back as text of no declared type instead"),
        (build_response(b"<title>Sign in</title>", "text/html"), "came back as an HTML page titled 'Sign in' instead"),
        (build_response(b" <html>", ""), "came back as an HTML page instead"),
        (
            build_response({"error": {"message": "secret is odd"}}),
            "service.example responded with status 200, but the body is an error and says: *** is odd.",
        ),
        (build_response([{"error": {"message": "odd"}}]), "and says: odd."),
        (build_response({"success": False}), "and says: no message."),
        (build_response([1]), "is not what an OpenAI-compatible service returns: a list where an object belongs."),
        (build_response(None), "a NoneType where an object belongs."),
        (build_response("text"), "a str where an object belongs."),
        (build_response(5), "a int where an object belongs."),
        (
            build_response(b"", status=302, location="https://login.example/?next=secret"),
            "to https://login.example/, and the",
        ),
        (
            build_response(b"", status=307, location="/elsewhere"),
            "(status 307) to https://service.example/elsewhere, and the token",
        ),
        (build_response(b"", status=301), "(status 301) to https://service.example/v1, and"),
        (
            build_response(b"", status=307, location="https://me:pw@service.example:8443/v2/models?key=k#f"),
            "(status 307) to https://service.example:8443/v2/models, and the token",
        ),
        (build_response(b"", status=307, location="/secret/" + "x" * 5_000), "to https://service.example/***/xxx"),
        (build_response(b"", status=302, location="http://[broken"), "(status 302) to another address"),
        (build_response(b"", status=304), "(status 304)"),
    ],
)
def test_parse_refuses(response: HTTPResponse, says: str) -> None:
    with pytest.raises(InvalidResponseError) as caught:
        parse(response, CHAT, SETTINGS)
    assert says in str(caught.value)
    assert str(caught.value).startswith("The chat completion ")
    assert (caught.value.status, caught.value.request_id, caught.value.retryable) == (response.status, "r-1", True)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[1]", b"{", b'{"data": ["', b"[" * 100_000], ids=lambda body: repr(body[:20])
)
def test_embeddings_that_are_no_object_are_refused_as_any_response_is(body: bytes) -> None:
    messages = []
    for read in READ.values():
        with pytest.raises(InvalidResponseError) as caught:
            read(build_response(body), CHAT, SETTINGS)
        messages.append(str(caught.value))
    assert messages[0] == messages[1]


def test_redirect_is_refused_with_any_body() -> None:
    with pytest.raises(InvalidResponseError, match="was redirected"):
        parse_embeddings(build_response({"data": []}, status=307, location="https://other.example"), CHAT, SETTINGS)


@pytest.mark.parametrize(
    ("headers", "request_id"),
    [
        ({"x-request-id": "a", "x-kong-request-id": "b"}, "a"),
        ({"x-request-id": "", "x-kong-request-id": "b"}, "b"),
        ({"request-id": "c\x1b[31m"}, "c [31m"),
        ({"x-correlation-id": "d" * 200}, "d" * 77 + "..."),
        ({}, None),
    ],
)
def test_request_id(headers: dict[str, str], request_id: str | None) -> None:
    assert HTTPResponse(200, headers, b"").request_id == request_id


def test_page_of_a_declared_type_is_named_by_it() -> None:
    assert describe_page(build_response(b"\x89PNG", "image/png")) == "image/png"


READ = {"json": parse, "msgspec": parse_embeddings}
