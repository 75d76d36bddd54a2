"""
Server-sent events: bytes, in whatever pieces they come, to the data of each event. Pure.

Source: the HTML standard's section on parsing an event stream.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..errors import InvalidReplyError

#: Bytes that one event may have: the longest seen, a whole reply in one piece, had some 100 kB.
MAX_EVENT = 4_000_000

_LINE_END = re.compile(rb"\r\n|\n|\r")


class EventReader:
    """
    Takes pieces of a stream, gives the data of the events that are complete.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []
        self._size = 0

    def feed(self, piece: bytes) -> Iterator[str]:
        """
        Read on.

        :param piece: the next bytes, which may end within a line or a character
        :return: the data of each event that they complete
        :raises InvalidReplyError: if an event never ends
        """
        self._rest += piece
        if len(self._rest) + self._size > MAX_EVENT:
            raise InvalidReplyError(f"The stream holds an event of more than {MAX_EVENT:,} bytes.")
        # A carriage return at the very end may be half of a line end.
        whole = len(self._rest) - self._rest.endswith(b"\r")
        *lines, last = _LINE_END.split(self._rest[:whole])
        self._rest = last + self._rest[whole:]
        for line in lines:
            if not line and self._data:
                yield b"\n".join(self._data).decode("utf-8", "replace")
                self._data, self._size = [], 0
            elif line.startswith(b"data:"):
                self._size += len(line)
                self._data.append(line[5:].removeprefix(b" "))
