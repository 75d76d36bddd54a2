"""
Recordings as bytes: a real WAV, and how the other formats begin.
"""

from __future__ import annotations

import io
import wave

#: Format -> the first bytes of a file in it.
HEADS = {
    "wav": b"RIFF\x24\0\0\0WAVEfmt ",
    "mp3": b"ID3\x04\0\0\0\0\0\x23",
    "aac": b"\xff\xf1\x50\x80",
    "flac": b"fLaC\0\0\0\x22",
    "ogg": b"OggS\0\x02",
    "mp4": b"\0\0\0\x20ftypM4A \0\0\0\0",
    "webm": b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm",
    "mpeg": b"\0\0\x01\xba\x44",
}


def wav(seconds: float = 2.0, rate: int = 8_000) -> bytes:
    """
    Record silence.

    :param seconds: how long
    :param rate: samples a second
    :return: the file
    """
    file = io.BytesIO()
    with wave.open(file, "wb") as recording:
        recording.setnchannels(1)
        recording.setsampwidth(1)
        recording.setframerate(rate)
        recording.writeframes(b"\x80" * int(seconds * rate))
    return file.getvalue()
