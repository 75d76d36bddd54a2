"""
Server-sent events: bytes, in whatever pieces they come, to the data of each event. Pure.

Source: the HTML standard's section on parsing an event stream.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

from ...errors import InvalidResponseError

#: Bytes that one event may have: the longest seen, a whole reply in one piece, had some 100 kB.
MAX_EVENT = 4_000_000

_LINE_END = re.compile(rb"\r\n|\n|\r")


class EventReader:
    """
    Takes pieces of a stream, gives the data of the events that are complete.
    """

    def __init__(self) -> None:
        # A line that has not ended yet, in the pieces in which it came: to join them each time would take minutes where
        # one of megabytes comes byte by byte.
        self._line: list[bytes] = []
        self._data: list[bytes] = []
        self._size = 0
        self._held = b""
        self._first = True

    def feed(self, piece: bytes) -> Iterator[str]:
        """
        Read on.

        :param piece: the next bytes, which may end within a line or a character
        :return: the data of each event that they complete
        :raises InvalidResponseError: if an event never ends
        """
        piece = self._held + piece
        # A carriage return at the very end may be half of a line end.
        self._held = b"\r" if piece.endswith(b"\r") else b""
        *ends, rest = _LINE_END.split(piece.removesuffix(self._held))
        for end in ends:
            self._keep(end)
            line = self._whole_line()
            name, _, value = line.partition(b":")
            if not line and self._data:
                data, self._data, self._size = self._data, [], 0
                yield b"\n".join(data).decode("utf-8", "replace")
            elif name == b"data":
                self._data.append(value.removeprefix(b" "))
            else:
                self._size -= len(line)
        self._keep(rest)

    def _keep(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > MAX_EVENT:
            raise InvalidResponseError(f"The stream holds an event of more than {MAX_EVENT:,} bytes.")
        self._line.append(part)

    def _whole_line(self) -> bytes:
        line, self._line = b"".join(self._line), []
        if self._first:
            self._first = False
            self._size -= len(line) - len(line := line.removeprefix(codecs.BOM_UTF8))
        return line
