"""``POST /v1/audio/transcriptions``: returns a fixed text with timestamps instead of a transcript."""

from __future__ import annotations

import io
import math
import wave
from typing import Any

from ...defaults import AUDIO_BYTES_ANONYMOUS
from ..http.messages import Request, Response, gateway_refusal, model_refusal
from ..http.request_bodies import form_payload
from .endpoint_call import Call
from .parameters import Check, choice, read_params, text

#: Bytes of a second if the file doesn't state its duration: 128 kbit/s.
_BYTES_A_SECOND = 16_000

#: Seconds of the longest recording. Source: catalogue, 2026-08.
_MAX_SECONDS = 10_800

#: First bytes of recordings. Others are boxes whose second word is ``ftyp``, and frames that begin with set bits.
_BEGINNINGS = (b"RIFF", b"RF64", b"fLaC", b"OggS", b"ID3", b"\x1a\x45\xdf\xa3", b"\0\0\x01\xba", b"\0\0\x01\xb3")


def _numeric(value: Any) -> str | None:
    try:
        return None if 0 <= float(value) <= 1 else "must be a number from 0 to 1"
    except ValueError:
        return "must be a number from 0 to 1"


def _granularities(value: Any) -> str | None:
    good = isinstance(value, list) and all(each in ("word", "segment") for each in value)
    return None if good else "must be a list of word and segment"


_PARAMETERS: dict[str, Check] = {
    "model": text,
    "file": lambda value: None if isinstance(value, bytes) else "must be a file",
    "language": text,
    "prompt": text,
    "response_format": choice("json", "text", "verbose_json"),
    "temperature": _numeric,
    "timestamp_granularities": _granularities,
    "diarize": choice("true", "false"),
    "chunking_strategy": text,
    "chunking_strategy[type]": choice("server_vad"),
}


def payload(request: Request) -> dict[str, Any]:
    """
    Read the form with a recording.

    :param request: the request
    :return: the fields of the form
    """
    if "authorization" not in request.headers and len(request.body) > AUDIO_BYTES_ANONYMOUS:
        raise gateway_refusal(413, f"Request body is {len(request.body)} bytes, more than {AUDIO_BYTES_ANONYMOUS}")
    return form_payload(request)


def transcribe(call: Call) -> Response:
    """
    Answer a transcription request.

    :param call: the request and its model
    :return: a transcript that states the duration of the recording, with one word a second
    """
    params = read_params(call.payload, _PARAMETERS)
    if "file" not in params:
        raise model_refusal(400, "'file' is required", "file", "missing_required_parameter")
    granular, apart = params.get("timestamp_granularities", []), params.get("diarize") == "true"
    form = params.get("response_format", "verbose_json")
    if form != "verbose_json" and (granular or apart):
        raise model_refusal(400, "timestamps and diarization need response_format verbose_json", "response_format")
    seconds = _seconds(params["file"])
    words = [{"word": word, "start": at, "end": at + 1.0} for at, word in enumerate(_words(seconds, params))]
    transcript = " ".join(str(each["word"]) for each in words)
    if form == "text":
        return Response(200, transcript + "\n")
    usage = {"type": "duration", "seconds": math.ceil(seconds)}
    if form == "json":
        return Response(200, {"text": transcript, "usage": usage})
    body: dict[str, Any] = {
        "task": "transcribe",
        "success": True,
        "language": params.get("language", "en"),
        "duration": seconds,
        "text": transcript,
        "segments": _segments(words),
        "usage": usage,
    }
    if "word" in granular:
        body["words"] = words
    if apart:
        body["diarization"] = [
            {"id": place, "start": each["start"], "end": each["end"], "speaker": f"speaker_{place % 2}"}
            for place, each in enumerate(body["segments"])
        ]
    return Response(200, body)


def _words(seconds: float, params: dict[str, Any]) -> list[str]:
    words = f"The sandbox was sent {seconds:.1f} seconds of sound and heard nothing in them.".split()
    count = max(math.ceil(seconds), 1)
    if prompt := params.get("prompt"):
        words = [*prompt.split()[-3:], *words]
    return (words * (count // len(words) + 1))[:count] if count > len(words) else words


def _segments(words: list[dict[str, Any]]) -> list[dict[str, Any]]:
    pieces = [words[place : place + 5] for place in range(0, len(words), 5)]
    return [
        {
            "id": place,
            "start": piece[0]["start"],
            "end": piece[-1]["end"],
            "text": " ".join(str(each["word"]) for each in piece),
        }
        for place, piece in enumerate(pieces)
    ]


def _seconds(content: bytes) -> float:
    start = content.lstrip(b"\0")[:2]
    frames = len(start) == 2 and start[0] == 0xFF and start[1] >= 0xE0
    if not (content.startswith(_BEGINNINGS) or content[4:8] == b"ftyp" or frames):
        raise model_refusal(400, "Invalid file format", "file", "invalid_file")
    seconds = len(content) / _BYTES_A_SECOND
    if content.startswith(b"RIFF"):
        try:
            with wave.open(io.BytesIO(content)) as recording:
                seconds = recording.getnframes() / recording.getframerate()
        except (wave.Error, EOFError):
            raise model_refusal(400, "Invalid file format", "file", "invalid_file") from None
    if seconds > _MAX_SECONDS:
        raise gateway_refusal(413, f"The recording takes {seconds:.0f} s, more than {_MAX_SECONDS}")
    return round(seconds, 2)
