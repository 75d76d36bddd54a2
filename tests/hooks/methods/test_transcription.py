from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.errors import AIEndpointsError
from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from apache_airflow_provider_ovhcloud_ai.sandbox.http.request_bodies import form_payload
from support.audio_samples import HEADS, wav

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("ovh_ai_endpoints_connection")]


class _Sink(BaseHTTPRequestHandler):
    """Takes a body of any size, and keeps none of it."""

    received: list[int]

    def do_POST(self) -> None:
        left = int(self.headers["Content-Length"])
        self.received.append(left)
        while left and (piece := self.rfile.read(min(left, 1 << 20))):
            left -= len(piece)
        body = b'{"text": "", "usage": {"type": "duration", "seconds": 3600}}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def sink() -> Iterator[tuple[str, list[int]]]:
    received: list[int] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Sink,), {"received": received}))
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1", received
    server.shutdown()
    server.server_close()


#: Run in a process of its own, whose highest memory is then that of one recording.
_UPLOAD = """
import resource, sys
from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook
hook = OVHCloudAIEndpointsHook()
hook.transcribe(sys.argv[1])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
hook.transcribe(sys.argv[2])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.slow
def test_a_gigabyte_takes_no_memory(
    tmp_path: Path, sink: tuple[str, list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    base_url, received = sink
    connection = {"conn_type": "ovh_ai_endpoints", "host": base_url, "password": "a-token-of-nobody"}
    monkeypatch.setenv("AIRFLOW_CONN_OVH_AI_ENDPOINTS_DEFAULT", json.dumps(connection))
    small, large = tmp_path / "small.mp3", tmp_path / "large.mp3"
    for file, size in ((small, 10**6), (large, 10**9)):
        file.write_bytes(HEADS["mp3"])
        with file.open("r+b") as grown:
            grown.truncate(size)  # which takes no room on the disk
    done = subprocess.run(
        [sys.executable, "-c", _UPLOAD, str(small), str(large)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    grown_by = int(done.stdout.split()[-1]) * 1024
    print(f"1 GB was sent with {grown_by:,} bytes more than 1 MB")
    assert received[1] > 10**9
    assert grown_by < 16_000_000


def test_a_recording_that_grows_is_not_sent_as_whole(
    tmp_path: Path, ovh_ai_endpoints_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = tmp_path / "talk.wav"
    recording.write_bytes(wav(2))
    hook = OVHCloudAIEndpointsHook(max_retries=3)
    send = hook._send

    def grow(request: Any) -> Any:
        with recording.open("ab") as file:
            file.write(b"more")
        return send(request)

    monkeypatch.setattr(hook, "_send", grow)
    with pytest.raises(AIEndpointsError, match="changed while it was sent"):
        hook.transcribe(recording)
    assert not ovh_ai_endpoints_sandbox.requests


def test_transcript_is_the_service_s_response(tmp_path: Path, ovh_ai_endpoints_sandbox: Sandbox) -> None:
    (tmp_path / "talk.wav").write_bytes(wav(2))
    whole = OVHCloudAIEndpointsHook().transcribe(tmp_path / "talk.wav", timestamps="word", language="fr")
    assert (whole["language"], whole["duration"], whole["words"][0]["word"]) == ("fr", 2.0, "The")
    short = OVHCloudAIEndpointsHook().transcribe(str(tmp_path / "talk.wav"), None, response_format="json")
    assert short == {"text": whole["text"], "usage": whole["usage"]}
    assert form_payload(ovh_ai_endpoints_sandbox.requests[-1])["model"] == "whisper-large-v3"
