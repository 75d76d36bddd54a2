from __future__ import annotations

import json
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.client.chat import chat_request
from apache_airflow_provider_ovhcloud_ai.client.embeddings.vectors import parse_embeddings
from apache_airflow_provider_ovhcloud_ai.client.http.http_response import Reply, describe_page, parse
from apache_airflow_provider_ovhcloud_ai.client.settings import ClientSettings
from apache_airflow_provider_ovhcloud_ai.errors import InvalidResponseError

CHAT = chat_request.chat("some-model", [{"role": "user", "content": "Hi"}])


SETTINGS = ClientSettings(base_url="https://service.example/v1", token="secret")


def sent(body: Any, content_type: str = "application/json", status: int = 200, **headers: str) -> Reply:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {"content-type": content_type, "x-request-id": "r-1", **headers}
    return Reply(status, named, content)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_parse(encoding: str) -> None:
    assert parse(sent('{"a": "\u00e9"}'.encode(encoding)), CHAT, SETTINGS) == {"a": "\u00e9"}


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (sent(b""), "came back as an empty body instead of JSON from service.example (status 200)"),
        (sent(b" \n"), "came back as an empty body instead"),
        (sent(b"", status=204), "came back as an empty body instead of JSON from service.example (status 204)"),
        (sent(b'{"a": '), "came back as broken JSON instead"),
        (sent(b'{"a": "\xff"}'), "came back as broken JSON instead"),
        (sent(b"[" * 200_000), "came back as broken JSON instead"),
        (sent(b'{"a": ' + b"9" * 5_000 + b"}"), "came back as broken JSON instead"),
        (sent(b"Hello", "text/plain; charset=utf-8"), "came back as text/plain instead"),
        (sent(b"Hello", ""), "came back as text of no declared type instead"),
        (sent(b"<title>Sign in</title>", "text/html"), "came back as an HTML page titled 'Sign in' instead"),
        (sent(b" <html>", ""), "came back as an HTML page instead"),
        (sent([1]), "is not what an OpenAI-compatible service returns: a list where an object belongs."),
        (sent(None), "a NoneType where an object belongs."),
        (sent("text"), "a str where an object belongs."),
        (sent(5), "a int where an object belongs."),
        (sent(b"", status=302, location="https://login.example/?next=secret"), "to https://login.example, and the"),
        (sent(b"", status=307, location="/elsewhere"), "(status 307) to https://service.example, and the token"),
        (sent(b"", status=301), "(status 301) to https://service.example"),
        (sent(b"", status=302, location="http://[broken"), "(status 302) to another address"),
        (sent(b"", status=304), "(status 304)"),
    ],
)
def test_parse_refuses(reply: Reply, says: str) -> None:
    with pytest.raises(InvalidResponseError) as caught:
        parse(reply, CHAT, SETTINGS)
    assert says in str(caught.value)
    assert str(caught.value).startswith("The chat completion ")
    assert (caught.value.status, caught.value.request_id, caught.value.retryable) == (reply.status, "r-1", True)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[1]", b"{", b'{"data": ["', b"[" * 100_000], ids=lambda body: repr(body[:20])
)
def test_embeddings_that_are_no_object_are_refused_as_any_reply_is(body: bytes) -> None:
    said = []
    for read in READ.values():
        with pytest.raises(InvalidResponseError) as caught:
            read(sent(body), CHAT, SETTINGS)
        said.append(str(caught.value))
    assert said[0] == said[1]


def test_redirect_is_no_embedding_whatever_it_holds() -> None:
    with pytest.raises(InvalidResponseError, match="was redirected"):
        parse_embeddings(sent({"data": []}, status=307, location="https://other.example"), CHAT, SETTINGS)


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ({"x-request-id": "a", "x-kong-request-id": "b"}, "a"),
        ({"x-request-id": "", "x-kong-request-id": "b"}, "b"),
        ({"request-id": "c\x1b[31m"}, "c [31m"),
        ({"x-correlation-id": "d" * 200}, "d" * 77 + "..."),
        ({}, None),
    ],
)
def test_request_id(headers: dict[str, str], found: str | None) -> None:
    assert Reply(200, headers, b"").request_id == found


def test_page_of_a_declared_type_is_named_by_it() -> None:
    assert describe_page(sent(b"\x89PNG", "image/png")) == "image/png"


READ = {"json": parse, "msgspec": parse_embeddings}
