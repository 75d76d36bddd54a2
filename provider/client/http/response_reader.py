"""
Reads responses for the blocking driver: a whole body, a file, or events.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO

from ... import defaults
from ...errors import AIEndpointsError, InvalidResponseError
from ..settings import ClientSettings
from .decompression import CHUNK_BYTES, receive
from .http_request import Request
from .http_response import HTTPResponse
from .network_errors import build_size_error
from .sse import EventReader

if TYPE_CHECKING:
    from requests import Response


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


def is_event_stream(response: Response) -> bool:
    """
    Return whether a response is a stream of events.
    """
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return response.status_code == 200 and kind == "text/event-stream"


def iter_events(response: Response, request: Request, settings: ClientSettings) -> Iterator[str]:
    """
    Iterate over the events of a response as they arrive.

    :return: the data of each
    :raises InvalidResponseError: if they are larger together than one response may be
    """
    reader, room = EventReader(), settings.max_response_bytes
    # read1 returns the bytes that have arrived, without waiting for more.
    while chunk := response.raw.read1(CHUNK_BYTES, decode_content=False):
        room -= len(chunk)
        if room < 0:
            raise build_size_error(request, settings)
        yield from reader.feed(chunk)
