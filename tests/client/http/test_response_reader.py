"""
Bodies as the blocking driver reads them from a socket: whole, into a file, or event by event.
"""

from __future__ import annotations

import gzip
import io
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


@pytest.mark.parametrize(
    ("status", "kind", "is_stream"),
    [
        (200, "text/event-stream", True),
        (200, "Text/Event-Stream; charset=utf-8", True),
        (200, "application/json", False),
        (200, None, False),
        (429, "text/event-stream", False),
    ],
)
def test_event_stream(receive: Callable[..., Any], status: int, kind: Any, is_stream: bool) -> None:
    assert response_reader.is_event_stream(receive(status, Content_Type=kind)) is is_stream


def test_events_are_read_up_to_the_limit(receive: Callable[..., Any]) -> None:
    events = response_reader.iter_events(receive(body=b"data: a\n\ndata: b\n\n"), REQUEST, SETTINGS)
    assert list(events) == ["a", "b"]
    with pytest.raises(InvalidResponseError, match="larger than 1,000 bytes"):
        list(response_reader.iter_events(receive(body=b"data: a\n\n" * 200), REQUEST, SETTINGS))
