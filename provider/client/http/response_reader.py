"""
Reads responses for the blocking driver: a whole body, a file, or events.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO

from ... import defaults
from ...errors import AIEndpointsError, InvalidResponseError
from ..settings import ClientSettings
from .decompression import CHUNK_BYTES, ENCODINGS, inflate_stream, receive
from .http_request import Request
from .http_response import HTTPResponse
from .network_errors import build_size_error
from .sse import EventReader

if TYPE_CHECKING:
    from requests import Response


#: The beginning of a stream of events: a field, or a comment.
_EVENTS = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:data|event|id|retry)?[ \t]*:")

_JSON_OR_HTML = (b"{", b"[", b"<")


def read_response(response: Response, request: Request, settings: ClientSettings) -> HTTPResponse | AIEndpointsError:
    """
    Read a body into memory, and close the response.

    :param response: from :meth:`.session.PooledSession.send`
    :param request: the request
    :param settings: the largest body allowed
    :return: the response, or the error that it is too large
    """
    body = bytearray()
    with response:
        for chunk in response.raw.stream(CHUNK_BYTES, decode_content=False):
            body += chunk
            if len(body) > settings.max_response_bytes:
                break
    return receive(response.status_code, response.headers.items(), bytes(body), request, settings)


def save_response(
    response: Response, request: Request, settings: ClientSettings, sink: BinaryIO
) -> HTTPResponse | AIEndpointsError:
    """
    Write a body to a file without keeping it in memory, and close the response.

    :param response: from :meth:`.session.PooledSession.send`
    :param request: the request
    :param settings: of the client
    :param sink: the file
    :return: a response without a body, or the error that it is larger than :data:`.defaults.MAX_FILE_BYTES`
    """
    left = defaults.MAX_FILE_BYTES
    sink.seek(0)
    sink.truncate()
    with response:
        for chunk in response.raw.stream(CHUNK_BYTES, decode_content=True):
            left -= sink.write(chunk)
            if left < 0:
                return InvalidResponseError(
                    f"The {request.description} is larger than {defaults.MAX_FILE_BYTES:,} bytes and was not read to "
                    "its end."
                )
    plain = [(name, value) for name, value in response.headers.items() if name.lower() != "content-encoding"]
    return receive(response.status_code, plain, b"", request, settings)


def read_head(response: Response) -> HTTPResponse:
    """
    Return the status and headers of a response whose body isn't read yet.
    """
    return HTTPResponse(response.status_code, {name.lower(): value for name, value in response.headers.items()}, b"")


def iter_stream(response: Response, request: Request, settings: ClientSettings) -> Iterator[str]:
    """
    Iterate over the events of a successful response as they arrive. The body decides what it is: some servers send
    events as ``application/json`` or compressed, and errors as events.

    :param response: from :meth:`.session.PooledSession.send`
    :param request: the request
    :param settings: the largest body allowed
    :return: the data of each event
    :raises WholeBody: with the response, if it isn't a stream of events
    :raises InvalidResponseError: if it is larger than one response may be, or damaged
    """
    chunks, head = _iter_chunks(response, request, settings), b""
    for chunk in chunks:
        head += chunk
        if head.strip():
            break
    if not _EVENTS.match(head) and (head.lstrip()[:1] in _JSON_OR_HTML or not _declares_events(response)):
        plain = [(name, value) for name, value in response.headers.items() if name.lower() != "content-encoding"]
        body = b"".join([head, *chunks])
        raise WholeBody(receive(response.status_code, plain, body, request, settings))
    reader = EventReader()
    for chunk in chain([head], chunks):
        yield from reader.feed(chunk)
    yield from reader.finish()


class WholeBody(Exception):
    """
    A response isn't a stream of events.

    :param outcome: the response, or the error that it is too large
    """

    def __init__(self, outcome: HTTPResponse | AIEndpointsError) -> None:
        super().__init__()
        self.outcome = outcome


def _declares_events(response: Response) -> bool:
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return bool(kind == "text/event-stream")


def _iter_chunks(response: Response, request: Request, settings: ClientSettings) -> Iterator[bytes]:
    room = settings.max_response_bytes
    # read1 returns the bytes that have arrived, without waiting for more.
    received = iter(lambda: response.raw.read1(CHUNK_BYTES, decode_content=False), b"")
    is_compressed = response.headers.get("Content-Encoding", "identity").strip().lower() in ENCODINGS
    for chunk in inflate_stream(received) if is_compressed else received:
        room -= len(chunk)
        if room < 0:
            raise build_size_error(request, settings)
        yield chunk
