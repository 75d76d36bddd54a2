"""
Chat answers as streams of events, sent piece by piece by a server of the tests.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from support.scripted_server import Manner, Received, Wire

DONE = b"data: [DONE]\n\n"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nConnection: close\r\n\r\n"


def event(data: Any) -> bytes:
    return b"data: " + json.dumps(data).encode() + b"\n\n"


def chunk(text: str | None = None, finish: str | None = None, **fields: Any) -> bytes:
    delta = {} if text is None else {"content": text}
    return event({"choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **fields})


def usage(prompt: int, completion: int, model: str = "gpt-oss-20b") -> bytes:
    return event({"choices": [], "model": model, "usage": {"prompt_tokens": prompt, "completion_tokens": completion}})


def answer(*texts: str) -> bytes:
    return b"".join([*map(chunk, texts), chunk(finish="stop"), usage(7, len(texts)), DONE])


def send_stream(*pieces: bytes) -> Manner:
    """
    Send a stream, each piece in a packet of its own, and close.
    """

    def manner(wire: Wire, _: Received) -> bool:
        for piece in [HEAD, *pieces]:
            wire.send(piece)
        return False

    return manner


def chunked(pieces: Iterable[bytes], end: bytes = b"0\r\n\r\n") -> Manner:
    """
    Send a stream in chunks of HTTP, as most servers do; without an end it is cut.
    """

    def manner(wire: Wire, _: Received) -> bool:
        wire.send(HEAD.replace(b"Connection: close", b"Transfer-Encoding: chunked"))
        for piece in pieces:
            wire.send(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        wire.send(end)
        return bool(end)

    return manner


def then_hang(*pieces: bytes) -> Manner:
    def manner(wire: Wire, _: Received) -> bool:
        for piece in [HEAD, *pieces]:
            wire.send(piece)
        wire.hang()
        return False

    return manner


def dripping(piece: bytes, pause: float = 0.02) -> Manner:
    """
    Send the same piece again and again, until the client is gone.
    """

    def manner(wire: Wire, _: Received) -> bool:
        wire.send(HEAD)
        while not wire.closing.wait(pause):
            wire.send(piece)
        return False

    return manner
