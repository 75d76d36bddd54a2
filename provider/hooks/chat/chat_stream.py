"""
An answer that is read as it comes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, closing
from types import TracebackType
from typing import Any

from ...client.chat.stream_assembly import StreamedChat
from ...client.http.http_response import Reply
from ...errors import AIEndpointsError, InvalidResponseError
from ...redaction import StreamScrubber

#: Characters after which a line of the log ends at the next space: an answer may be one long paragraph.
MAX_LINE_CHARS = 120


class ChatStream(Iterator[str]):
    """
    Gives the text of an answer piece by piece; a context manager, which ends the request where it is left early.

    Not safe to use from several threads: an answer has one reader. Each thread may have a stream of its own.

    :param events: the data of each event
    :param token: the secret that an error may echo, or None
    :param finish: checks the whole response, and is told the seconds that it took
    :param boundary: raises errors in the form that ``fail_fast`` asks for
    """

    def __init__(
        self,
        events: Generator[str, None, None],
        token: str | None,
        finish: Callable[[dict[str, Any], float], object],
        boundary: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._chat = StreamedChat(token)
        self._finish = finish
        self._boundary = boundary
        self._texts = self._read(events)
        #: Status and headers of the reply, whose body comes in pieces; a blank one before they are here.
        self.reply = Reply(0, {}, b"")
        #: Seconds from the request to the first token, of reasoning or a tool call too, and to the end; None before.
        self.first_token_seconds: float | None = None
        self.seconds: float | None = None

    def __next__(self) -> str:
        return next(filter(None, self._texts))

    def __enter__(self) -> ChatStream:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """
        End the request; what has come stays in :attr:`response`.
        """
        self._texts.close()

    @property
    def response(self) -> dict[str, Any]:
        """
        The response in OpenAI's format: the whole of it once the text has been read to its end, and before that what
        has come. ``usage`` is None until the service tells it.
        """
        return self._chat.response()

    @property
    def complete(self) -> bool:
        """
        Whether the service said that nothing more comes.
        """
        return self._chat.complete

    def each_event(self) -> Iterator[str]:
        """
        Read on as iterating does, and also where an event brings no text: reasoning, a tool call, the end.

        :return: the text of each event, which may be empty
        """
        return self._texts

    def _read(self, events: Generator[str, None, None]) -> Generator[str, None, None]:
        started = time.monotonic()
        with self._boundary():
            try:
                with closing(events):
                    for data in events:
                        text = self._chat.take(data)
                        if self.first_token_seconds is None and self._chat.begun:
                            self.first_token_seconds = time.monotonic() - started
                        yield text
                self.seconds = time.monotonic() - started
                if not self._chat.complete:
                    raise InvalidResponseError("The answer broke off before its end; what arrived was billed.")
                self._finish(self._chat.response(), self.seconds)
            except AIEndpointsError as error:
                # What has been paid for is not lost with the rest.
                if self._chat.begun:
                    error.response = self._chat.response()
                raise


def log_lines(stream: ChatStream, log: Any, token: str | None) -> dict[str, Any]:
    """
    Write an answer into a log as it comes, by whole lines, and then how fast it came.

    :param stream: the answer
    :param log: of the task
    :param token: the secret that an answer may echo, or None
    :return: the response in OpenAI's format
    :raises AIEndpointsError: if the answer broke off; the log has what arrived
    """
    lines = _Lines(log, token)
    try:
        for text in stream.each_event():
            lines.add(text)
            # Before the hook's line about usage, which is said when the last event has been read.
            if stream.complete:
                lines.end()
    finally:
        stream.close()
        lines.end()
    log.info("AI Endpoints chat: %s", _speed(stream))
    return stream.response


class _Lines:
    def __init__(self, log: Any, token: str | None) -> None:
        self._log = log
        self._scrubber = StreamScrubber(token)
        self._rest = ""

    def add(self, text: str) -> None:
        *lines, self._rest = _parted(self._rest + self._scrubber.feed(text))
        for line in lines:
            self._log.info("%s", line)

    def end(self) -> None:
        *lines, last = _parted(self._rest + self._scrubber.end())
        self._rest = ""
        for line in [*lines, *filter(None, [last])]:
            self._log.info("%s", line)


def _parted(text: str) -> list[str]:
    """
    Part a text where a line ends, or has become long; the last part may go on.
    """
    lines = text.split("\n")
    while len(lines[-1]) > MAX_LINE_CHARS and (place := lines[-1].find(" ", MAX_LINE_CHARS)) >= 0:
        lines[-1:] = [lines[-1][:place], lines[-1][place + 1 :]]
    return lines


def _speed(stream: ChatStream) -> str:
    first, seconds = stream.first_token_seconds, stream.seconds or 0.0
    if first is None:
        return f"no token in {seconds * 1000:.0f} ms"
    usage = stream.response["usage"] or {}
    tokens = usage.get("completion_tokens")
    said = f"first token after {first * 1000:.0f} ms"
    if isinstance(tokens, int) and seconds > first:
        said += f", then {tokens / (seconds - first):.1f} tokens/s"
    return said
