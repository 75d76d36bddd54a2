"""
Transcription: checks recordings, builds requests and checks transcripts. Pure.

Source: AI Endpoints audio guide and catalogue, 2026-08; OpenAI API reference, "Create transcription", 2026-05.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ... import defaults
from ...errors import ConfigurationError, InvalidResponseError
from ...validation import boolean, number, quote, text
from ..http.http_request import Request
from ..http.http_response import HTTPResponse, facts
from ..http.multipart import Attachment, MultipartForm

#: Default model.
MODEL = "whisper-large-v3"

#: Formats of a transcript; the second includes duration, language and segments.
RESPONSE_FORMATS = ("json", "verbose_json")

#: Units for which a transcript can include times.
TIMESTAMPS = ("word", "segment")

#: Bytes at the beginning of a recording that identify its format. An EBML file's type is within its first 64.
HEAD_BYTES = 128

#: Format -> media type, for the formats that the service accepts.
_MEDIA_TYPES = {
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "ogg": "audio/ogg",
    "mp4": "audio/mp4",
    "webm": "audio/webm",
    "mpeg": "video/mpeg",
}

#: First bytes of a recording -> its format.
_SIGNATURES = {
    b"fLaC": "flac",
    b"OggS": "ogg",
    b"ID3": "mp3",
    b"\0\0\x01\xba": "mpeg",
    b"\0\0\x01\xb3": "mpeg",
}

#: First bytes of other files -> their description.
_OTHERS = {
    b"FORM": "an AIFF recording",
    b"caff": "a CAF recording",
    b"#!AMR": "an AMR recording",
    b"\x30\x26\xb2\x75": "a WMA or WMV recording",
    b"MThd": "a MIDI file, which holds notes and no sound",
    b"%PDF-": "a PDF",
    b"PK\x03\x04": "a ZIP archive",
    b"\x1f\x8b": "a gzip archive",
    b"version https://git-lfs": "a Git LFS pointer, the file itself was not fetched",
    b"<": "an HTML page or XML",
    b"{": "JSON",
    b"#EXTM3U": "a playlist, which holds addresses and no sound",
}


def sniff_audio_format(head: bytes) -> str | None:
    """
    Detect the format of a recording from its first bytes, never from its name.

    :param head: its first :data:`HEAD_BYTES` bytes
    :return: ``wav``, ``mp3``, ``aac``, ``flac``, ``ogg`` (Vorbis or Opus), ``mp4`` (also M4A), ``webm``, ``mpeg``, or
        None if the service doesn't accept it
    """
    if head[:4] in {b"RIFF", b"RF64"}:
        return "wav" if head[8:12] == b"WAVE" else None
    if head[4:8] == b"ftyp":
        # A phone's images and QuickTime videos have the same structure.
        return None if head[8:11] in {b"hei", b"hev", b"mif", b"msf", b"avi", b"qt "} else "mp4"
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return "webm" if b"webm" in head[:64] else None
    return next((name for mark, name in _SIGNATURES.items() if head.startswith(mark)), None) or _frames(head)


def _frames(head: bytes) -> str | None:
    """
    Look for a frame of MPEG audio, which some programs precede with zeros.
    """
    start = head.lstrip(b"\0")[:2]
    if len(start) < 2 or start[0] != 0xFF or start[1] < 0xE0:
        return None
    layer = start[1] >> 1 & 0b11
    # ISO 13818-7: a frame of AAC has twelve bits set, and layer 0. ISO 11172-3: layers 1 to 3 are MPEG audio.
    if layer == 0:
        return "aac" if start[1] >= 0xF0 else None
    return "mp3"


def check_recording(label: str, size: int, head: bytes, *, with_token: bool) -> str:
    """
    Check that a recording can be sent.

    :param label: its name, for the error
    :param size: in bytes
    :param head: its first :data:`HEAD_BYTES` bytes
    :param with_token: whether it is sent with a token, with which the service accepts larger files
    :return: its format
    :raises ConfigurationError: if it is too large, empty, or in a format that the service doesn't accept
    """
    limit = defaults.AUDIO_BYTES if with_token else defaults.AUDIO_BYTES_ANONYMOUS
    if size > limit:
        more = "split it" if with_token else "give the connection a token, with which it takes 2,048 MB, or split it"
        raise ConfigurationError(f"{label} is {size:,} bytes; the service accepts {limit:,} of a recording: {more}.")
    audio_format = sniff_audio_format(head)
    if audio_format is None:
        seems = _seems(head)
        what = "is empty" if not head else f"seems to be {seems}" if seems else "is of another type"
        raise ConfigurationError(
            f"{label} cannot be sent as a recording: it {what}. The service reads MP3, MP4, M4A, AAC, WAV, FLAC, OGG, "
            "Opus, WebM and MPEG, which are told by their first bytes: convert it, or name another file."
        )
    return audio_format


def _seems(head: bytes) -> str | None:
    if head[4:8] == b"ftyp":
        return "a QuickTime film" if head[8:11] == b"qt " else "a picture"
    if head[:4] == b"RIFF":
        return "an AVI film" if head[8:12] == b"AVI " else None
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return "a Matroska film"
    return next((what for mark, what in _OTHERS.items() if head.lstrip().startswith(mark)), None)


def attachment(audio_format: str, size: int, open_file: Any) -> Attachment:
    """
    Create the file of a form from a recording. Its own name isn't sent.

    :param audio_format: its format
    :param size: in bytes
    :param open_file: opens it at its beginning
    :return: the file
    """
    return Attachment(f"audio.{audio_format}", _MEDIA_TYPES[audio_format], size, open_file)


def transcription(
    model: Any,
    file: Attachment,
    *,
    language: Any = None,
    prompt: Any = None,
    response_format: Any = None,
    temperature: Any = None,
    timestamps: Any = None,
    diarize: Any = False,
    **params: Any,
) -> Request:
    """
    Build the request for a transcript. Parameters that are None aren't sent.

    :param model: model id
    :param file: from :func:`attachment`
    :param language: language of the recording, such as ``fr``
    :param prompt: preceding text, whose spelling and style the model follows
    :param response_format: one of :data:`RESPONSE_FORMATS`
    :param temperature: 0 to 1
    :param timestamps: one or both of :data:`TIMESTAMPS`, for which times are returned
    :param diarize: whether to distinguish speakers
    :param params: any further field of the form; lists and dictionaries are encoded as by OpenAI's own client
    :return: the request
    :raises ConfigurationError: if an argument is invalid
    """
    timed, apart = _timestamps(timestamps), boolean(diarize or False, "diarize")
    fields = {
        "model": text(model, "model"),
        "language": None if language is None else text(language, "language").strip(),
        "prompt": None if prompt is None else text(prompt, "prompt"),
        "response_format": _response_format(response_format, timed, apart=apart),
        "temperature": None if temperature is None else number(temperature, "temperature", 0, 1),
        "timestamp_granularities": timed or None,
        "diarize": apart or None,
        **params,
    }
    form = MultipartForm([pair for name, value in fields.items() for pair in _format_field(name, value)], file)
    return Request(
        "POST",
        "/audio/transcriptions",
        "transcription",
        fields["model"],
        safe_to_retry=False,
        form=form,
        size=file.size,
    )


def _timestamps(value: Any) -> list[str]:
    several = [value] if isinstance(value, str) else [] if value is None else value
    if not isinstance(several, (list, tuple)) or not all(each in TIMESTAMPS for each in several):
        raise ConfigurationError(f"timestamps must be 'word', 'segment' or a list of both, not {quote(value)}.")
    return list(dict.fromkeys(several))


def _response_format(value: Any, timed: Sequence[str], *, apart: bool) -> str | None:
    if value is None:
        return "verbose_json" if timed or apart else None
    if value not in RESPONSE_FORMATS:
        raise ConfigurationError(
            f"response_format must be 'json' or 'verbose_json', not {quote(value)}: the text alone, and subtitles, "
            "are made of these."
        )
    if value == "json" and (timed or apart):
        raise ConfigurationError("timestamps and diarize need response_format='verbose_json': leave it out, or say so.")
    return str(value)


def _format_field(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if not re.fullmatch(r"\w[\w.-]*(\[\w*\])*", name, re.ASCII):
        raise ConfigurationError(f"{quote(name)} cannot be the name of a field of a form.")
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _format_field(f"{name}[{key}]", inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _format_field(f"{name}[]", inner)
    elif isinstance(value, (str, int, float)):
        yield name, str(value).lower() if isinstance(value, bool) else str(value)
    elif value is not None:
        raise ConfigurationError(f"{name} cannot be written into a form: it is {quote(value)}.")


def check_transcript(value: dict[str, Any], response: HTTPResponse) -> dict[str, Any]:
    """
    Check that a response is a transcript.

    :param value: the response's JSON
    :param response: the response
    :return: the same JSON
    :raises InvalidResponseError: if it doesn't have a ``text``, which is empty for a silent recording
    """
    if value.get("success") is False or not isinstance(value.get("text"), str):
        raise InvalidResponseError("The transcription came back without a text.", response=value, **facts(response))
    return value
