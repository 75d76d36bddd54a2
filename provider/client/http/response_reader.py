"""
What comes back to the blocking driver: a whole reply, a file, or events.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO

from ... import defaults
from ...errors import AIEndpointsError, InvalidResponseError
from ..settings import ClientSettings
from .decompression import CHUNK_BYTES, receive
from .http_request import Request
from .http_response import Reply
from .network_errors import build_size_error
from .sse import EventReader

if TYPE_CHECKING:
    from requests import Response


def read_response(response: Response, request: Request, settings: ClientSettings) -> Reply | AIEndpointsError:
    """
    Read a body into memory, and close the response.

    :param response: as :meth:`.session.PooledSession.send` returned it
    :param request: what it answers
    :param settings: how large it may be
    :return: the reply, or that it is too large
    """
    body = bytearray()
    with response:
        for piece in response.raw.stream(CHUNK_BYTES, decode_content=False):
            body += piece
            if len(body) > settings.max_reply_bytes:
                break
    return receive(response.status_code, response.headers.items(), bytes(body), request, settings)


def save_response(
    response: Response, request: Request, settings: ClientSettings, sink: BinaryIO
) -> Reply | AIEndpointsError:
    """
    Read a body into a file, of which nothing else is kept, and close the response.

    :param response: as :meth:`.session.PooledSession.send` returned it
    :param request: what it answers
    :param settings: of the client
    :param sink: what takes the body
    :return: a reply without a body, or that it is larger than :data:`.defaults.MAX_FILE_BYTES`
    """
    left = defaults.MAX_FILE_BYTES
    sink.seek(0)
    sink.truncate()
    with response:
        for piece in response.raw.stream(CHUNK_BYTES, decode_content=True):
            left -= sink.write(piece)
            if left < 0:
                most = f"{defaults.MAX_FILE_BYTES:,} bytes"
                return InvalidResponseError(
                    f"The {request.description} is larger than {most} and was not read to its end."
                )
    plain = [(name, value) for name, value in response.headers.items() if name.lower() != "content-encoding"]
    return receive(response.status_code, plain, b"", request, settings)


def read_head(response: Response) -> Reply:
    """
    The status and headers of a response whose body is yet to come.
    """
    return Reply(response.status_code, {name.lower(): value for name, value in response.headers.items()}, b"")


def is_event_stream(response: Response) -> bool:
    """
    Whether a response gives events, and not one body.
    """
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return response.status_code == 200 and kind == "text/event-stream"


def iter_events(response: Response, request: Request, settings: ClientSettings) -> Iterator[str]:
    """
    Read the events of a response as they come.

    :return: the data of each
    :raises InvalidResponseError: if together they are larger than a reply may be
    """
    reader, room = EventReader(), settings.max_reply_bytes
    # read1 gives what there is, without waiting for more.
    while piece := response.raw.read1(CHUNK_BYTES, decode_content=False):
        room -= len(piece)
        if room < 0:
            raise build_size_error(request, settings)
        yield from reader.feed(piece)
