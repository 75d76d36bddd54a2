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
    Take a token out of a text, in every spelling that a server may echo it in.

    :param message: text from elsewhere
    :param token: the secret, or None
    :return: the text with ``***`` in its place
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
    What a token looks like inside a longer text in base64, from a place that is ``lead`` bytes after a third.
    """
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        # Characters at both ends also hold bits of the neighbours; of short ones nothing is left that is its own.
        core = encode(b" " * lead + token.encode())[(0, 2, 3)[lead] : (lead + len(token)) * 8 // 6].decode()
        if len(core) >= 6:
            yield core


class StreamScrubber:
    """
    Takes a token out of a text that comes in pieces.

    :param token: the secret, or None
    """

    def __init__(self, token: str | None) -> None:
        self._token = token
        self._spellings = [spelling.lower() for spelling in _spellings(token)] if token else []
        self._kept = ""

    def feed(self, piece: str) -> str:
        """
        Read on.

        :param piece: the next part of the text
        :return: what can be shown; the end is kept while it may be the beginning of the token
        """
        self._kept = scrub(self._kept + piece, self._token)
        tail = self._kept.lower()
        begun = max((_overlap(tail, spelling) for spelling in self._spellings), default=0)
        shown, self._kept = self._kept[: len(self._kept) - begun], self._kept[len(self._kept) - begun :]
        return shown

    def end(self) -> str:
        """
        Give what was kept: no token, as nothing follows.
        """
        shown, self._kept = self._kept, ""
        return shown


def _overlap(text: str, spelling: str) -> int:
    """
    Count the characters at the end of a text that a spelling begins with.
    """
    longest = min(len(text), len(spelling) - 1)
    return next((n for n in range(longest, 0, -1) if spelling.startswith(text[-n:])), 0)


def excerpt(message: str, length: int = 300) -> str:
    """
    Cut a text to one line that fits in an error.

    :param message: text from elsewhere
    :param length: characters at most
    :return: the text without control characters, cut at the end
    """
    # Of megabytes the rest is not even looked at.
    line = " ".join("".join(c if c.isprintable() else " " for c in message[: length * 100]).split())
    return line if len(line) <= length else line[: length - 3] + "..."


def excerpts(messages: Iterable[str], token: str | None, length: int) -> list[str]:
    """
    Clean many short texts: to look for the token in each one by itself would take longer than to fetch them.

    :param messages: texts from elsewhere
    :param token: the secret, or None
    :param length: characters of each at most
    :return: each without the token, control characters and what is too long
    """
    # No spelling of a token holds a line break, so the texts do not flow into one another.
    lines = [message.replace("\n", " ") for message in messages]
    cleaned = scrub("\n".join(lines), token).split("\n") if lines else []
    return [excerpt(line[: length * 10], length) for line in cleaned]


def page_title(page: str) -> str:
    """
    Read the title of an HTML page.

    :param page: the beginning of the page
    :return: its title, or an empty text
    """
    found = _TITLE.search(page)
    return excerpt(html.unescape(found.group(1)), 80) if found else ""


def without_userinfo(url: str) -> str:
    """
    Take user and password out of a URL.

    :param url: the address of a proxy, say
    :return: the address as it may be shown
    """
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
