"""
Keeps secrets and foreign pages out of what people read.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus, urlsplit, urlunsplit

_TITLE = re.compile(r"(?is)<title[^>]*>(.*?)</title>")


def scrub(message: str, token: str | None) -> str:
    """
    Replace a token in a string, in every spelling in which a server may echo it.

    :param message: text from a server or library
    :param token: the secret, or None
    :return: the text with ``***`` in place of the token
    """
    # Every spelling is as long as the token at least, and knowing them all takes a quarter of a millisecond.
    if not token or len(message) < len(token):
        return message
    for spelling in _spellings(token):
        message = re.sub(re.escape(spelling), "***", message, flags=re.IGNORECASE)
    return message


def _spellings(token: str) -> list[str]:
    quoted = {quote(token, safe=""), quote_plus(token), html.escape(token)}
    escaped = {json.dumps(token)[1:-1], repr(token)[1:-1], token.replace("/", r"\/")}
    encoded = {core for lead in range(3) for core in _in_base64(token, lead)}
    # The longest first, or a part of it would stay.
    return sorted({token, token[::-1], token.encode().hex()} | quoted | escaped | encoded, key=len, reverse=True)


def _in_base64(token: str, lead: int) -> Iterator[str]:
    """
    Return a token's base64 inside a longer text, at an offset that is ``lead`` bytes past a multiple of three.
    """
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        # Characters at both ends also hold bits of the neighbours; of short ones nothing is left that is its own.
        core = encode(b" " * lead + token.encode())[(0, 2, 3)[lead] : (lead + len(token)) * 8 // 6].decode()
        if len(core) >= 6:
            yield core


class StreamScrubber:
    """
    Removes a token from a string that arrives in chunks.

    :param token: the secret, or None
    """

    def __init__(self, token: str | None) -> None:
        self._token = token
        self._spellings = [spelling.lower() for spelling in _spellings(token)] if token else []
        self._pending = ""

    def feed(self, chunk: str) -> str:
        """
        Add a chunk, and return the text that is safe to show.

        :param chunk: the next part of the text
        :return: the text so far, without an end that may be the beginning of the token
        """
        self._pending = scrub(self._pending + chunk, self._token)
        tail = self._pending.lower()
        overlap = max((_overlap(tail, spelling) for spelling in self._spellings), default=0)
        end = len(self._pending) - overlap
        display, self._pending = self._pending[:end], self._pending[end:]
        return display

    def end(self) -> str:
        """
        Return the text that was held back: it isn't a token, as nothing follows.
        """
        display, self._pending = self._pending, ""
        return display


def _overlap(text: str, spelling: str) -> int:
    """
    Count the characters at the end of the text that are the beginning of a spelling.
    """
    longest = min(len(text), len(spelling) - 1)
    return next((n for n in range(longest, 0, -1) if spelling.startswith(text[-n:])), 0)


def cut_at_space(message: str, length: int) -> str:
    """
    Cut a long string before it is searched for the token: searching megabytes takes minutes.

    :param message: text from a server
    :param length: maximum in characters
    :return: the text; if it is longer, its beginning without the last word, which may be a part of the token
    """
    return message if len(message) <= length else "".join(message[:length].rsplit(None, 1)[:-1])


def excerpt(message: str, length: int = 300) -> str:
    """
    Shorten a string to one line that fits in an error.

    :param message: text from a server or library
    :param length: maximum in characters
    :return: the text without control characters, cut at the end
    """
    # Don't read the rest of a text of megabytes.
    line = " ".join("".join(c if c.isprintable() else " " for c in message[: length * 100]).split())
    return line if len(line) <= length else line[: length - 3] + "..."


def excerpts(messages: Iterable[str], token: str | None, length: int) -> list[str]:
    """
    Scrub and shorten many strings in one pass: looking for the token in each would take longer than fetching them.

    :param messages: texts from a server
    :param token: the secret, or None
    :param length: maximum of each in characters
    :return: each without the token and control characters, cut at the end
    """
    # No spelling of a token holds a line break, so the texts do not flow into one another.
    lines = [message.replace("\n", " ") for message in messages]
    cleaned = scrub("\n".join(lines), token).split("\n") if lines else []
    return [excerpt(line[: length * 10], length) for line in cleaned]


def page_title(page: str) -> str:
    """
    Read the title of an HTML page.

    :param page: the beginning of the page
    :return: its title, or an empty string
    """
    match = _TITLE.search(page)
    return excerpt(html.unescape(match.group(1)), 80) if match else ""


def without_userinfo(url: str) -> str:
    """
    Remove user and password from a URL.

    :param url: a URL, such as that of a proxy
    :return: the URL without them
    """
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
