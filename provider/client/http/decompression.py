"""
Decompresses the body of a response up to a limit. Pure.

The HTTP libraries decompress too, but some of their releases let a small response grow without limit in memory.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from itertools import chain

from ...errors import InvalidResponseError
from ...redaction import scrub
from ..settings import ClientSettings
from .error_body import find_inner_status
from .http_request import Request
from .http_response import REQUEST_IDS, HTTPResponse
from .network_errors import build_size_error

#: The header that both drivers send.
ACCEPT_ENCODING = "gzip, deflate"

#: Encodings that are decompressed.
ENCODINGS = frozenset({"gzip", "x-gzip", "deflate"})

#: The first byte of a gzip or zlib stream.
_COMPRESSED = (b"\x1f", b"\x78")

#: Bytes read from the connection at once.
CHUNK_BYTES = 65_536

#: Compressed streams in one body. Servers send one; each further one costs a copy of the rest.
MAX_COMPRESSED_STREAMS = 100

#: A compressed body may begin with a gzip or zlib header, or, as some servers send "deflate", without one.
_WINDOWS = (zlib.MAX_WBITS | 32, -zlib.MAX_WBITS)


def receive(
    status: int, headers: Iterable[tuple[str, str]], body: bytes, request: Request, settings: ClientSettings
) -> HTTPResponse | InvalidResponseError:
    """
    Build a response from a status, headers and body as received.

    :param status: HTTP status
    :param headers: as received
    :param body: as received; reading may have stopped once it was longer than allowed
    :param request: the request
    :param settings: the largest body allowed, and the token
    :return: the response, or the error that it is too large; a body that couldn't be decompressed keeps its
        ``content-encoding``
    """
    names = {name.lower(): value for name, value in headers}
    names |= {name: scrub(names[name], settings.token) for name in REQUEST_IDS if name in names}
    if names.get("content-encoding", "").strip().lower() in ENCODINGS:
        plain = inflate(body, settings.max_response_bytes)
        if plain is not None:
            del names["content-encoding"]
            body = plain
    if len(body) > settings.max_response_bytes:
        return build_size_error(request, settings)
    # An error within a success counts as the error that it names: for retries, the rate limit and the message.
    inner = find_inner_status(status, body)
    return HTTPResponse(inner or status, names, body, outer_status=status if inner else None)


def inflate(body: bytes, limit: int) -> bytes | None:
    """
    Decompress a body, but stop once the result is longer than allowed.

    :param body: one or more gzip or zlib streams
    :param limit: maximum in bytes
    :return: the result, at most one byte over the limit; None if it is damaged
    """
    plain = b""
    for _ in range(MAX_COMPRESSED_STREAMS):
        if not body or len(plain) > limit:
            return plain
        stream = _inflate_stream(body, limit + 1 - len(plain))
        if stream is None:
            return None
        plain += stream[0]
        body = stream[1]
    return None


def inflate_stream(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """
    Decompress a body as it arrives.

    :param chunks: the chunks of a gzip or zlib stream
    :return: chunks of at most :data:`CHUNK_BYTES`; unchanged if it isn't one, as some servers only say so
    :raises InvalidResponseError: if it is damaged
    """
    chunks = iter(chunks)
    stream, head = zlib.decompressobj(_WINDOWS[0]), next(chunks, b"")
    if not head.startswith(_COMPRESSED):
        yield from chain([head], chunks)
        return
    for chunk in chain([head], chunks):
        rest = chunk
        while rest and not stream.eof:
            try:
                plain = stream.decompress(rest, CHUNK_BYTES)
            except zlib.error:
                raise InvalidResponseError("The stream is compressed, and can't be decompressed.") from None
            rest = stream.unconsumed_tail
            if plain:
                yield plain


def _inflate_stream(body: bytes, limit: int) -> tuple[bytes, bytes] | None:
    for window in _WINDOWS:
        stream = zlib.decompressobj(window)
        try:
            plain = stream.decompress(body, limit)
        except zlib.error:
            continue
        return plain, stream.unused_data
    return None
