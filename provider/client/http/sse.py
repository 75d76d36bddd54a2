"""
Server-sent events: turns chunks of bytes into the data of each event. Pure.

Source: the HTML standard's section on parsing an event stream.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

from ...errors import InvalidResponseError

#: The longest event seen, a whole response in one, had some 100 kB.
MAX_EVENT_BYTES = 4_000_000

_LINE_END = re.compile(rb"\r\n|\n|\r")


class EventReader:
    """
    Reads a stream in chunks, and returns the data of complete events.
    """

    def __init__(self) -> None:
        # An incomplete line in the chunks in which it arrived: joining them each time would take minutes for a line of
        # megabytes that arrives byte by byte.
        self._line: list[bytes] = []
        self._data: list[bytes] = []
        self._size = 0
        self._held = b""
        self._first = True

    def feed(self, chunk: bytes) -> Iterator[str]:
        """
        Read the next chunk.

        :param chunk: the next bytes, which may end within a line or a character
        :return: the data of each event that they complete
        :raises InvalidResponseError: if an event is too long
        """
        chunk = self._held + chunk
        # A carriage return at the end may be half of a line end.
        self._held = b"\r" if chunk.endswith(b"\r") else b""
        *ends, rest = _LINE_END.split(chunk.removesuffix(self._held))
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

    def finish(self) -> Iterator[str]:
        """
        Return the last event, if the stream ended without the blank line after it.

        :return: its data, unless its last line is incomplete JSON
        """
        yield from (data for data in self.feed(b"\n\n") if data.strip() == "[DONE]" or data.rstrip().endswith("}"))

    def _keep(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > MAX_EVENT_BYTES:
            raise InvalidResponseError(f"The stream holds an event of more than {MAX_EVENT_BYTES:,} bytes.")
        self._line.append(part)

    def _whole_line(self) -> bytes:
        line, self._line = b"".join(self._line), []
        if self._first:
            self._first = False
            self._size -= len(line) - len(line := line.removeprefix(codecs.BOM_UTF8))
        return line
