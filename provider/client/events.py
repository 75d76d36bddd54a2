"""
Server-sent events: bytes, in whatever pieces they come, to the data of each event, and to a chat's answer. Pure.

Source: the HTML standard's section on parsing an event stream.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ..errors import InvalidReplyError
from .redact import excerpt, scrub
from .replies import read_json

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


class StreamedChat:
    """
    Puts a chat completion together from its events.

    Text before the answer (``reasoning``, or ``reasoning_content``) is left out.

    :param token: the secret that an error may echo, or None
    """

    def __init__(self, token: str | None = None) -> None:
        self._token = token
        #: The last event's model, finish reason and usage.
        self.model: str | None = None
        self.finish_reason: str | None = None
        self.usage: Mapping[str, Any] = {}
        #: Whether the service said that nothing more comes.
        self.complete = False

    def take(self, data: str) -> str:
        """
        Read an event.

        :param data: its data
        :return: the text that it adds to the answer
        :raises InvalidReplyError: if it is no JSON object, or an error
        """
        if data.strip() == "[DONE]":
            self.complete = True
            return ""
        _, event = read_json(data.encode())
        if not isinstance(event, dict):
            raise InvalidReplyError("The stream of the chat completion holds something that is no JSON object.")
        if event.get("error"):
            error = event["error"]
            said = error.get("message") if isinstance(error, dict) else error
            raise InvalidReplyError(
                f"The service ended its answer with an error: {excerpt(scrub(str(said), self._token))}"
            )
        self._note(event)
        choice = _first(event)
        if isinstance(choice.get("finish_reason"), str):
            self.finish_reason, self.complete = choice["finish_reason"], True
        # A service that does not stream sends the message whole.
        part = choice.get("delta") or choice.get("message")
        text = part.get("content") if isinstance(part, dict) else None
        return text if isinstance(text, str) else ""

    def _note(self, event: Mapping[str, Any]) -> None:
        if isinstance(event.get("model"), str):
            self.model = event["model"]
        if isinstance(event.get("usage"), dict):
            self.usage = event["usage"]


def _first(event: Mapping[str, Any]) -> dict[str, Any]:
    choices = event.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    return first if isinstance(first, dict) else {}
