"""
Bodies as the blocking driver reads them from a socket: whole, into a file, or event by event.
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai import defaults
from apache_airflow_provider_ovhcloud_ai.client.http import response_reader
from apache_airflow_provider_ovhcloud_ai.client.http.http_request import Request
from apache_airflow_provider_ovhcloud_ai.client.http.http_response import HTTPResponse
from apache_airflow_provider_ovhcloud_ai.client.http.session import PooledSession
from apache_airflow_provider_ovhcloud_ai.client.settings import ClientSettings
from apache_airflow_provider_ovhcloud_ai.errors import InvalidResponseError
from support.scripted_server import Server, respond

REQUEST = Request("GET", "/files/f/content", "content of a file")
SETTINGS = ClientSettings(max_response_bytes=1_000)
TEXT = b"any text " * 100


@pytest.fixture
def receive() -> Iterator[Callable[..., Any]]:
    """Send one request to a server with one answer, and return the response, whose body is not read yet."""
    with ExitStack() as stack:

        def send(status: int = 200, body: Any = TEXT, **headers: str) -> Any:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            server = stack.enter_context(Server(respond(status, body, named)))
            session = PooledSession(ClientSettings(server.base_url))
            stack.callback(session.close)
            return session.send(REQUEST, 20.0)

        yield send


def test_body_is_read_up_to_the_limit(receive: Callable[..., Any]) -> None:
    whole = response_reader.read_response(receive(), REQUEST, SETTINGS)
    assert isinstance(whole, HTTPResponse)
    assert (whole.status, whole.body) == (200, TEXT)
    error = response_reader.read_response(receive(body=TEXT * 2), REQUEST, SETTINGS)
    assert isinstance(error, InvalidResponseError)
    assert "larger than 1,000 bytes" in str(error)


def test_file_replaces_what_the_sink_held(receive: Callable[..., Any]) -> None:
    sink = io.BytesIO(b"x" * 5_000)
    saved = response_reader.save_response(
        receive(body=gzip.compress(TEXT), Content_Encoding="gzip"), REQUEST, SETTINGS, sink
    )
    assert isinstance(saved, HTTPResponse)
    assert (saved.body, "content-encoding" in saved.headers) == (b"", False)
    assert sink.getvalue() == TEXT


def test_file_is_saved_up_to_the_limit(receive: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(defaults, "MAX_FILE_BYTES", len(TEXT) - 1)
    error = response_reader.save_response(receive(), REQUEST, SETTINGS, io.BytesIO())
    assert isinstance(error, InvalidResponseError)
    assert "The content of a file is larger than 899 bytes" in str(error)


def test_head_has_names_in_lower_case_and_no_body(receive: Callable[..., Any]) -> None:
    head = response_reader.read_head(receive(404, X_Request_ID="r-1"))
    assert (head.status, head.body, head.request_id) == (404, b"", "r-1")


EVENTS = b'data: {"a": 1}\n\ndata: [DONE]\n\n'


@pytest.mark.parametrize(
    "content_type", ["text/event-stream", "Text/Event-Stream; charset=utf-8", "application/json", None]
)
@pytest.mark.parametrize("encoding", ["identity", "gzip", "deflate"])
@pytest.mark.parametrize(
    "body",
    [EVENTS, b"\xef\xbb\xbf" + EVENTS, b": ping\n\n" + EVENTS, b"\r\nevent: message\r\n" + EVENTS, EVENTS.rstrip()],
    ids=["data", "BOM", "comment", "named", "without the last blank line"],
)
def test_body_decides_what_is_a_stream_of_events(
    receive: Callable[..., Any], content_type: Any, encoding: str, body: bytes
) -> None:
    compress = {"identity": bytes, "gzip": gzip.compress, "deflate": zlib.compress}[encoding]
    response = receive(body=compress(body), Content_Type=content_type, Content_Encoding=encoding)
    assert list(response_reader.iter_stream(response, REQUEST, SETTINGS)) == ['{"a": 1}', "[DONE]"]


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b'{"a": 1}'),
        ("text/event-stream", b'{"error": {"message": "no"}}'),
        ("text/event-stream", b" \n<html>Sign in</html>"),
        ("text/plain", b"Service unavailable"),
        ("application/json", b""),
    ],
)
def test_other_body_is_read_whole(receive: Callable[..., Any], content_type: str, body: bytes, encoding: str) -> None:
    compressed = gzip.compress(body) if encoding == "gzip" else body
    response = receive(body=compressed, Content_Type=content_type, Content_Encoding=encoding)
    with pytest.raises(response_reader.WholeBody) as caught:
        list(response_reader.iter_stream(response, REQUEST, SETTINGS))
    assert isinstance(caught.value.outcome, HTTPResponse)
    assert (caught.value.outcome.body, "content-encoding" in caught.value.outcome.headers) == (body, False)


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_events_are_read_up_to_the_limit(receive: Callable[..., Any], encoding: str) -> None:
    compress = gzip.compress if encoding == "gzip" else bytes
    response = receive(body=compress(b"data: a\n\n" * 1_000_000), Content_Encoding=encoding)
    with pytest.raises(InvalidResponseError, match=r"larger than 1,000 bytes"):
        list(response_reader.iter_stream(response, REQUEST, SETTINGS))


def test_stream_that_only_says_that_it_is_compressed_is_read(receive: Callable[..., Any]) -> None:
    response = receive(body=EVENTS, Content_Encoding="gzip")
    assert list(response_reader.iter_stream(response, REQUEST, SETTINGS)) == ['{"a": 1}', "[DONE]"]


def test_damaged_stream_is_an_error(receive: Callable[..., Any]) -> None:
    damaged = gzip.compress(EVENTS)[:10] + b"\xff" * 20
    response = receive(body=damaged, Content_Encoding="gzip")
    with pytest.raises(InvalidResponseError, match="can't be decompressed"):
        list(response_reader.iter_stream(response, REQUEST, SETTINGS))
