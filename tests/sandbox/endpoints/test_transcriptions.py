from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.sandbox.http.messages import Request
from apache_airflow_provider_ovhcloud_ai.sandbox.service import Service
from support.audio_samples import HEADS, wav

TOKEN = "the-token-of-these-tests"

Ask = Callable[..., Any]


@pytest.fixture
def ask() -> Ask:
    """Send a form to the service itself, which knows nothing of sockets."""
    service = Service(TOKEN, 400)

    def send(file: bytes | None = None, token: str | None = TOKEN, **fields: str) -> Any:
        parts = [f'; name="{name}"\r\n\r\n{value}\r\n'.encode() for name, value in fields.items()]
        if file is not None:
            head = b'; name="file"; filename="a.wav"\r\nContent-Type: audio/wav\r\n\r\n'
            parts.append(head + file + b"\r\n")
        body = b"".join(b"--edge\r\nContent-Disposition: form-data" + part for part in parts) + b"--edge--\r\n"
        headers = {"content-type": "multipart/form-data; boundary=edge"}
        if token:
            headers["authorization"] = f"Bearer {token}"
        return service.answer(Request("POST", "/v1/audio/transcriptions", headers, body))

    return send


def test_words_and_speakers_are_returned_by_default(ask: Ask) -> None:
    whole = ask(wav(12.5), model="whisper-large-v3").body
    assert (whole["task"], whole["duration"], whole["usage"]) == (
        "transcribe",
        12.5,
        {"type": "duration", "seconds": 13},
    )
    assert " ".join(each["text"] for each in whole["segments"]) == whole["text"]
    assert "words" not in whole
    assert "diarization" not in whole
    assert set(ask(wav(), model="whisper-large-v3", response_format="json").body) == {"text", "usage"}
    assert ask(wav(), model="whisper-large-v3", response_format="text").body.endswith("in them.\n")


def test_words_and_speakers(ask: Ask) -> None:
    transcript = ask(wav(), model="whisper-large-v3", diarize="true", **{"timestamp_granularities[]": "word"}).body
    assert len(transcript["words"]) == len(transcript["text"].split())
    assert len(transcript["diarization"]) == len(transcript["segments"])


@pytest.mark.parametrize("kind", sorted(set(HEADS) - {"wav"}))
def test_every_format(ask: Ask, kind: str) -> None:
    assert ask(HEADS[kind].ljust(48_000, b"\1"), model="whisper-large-v3").body["duration"] == 3


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "'model' is required"),
        ({"model": "whisper-large-v3", "file": None}, "'file' is required"),
        ({"model": "whisper-large-v3", "file": b"\x89PNG"}, "Invalid file format"),
        ({"model": "whisper-large-v3", "file": b"RIFF" + bytes(9)}, "Invalid file format"),
        ({"model": "whisper-large-v3", "response_format": "srt"}, "'response_format' must be one of"),
        ({"model": "whisper-large-v3", "temperature": "2"}, "'temperature' must be a number from 0 to 1"),
        ({"model": "whisper-large-v3", "temperature": "warm"}, "'temperature' must be a number from 0 to 1"),
        ({"model": "whisper-large-v3", "diarize": "true", "response_format": "json"}, "need response_format"),
        ({"model": "whisper-large-v3", "timestamp_granularities[]": "hour"}, "list of word and segment"),
        ({"model": "whisper-large-v3", "include": "logprobs"}, "'extra arguments' is not currently supported"),
        ({"model": "nvr-tts-en-us"}, "is a model for speech, not for transcription"),
    ],
)
def test_what_is_refused(ask: Ask, fields: dict[str, Any], words: str) -> None:
    answer = ask(**{"file": wav(), **fields})
    assert answer.status == 400
    assert words in answer.body["error"]["message"]


def test_limits(ask: Ask) -> None:
    large = HEADS["mp3"].ljust(10 * 1024 * 1024 + 1)
    assert ask(large, token=None, model="whisper-large-v3").status == 413
    assert ask(large, model="whisper-large-v3").status == 200
    assert ask(wav(10_801, rate=10), model="whisper-large-v3").status == 413
    assert ask(wav(), token="another", model="whisper-large-v3").status == 403


def test_a_virtual_model(ask: Ask) -> None:
    assert ask(wav(), model="whisper@latest").status == 200
