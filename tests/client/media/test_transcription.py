"""
Which recordings can be sent, and what is asked about them.
"""

from __future__ import annotations

import io
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai import defaults
from apache_airflow_provider_ovhcloud_ai.client.http.http_response import HTTPResponse
from apache_airflow_provider_ovhcloud_ai.client.http.multipart import Attachment
from apache_airflow_provider_ovhcloud_ai.client.media import transcription
from apache_airflow_provider_ovhcloud_ai.client.usage import read_audio_seconds
from apache_airflow_provider_ovhcloud_ai.errors import ConfigurationError, InvalidResponseError
from hypothesis import given
from hypothesis import strategies as st
from support.audio_samples import HEADS, wav

FILE = Attachment("audio.wav", "audio/wav", 4, lambda: io.BytesIO(b"RIFF"))


def fields(**options: Any) -> list[tuple[str, str]]:
    form = transcription.transcription("whisper-large-v3", FILE, **options).form
    assert form is not None
    return [pair for pair in form.fields if pair != ("model", "whisper-large-v3")]


@pytest.mark.parametrize(("kind", "head"), HEADS.items())
def test_a_format_is_known_by_its_first_bytes(kind: str, head: bytes) -> None:
    assert (
        transcription.check_recording(
            "audio_path (a)", 10, head.ljust(transcription.HEAD_BYTES, b"\0"), with_token=True
        )
        == kind
    )


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (wav(), "wav"),
        (b"RF64\xff\xff\xff\xffWAVEds64", "wav"),
        (b"\xff\xfb\x90\x64", "mp3"),
        (b"\xff\xf3\x44\xc4", "mp3"),
        (bytes(20) + b"\xff\xfb\x90\x64", "mp3"),
        (b"\xff\xf9\x4c\x80", "aac"),
        (b"\0\0\0\x1cftypisom", "mp4"),
        (b"\0\0\x01\xb3\x16", "mpeg"),
    ],
)
def test_a_format_has_several_beginnings(head: bytes, kind: str) -> None:
    assert transcription.sniff_audio_format(head[: transcription.HEAD_BYTES]) == kind


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"", "it is empty"),
        (b"RIFF\0\0\0\0AVI LIST", "an AVI film"),
        (b"\0\0\0\x14ftypqt  ", "a QuickTime film"),
        (b"\0\0\0\x18ftypheic", "a picture"),
        (b"\x1a\x45\xdf\xa3\xa3\x42\x82\x88matroska", "a Matroska film"),
        (b"FORM\0\0\0\0AIFF", "an AIFF recording"),
        (b"#!AMR\n", "an AMR recording"),
        (b"\x30\x26\xb2\x75\x8e\x66", "a WMA or WMV recording"),
        (b"  <!doctype html>", "an HTML page or XML"),
        (b'{"text": 1}', "JSON"),
        (b"version https://git-lfs.github.com/spec/v1", "Git LFS pointer"),
        (b"\x89PNG\r\n\x1a\n", "of another type"),
        (b"\xff\xd8\xff\xe0", "of another type"),
        (b"\xff", "of another type"),
        (bytes(128), "of another type"),
        (b"RIFF", "of another type"),
    ],
)
def test_what_is_no_recording_is_named(head: bytes, words: str) -> None:
    with pytest.raises(ConfigurationError, match=f"audio_path .a.mp3. cannot be sent .*{words}.*MP3, MP4"):
        transcription.check_recording("audio_path (a.mp3)", len(head), head, with_token=True)


@given(head=st.binary(max_size=64))
def test_any_bytes_are_a_format_or_a_sentence(head: bytes) -> None:
    audio_format = transcription.sniff_audio_format(head)
    assert audio_format in {*HEADS, None}
    if audio_format is None:
        with pytest.raises(ConfigurationError, match="cannot be sent"):
            transcription.check_recording("audio_path (a)", len(head), head, with_token=True)


@pytest.mark.parametrize(
    ("with_token", "limit", "words"),
    [(True, defaults.AUDIO_BYTES, "split it"), (False, defaults.AUDIO_BYTES_ANONYMOUS, "give the connection a token")],
)
def test_a_size_is_within_what_the_service_takes(with_token: bool, limit: int, words: str) -> None:
    assert transcription.check_recording("a", limit, HEADS["mp3"], with_token=with_token) == "mp3"
    with pytest.raises(ConfigurationError, match=f"accepts {limit:,} of a recording: {words}"):
        transcription.check_recording("a", limit + 1, HEADS["mp3"], with_token=with_token)


def test_nothing_is_asked_for_that_was_not_wanted() -> None:
    assert fields() == []
    assert fields(language=None, prompt=None, diarize=False, timestamps=[]) == []


@pytest.mark.parametrize(
    ("options", "form_fields"),
    [
        ({"language": " fr "}, [("language", "fr")]),
        ({"temperature": "0.2"}, [("temperature", "0.2")]),
        ({"response_format": "json"}, [("response_format", "json")]),
        ({"timestamps": "word"}, [("response_format", "verbose_json"), ("timestamp_granularities[]", "word")]),
        ({"diarize": "true"}, [("response_format", "verbose_json"), ("diarize", "true")]),
        ({"diarize": "no"}, []),
        ({"chunking_strategy": "auto"}, [("chunking_strategy", "auto")]),
        (
            {"chunking_strategy": {"type": "server_vad", "threshold": 0.5, "x": None}},
            [("chunking_strategy[type]", "server_vad"), ("chunking_strategy[threshold]", "0.5")],
        ),
        ({"include": ["a", "b"], "flag": True}, [("include[]", "a"), ("include[]", "b"), ("flag", "true")]),
    ],
)
def test_what_is_wanted_is_asked_for(options: dict[str, Any], form_fields: list[tuple[str, str]]) -> None:
    assert fields(**options) == form_fields


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"timestamps": "sentence"}, "timestamps must be 'word', 'segment'"),
        ({"timestamps": {"word": 1}}, "timestamps must be"),
        ({"response_format": "srt"}, "response_format must be 'json' or 'verbose_json', not 'srt'"),
        ({"response_format": "json", "timestamps": ["word"]}, "need response_format='verbose_json'"),
        ({"response_format": "json", "diarize": True}, "need response_format='verbose_json'"),
        ({"diarize": "perhaps"}, "diarize must be true or false, not 'perhaps'"),
        ({"temperature": 2}, "temperature must be a number from 0 to 1"),
        ({"language": " "}, "language must not be empty"),
        ({"prompt": 5}, "prompt must be a text"),
        ({'a"\r\nX: y': "b"}, "cannot be the name of a field"),
        ({"further": object()}, "further cannot be written into a form"),
    ],
)
def test_what_cannot_work_is_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        fields(**options)


@pytest.mark.parametrize("body", [{}, {"text": None}, {"text": "a", "success": False}])
def test_what_is_no_transcript(body: dict[str, Any]) -> None:
    with pytest.raises(InvalidResponseError, match="without a text"):
        transcription.check_transcript(body, HTTPResponse(200, {}, b""))


def test_silence_is_a_transcript() -> None:
    assert transcription.check_transcript({"text": ""}, HTTPResponse(200, {}, b"")) == {"text": ""}


@pytest.mark.parametrize(
    ("usage", "seconds"),
    [
        ({"type": "duration", "seconds": 12}, 12),
        ({"duration": 12.5}, 12.5),
        ({"seconds": "12"}, None),
        ({"seconds": True}, None),
        ([], None),
        (None, None),
    ],
)
def test_seconds_billed(usage: Any, seconds: float | None) -> None:
    assert read_audio_seconds({"usage": usage}) == seconds
