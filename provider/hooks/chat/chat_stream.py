"""
A streamed answer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, closing
from types import TracebackType
from typing import Any

from ...client.chat.stream_assembly import StreamedChat, iter_until_whole
from ...client.http.http_response import HTTPResponse
from ...errors import AIEndpointsError, InvalidResponseError
from ...redaction import StreamScrubber

#: Length of a log line, which then ends at the next space: an answer may be one long paragraph.
MAX_LINE_CHARS = 120


class ChatStream(Iterator[str]):
    """
    Iterates over the text of an answer as it arrives.

    Use it as a context manager to end the request if you stop reading early. Not safe to use from several threads: an
    answer has one reader. Each thread may have a stream of its own.

    :param events: data of each server-sent event
    :param token: token to remove from errors, or None
    :param count: number of choices that were asked for
    :param finish: checks the complete response; its second argument is the duration in seconds
    :param boundary: raises errors in the form that ``fail_fast`` asks for
    """

    def __init__(
        self,
        events: Generator[str, None, None],
        token: str | None,
        count: int,
        finish: Callable[[dict[str, Any], float], object],
        boundary: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._chat = StreamedChat(token, count)
        self._finish = finish
        self._boundary = boundary
        self._texts = self._read(events)
        #: Status and headers of the response; empty until they arrive.
        self.http_response = HTTPResponse(0, {}, b"")
        #: Seconds from the request to the first token (of text, reasoning or a tool call), and to the end; None before.
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
        End the request. :attr:`response` keeps what has arrived.
        """
        self._texts.close()

    @property
    def response(self) -> dict[str, Any]:
        """
        The response in OpenAI's format. It is complete once you have read the text to its end, and partial before.

        ``usage`` is None until the service reports it.
        """
        return self._chat.response()

    @property
    def complete(self) -> bool:
        """
        Whether the service has sent the end of the answer.
        """
        return self._chat.complete

    def iter_events(self) -> Iterator[str]:
        """
        Iterate over all events, also those without text: reasoning, a tool call, the end.

        :return: text of each event, empty if it has none
        """
        return self._texts

    @property
    def replaced(self) -> int:
        """
        The number of strings and numbers that :attr:`response` replaced, as not every store can hold them.
        """
        return self._chat.replaced

    def _read(self, events: Generator[str, None, None]) -> Generator[str, None, None]:
        started = time.monotonic()
        with self._boundary():
            try:
                with closing(events):
                    for data in iter_until_whole(self._chat, events):
                        text = self._chat.take(data)
                        if self.first_token_seconds is None and self._chat.begun:
                            self.first_token_seconds = time.monotonic() - started
                        yield text
                yield self._chat.finish()
                self.seconds = time.monotonic() - started
                if not self._chat.complete:
                    raise InvalidResponseError("The answer broke off before its end; what arrived was billed.")
                self._finish(self._chat.response(), self.seconds)
            except AIEndpointsError as error:
                # Keep what arrived: it was billed.
                if self._chat.begun:
                    error.response = self._chat.response()
                raise


def log_lines(stream: ChatStream, log: Any, token: str | None) -> dict[str, Any]:
    """
    Log an answer line by line as it arrives, and then its speed.

    :param stream: the answer
    :param log: logger of the task
    :param token: token to remove from the log, or None
    :return: the response in OpenAI's format
    :raises AIEndpointsError: if the stream ended early; the log has what arrived
    """
    lines = _Lines(log, token)
    try:
        for text in stream.iter_events():
            lines.add(text)
            # Before the hook's line about usage, which it logs after the last event.
            if stream.complete:
                lines.end()
    finally:
        stream.close()
        lines.end()
    log.info("AI Endpoints chat: %s", _format_speed(stream))
    return stream.response


class _Lines:
    def __init__(self, log: Any, token: str | None) -> None:
        self._log = log
        self._scrubber = StreamScrubber(token)
        self._rest = ""

    def add(self, text: str) -> None:
        *lines, self._rest = _split_lines(self._rest + self._scrubber.feed(text))
        for line in lines:
            self._log.info("%s", line)

    def end(self) -> None:
        *lines, last = _split_lines(self._rest + self._scrubber.end())
        self._rest = ""
        for line in [*lines, *filter(None, [last])]:
            self._log.info("%s", line)


def _split_lines(text: str) -> list[str]:
    """
    Split text at line ends, and at a space in long lines. The last line may be incomplete.
    """
    lines = text.split("\n")
    while len(lines[-1]) > MAX_LINE_CHARS and (place := lines[-1].find(" ", MAX_LINE_CHARS)) >= 0:
        lines[-1:] = [lines[-1][:place], lines[-1][place + 1 :]]
    return lines


def _format_speed(stream: ChatStream) -> str:
    first, seconds = stream.first_token_seconds, stream.seconds or 0.0
    if first is None:
        return f"no token in {seconds * 1000:.0f} ms"
    usage = stream.response["usage"] or {}
    tokens = usage.get("completion_tokens")
    speed = f"first token after {first * 1000:.0f} ms"
    if isinstance(tokens, int) and seconds > first:
        speed += f", then {tokens / (seconds - first):.1f} tokens/s"
    return speed
