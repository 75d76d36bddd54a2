"""
Services on real sockets that answer as a test sets, well or badly.
"""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from apache_airflow_provider_ovhcloud_ai.client.settings import ClientSettings
from apache_airflow_provider_ovhcloud_ai.connection.settings import ConnectionSettings

Body = dict[str, Any] | list[Any] | str | bytes


@dataclass(frozen=True)
class ServiceRequest:
    method: str
    path: str
    authorization: str | None
    body: Any


@dataclass(frozen=True)
class ServiceResponse:
    """
    Response of a service: JSON for a dict or list, else the string as it is. With ``pace`` it drips: one byte, a pause.
    """

    status: int = 200
    body: Body = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    pace: float | None = None


class Silence:
    """
    What a hanging service returns.
    """


Answer = ServiceResponse | Silence
Manner = Callable[[ServiceRequest], Answer]


class Service(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, answer: Manner) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = answer
        self.requests: list[ServiceRequest] = []
        self.connections = 0
        self.closing = threading.Event()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    @property
    def base_url(self) -> str:
        return f"http://{self.host}/v1"

    def verify_request(self, request: Any, client_address: Any) -> bool:
        self.connections += 1
        return True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """
        A client that goes away is what many tests are about.
        """


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Service

    def do_GET(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        request = ServiceRequest(
            self.command, self.path, self.headers.get("Authorization"), json.loads(content) if content else None
        )
        self.server.requests.append(request)
        response = self.server.answer(request)
        if isinstance(response, Silence):
            self.server.closing.wait(60)
            self.close_connection = True
        else:
            self._say(response)

    do_POST = do_PUT = do_GET

    def _say(self, response: ServiceResponse) -> None:
        body, kind = _encoded(response.body)
        self.send_response(response.status)
        for name, value in ({"Content-Type": kind, "Content-Length": str(len(body))} | dict(response.headers)).items():
            self.send_header(name, value)
        self.end_headers()
        if response.pace is None:
            self.wfile.write(body)
            return
        for byte in body:
            self.wfile.write(bytes([byte]))
            if self.server.closing.wait(response.pace):
                return

    def log_message(self, *_: Any) -> None:
        pass


def _encoded(body: Body) -> tuple[bytes, str]:
    if isinstance(body, (dict, list)):
        return json.dumps(body).encode(), "application/json"
    content = body.encode() if isinstance(body, str) else body
    return content, "text/html" if content.startswith(b"<") else "text/plain"


@contextmanager
def running(answer: Manner, tls: ssl.SSLContext | None = None) -> Iterator[Service]:
    service = Service(answer)
    if tls:
        service.socket = tls.wrap_socket(service.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=service.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield service
    finally:
        service.closing.set()
        service.shutdown()
        service.server_close()


TOKEN = "sk-Canary+tok/en==0123456789"

MODELS = {
    "object": "list",
    "data": [
        {"id": "gpt-oss-120b", "max_completion_tokens": 131072},
        {"id": "Meta-Llama-3_3-70B-Instruct", "max_completion_tokens": 131072},
        {"id": "bge-m3", "max_completion_tokens": 0},
        {"id": "whisper-large-v3", "max_completion_tokens": 0},
    ],
}
LISTED = ServiceResponse(200, MODELS)
UNKNOWN_MODEL = ServiceResponse(404, {"error": {"message": "The model does not exist", "code": "model_not_found"}})
UNAUTHORIZED = ServiceResponse(401, {"error": {"message": "Invalid API Key"}})
ANSWERED = ServiceResponse(200, {"choices": [{"message": {"role": "assistant", "content": "Hello"}}]})


def manner(
    models: Answer | Manner = LISTED, chat: Answer | Manner = UNKNOWN_MODEL, batches: Answer | Manner = UNKNOWN_MODEL
) -> Manner:
    """
    Return the manner of a service with one response for each of its addresses.
    """
    places = {"/v1/models": models, "/v1/batches": batches}

    def answer(request: ServiceRequest) -> Answer:
        response = places.get(request.path.partition("?")[0], chat)
        return response(request) if callable(response) else response

    return answer


def guarded(response: Answer) -> Manner:
    """
    Refuse all tokens but one.
    """
    return lambda request: response if request.authorization == f"Bearer {TOKEN}" else UNAUTHORIZED


def settings_for(base_url: str, token: str | None = TOKEN, **fields: Any) -> ConnectionSettings:
    client = {name: fields.pop(name) for name in ("proxy", "ca_bundle") if name in fields}
    return ConnectionSettings(ClientSettings(base_url=base_url, token=token, **client), **fields)
