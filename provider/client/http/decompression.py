"""
From the bytes of a reply to its body, decompressed within a bound. Pure.

The HTTP libraries decompress too, but some releases of them let a small reply grow without limit in memory.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable

from ...errors import InvalidResponseError
from ...redaction import scrub
from ..settings import ClientSettings
from .http_request import Request
from .http_response import REQUEST_IDS, Reply
from .network_errors import build_size_error

#: What both drivers say they understand.
ACCEPT_ENCODING = "gzip, deflate"

_UNDERSTOOD = frozenset({"gzip", "x-gzip", "deflate"})

#: Bytes to take from the connection at once.
CHUNK_BYTES = 65_536

#: Compressed streams of one body, of which servers send one: each further one copies what follows it.
MAX_STREAMS = 100

#: How a compressed body may begin: with the header of gzip or zlib, or as some servers send "deflate", with none.
_WINDOWS = (zlib.MAX_WBITS | 32, -zlib.MAX_WBITS)


def receive(
    status: int, headers: Iterable[tuple[str, str]], body: bytes, request: Request, settings: ClientSettings
) -> Reply | InvalidResponseError:
    """
    Make a reply of what came over the wire.

    :param status: HTTP status
    :param headers: as they came
    :param body: as it came; reading may have stopped as soon as it was longer than allowed
    :param request: what it answers
    :param settings: how large it may be
    :return: the reply, or that it is too large; what is still compressed keeps its ``content-encoding``
    """
    names = {name.lower(): value for name, value in headers}
    names |= {name: scrub(names[name], settings.token) for name in REQUEST_IDS if name in names}
    if names.get("content-encoding", "").strip().lower() in _UNDERSTOOD:
        plain = inflate(body, settings.max_reply_bytes)
        if plain is not None:
            del names["content-encoding"]
            body = plain
    if len(body) > settings.max_reply_bytes:
        return build_size_error(request, settings)
    return Reply(status, names, body)


def inflate(body: bytes, limit: int) -> bytes | None:
    """
    Decompress, but stop once the result is longer than allowed.

    :param body: one or more gzip or zlib streams
    :param limit: bytes that are allowed
    :return: the result, of which at most one byte is too much; None if it is damaged
    """
    plain = b""
    for _ in range(MAX_STREAMS):
        if not body or len(plain) > limit:
            return plain
        piece = _inflated(body, limit + 1 - len(plain))
        if piece is None:
            return None
        plain += piece[0]
        body = piece[1]
    return None


def _inflated(body: bytes, most: int) -> tuple[bytes, bytes] | None:
    for window in _WINDOWS:
        stream = zlib.decompressobj(window)
        try:
            plain = stream.decompress(body, most)
        except zlib.error:
            continue
        return plain, stream.unused_data
    return None
