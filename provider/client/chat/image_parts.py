"""
Images as a request carries them: data URLs, within what the service takes at once. Pure.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ... import defaults
from ...errors import ConfigurationError
from ...validation import quote

#: Bytes that fit into a request as base64, which makes four of three.
MAX_FILE_BYTES = defaults.MAX_REQUEST_BYTES_IMAGES // 4 * 3

#: What a file begins with -> its type. WebP has its length in between.
_SIGNATURES = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}

#: What other files begin with -> what people call them.
_OTHERS = {
    b"%PDF-": "a PDF",
    b"II*\0": "a TIFF image",
    b"MM\0*": "a TIFF image",
    b"version https://git-lfs": "a Git LFS pointer, the file itself was not fetched",
    b"iVBORw0KGgo": "an image written as base64 text",
    b"/9j/": "an image written as base64 text",
    b"data:image/": "a data URL written as text",
}
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}

#: Bytes in which markup tells what it is.
_HEAD_BYTES = 1024


def sniff_image_type(data: bytes) -> str | None:
    """
    Tell the type of an image by its first bytes, never by its name.

    :param data: the file
    :return: ``image/png``, ``image/jpeg``, ``image/webp``, ``image/gif``, or None
    """
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return _beginning(data, _SIGNATURES)


def part(data: bytes, name: str) -> dict[str, Any]:
    """
    Make an image a part of a message.

    :param data: the file
    :param name: what it is called, for the error
    :return: the part, with the image as a data URL
    :raises ConfigurationError: if it is no image that the service reads
    """
    kind = sniff_image_type(data)
    if kind is None:
        seems = _seems(data)
        what = "is empty" if not data else f"seems to be {seems}" if seems else "is of another type"
        raise ConfigurationError(
            f"{name} cannot be sent as an image: it {what}. The service reads PNG, JPEG, WebP and GIF, which are told "
            "by their first bytes: convert it, or name another file."
        )
    return {"type": "image_url", "image_url": {"url": f"data:{kind};base64,{base64.b64encode(data).decode()}"}}


def with_images(messages: Sequence[Mapping[str, Any]], parts: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """
    Add images to the last message of the user.

    :param messages: the conversation, which stays as it is
    :param parts: what :func:`part` made
    :return: a conversation with the images behind the text of that message
    :raises ConfigurationError: if there is no such message, or there are more images than the service takes
    """
    if isinstance(messages, (str, Mapping)) or not isinstance(messages, Sequence):
        raise ConfigurationError(f"messages must be a list of messages, not {quote(messages)}.")
    said: list[Any] = list(messages)
    if not parts:
        return said
    position = _last_of_user(said)
    urls = [*_urls(said), *(url for each in parts for url in _iter_urls(each))]
    check_count(len(urls))
    _check_total(sum(map(len, urls)))
    content = _as_parts(said[position].get("content"), f"messages[{position}]")
    said[position] = {**said[position], "content": [*content, *parts]}
    return said


def check_count(count: int) -> None:
    """
    Check how many images a request holds.

    :param count: images of all its messages
    :raises ConfigurationError: if the service does not take so many
    """
    if count > defaults.MAX_IMAGES:
        raise ConfigurationError(
            f"The request would hold {count} images, all of its messages together; the service takes "
            f"{defaults.MAX_IMAGES}: send several requests."
        )


def check_sizes(sizes: Mapping[str, int]) -> None:
    """
    Check that files fit into a request.

    :param sizes: their bytes, by what they are called
    :raises ConfigurationError: if they do not, as base64, all together
    """
    largest = max(sizes, key=lambda name: sizes[name], default="")
    more = f" The largest file is {largest} with {sizes[largest]:,} bytes." if sizes else ""
    _check_total(sum(encoded_size(size) for size in sizes.values()), more)


def encoded_size(size: int) -> int:
    """
    Tell how long bytes are as base64.

    :param size: how many bytes
    :return: how many characters
    """
    return (size + 2) // 3 * 4


def _check_total(total: int, more: str = "") -> None:
    if total > defaults.MAX_REQUEST_BYTES_IMAGES:
        raise ConfigurationError(
            f"The images come to {total:,} bytes as base64; the service accepts {defaults.MAX_REQUEST_BYTES_IMAGES:,} "
            f"in a request, which is {MAX_FILE_BYTES:,} bytes of files.{more} Make them smaller, or send several "
            "requests."
        )


def _beginning(data: bytes, known: Mapping[bytes, str]) -> str | None:
    return next((what for beginning, what in known.items() if data.startswith(beginning)), None)


def _seems(data: bytes) -> str | None:
    if data[4:8] == b"ftyp":
        brand = data[8:12]
        return "an AVIF image" if brand[:3] == b"avi" else "a HEIC image" if brand in _HEIC_BRANDS else "a video"
    if data[:2] == b"BM" and data[6:10] == bytes(4):
        return "a BMP image"
    return _beginning(data, _OTHERS) or _markup(data)


def _markup(data: bytes) -> str | None:
    head = data[:_HEAD_BYTES].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if head.startswith((b"<!doctype html", b"<html")):
        return "an HTML page"
    if not head.startswith(b"<"):
        return None
    return "an SVG image" if b"<svg" in head else "XML" if head.startswith(b"<?xml") else None


def _last_of_user(messages: Sequence[Any]) -> int:
    for position in reversed(range(len(messages))):
        message = messages[position]
        if isinstance(message, Mapping) and message.get("role") == "user":
            return position
    raise ConfigurationError("The images belong to a message of the role 'user', and there is none: add one.")


def _as_parts(content: Any, where: str) -> list[Any]:
    if content is None or isinstance(content, str):
        # A model server may refuse a text without a word.
        return [{"type": "text", "text": content}] if content and content.strip() else []
    if not isinstance(content, (list, tuple)):
        raise ConfigurationError(f"{where} must have a text or a list of parts as 'content', not {quote(content)}.")
    return list(content)


def _urls(messages: Sequence[Any]) -> Iterator[str]:
    for message in messages:
        content = message.get("content") if isinstance(message, Mapping) else None
        for each in content if isinstance(content, (list, tuple)) else ():
            yield from _iter_urls(each)


def _iter_urls(part: Any) -> Iterator[str]:
    if isinstance(part, Mapping) and part.get("type") == "image_url":
        image = part.get("image_url")
        url = image.get("url") if isinstance(image, Mapping) else image
        yield url if isinstance(url, str) else ""
