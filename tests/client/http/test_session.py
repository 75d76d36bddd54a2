"""
What the session of the blocking driver sends, and on how many connections.
"""

from __future__ import annotations

import io
import multiprocessing

import pytest
from apache_airflow_provider_ovhcloud_ai.client.http.http_request import Request
from apache_airflow_provider_ovhcloud_ai.client.http.multipart import Attachment, MultipartForm
from apache_airflow_provider_ovhcloud_ai.client.http.session import PooledSession
from apache_airflow_provider_ovhcloud_ai.client.settings import ClientSettings
from support import canary
from support.scripted_server import Server, respond

LIST = Request("GET", "/models", "list of models")
OK = respond(200, {"data": []})


def send(session: PooledSession, request: Request = LIST) -> int:
    with session.send(request, 20.0) as response:
        return response.status_code if response.content else 0


def test_content_is_of_one_request_alone() -> None:
    file = Attachment("a.wav", "audio/wav", 4, lambda: io.BytesIO(b"RIFF"))
    form = MultipartForm([("model", "m")], file)
    with Server(OK) as server:
        session = PooledSession(ClientSettings(server.base_url, canary.TOKEN))
        send(session, Request("POST", "/chat/completions", "chat", content=b'{"a": 1}'))
        send(session, Request("POST", "/audio", "recording", form=form))
        send(session)
        session.close()
        chat, recording, models = server.requests
    assert (chat.json, chat.headers["content-type"]) == ({"a": 1}, "application/json")
    assert (recording.body, recording.headers["content-type"]) == (b"".join(form), form.content_type)
    assert (models.path, models.body, "content-type" in models.headers) == ("/v1/models", b"", False)
    assert {each.headers["authorization"] for each in (chat, recording, models)} == {f"Bearer {canary.TOKEN}"}
    assert server.connections == 1


def test_stream_is_asked_for_uncompressed_and_ends_its_connection() -> None:
    with Server(OK) as server:
        session = PooledSession(ClientSettings(server.base_url))
        send(session, Request("POST", "/chat/completions", "chat", content=b"{}", streamed=True))
        send(session)
        session.close()
        streamed, plain = (each.headers for each in server.requests)
    assert (streamed["accept-encoding"], streamed["connection"]) == ("identity", "close")
    assert streamed["accept"].startswith("text/event-stream")
    assert (plain["accept-encoding"], plain["accept"]) == ("gzip, deflate", "application/json")


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_forked_process_leaves_the_connection_to_its_parent() -> None:
    context = multiprocessing.get_context("fork")
    with Server(OK) as server:
        session = PooledSession(ClientSettings(server.base_url))
        send(session)
        child = context.Process(target=send, args=(session,))
        child.start()
        child.join(60)
        assert child.exitcode == 0
        assert server.connections == 2
        send(session)
        assert (len(server.requests), server.connections) == (3, 2)
        session.close()
