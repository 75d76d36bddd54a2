"""
Images as parts of messages: data URLs, within the service's limits. Pure.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ... import defaults
from ...errors import ConfigurationError
from ...validation import quote

#: Bytes that fit into a request as base64, which needs four for three.
MAX_FILE_BYTES = defaults.MAX_REQUEST_BYTES_IMAGES // 4 * 3

#: First bytes of a file -> its type. WebP has its length in between.
_SIGNATURES = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}

#: First bytes of other files -> their description.
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

#: Bytes searched for markup.
_HEAD_BYTES = 1024


def sniff_image_type(data: bytes) -> str | None:
    """
    Detect the type of an image from its first bytes, never from its name.

    :param data: the file
    :return: ``image/png``, ``image/jpeg``, ``image/webp``, ``image/gif``, or None
    """
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return _match_signature(data, _SIGNATURES)


def part(data: bytes, name: str) -> dict[str, Any]:
    """
    Convert an image to a part of a message.

    :param data: the file
    :param name: its name, for the error
    :return: the part, with the image as a data URL
    :raises ConfigurationError: if it isn't an image that the service accepts
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

    :param messages: the conversation, which isn't changed
    :param parts: from :func:`part`
    :return: a conversation with the images after the text of that message
    :raises ConfigurationError: if there isn't such a message, or there are more images than the service accepts
    """
    if isinstance(messages, (str, Mapping)) or not isinstance(messages, Sequence):
        raise ConfigurationError(f"messages must be a list of messages, not {quote(messages)}.")
    conversation: list[Any] = list(messages)
    if not parts:
        return conversation
    position = _last_of_user(conversation)
    urls = [*_urls(conversation), *(url for each in parts for url in _iter_urls(each))]
    check_count(len(urls))
    _check_total(sum(map(len, urls)))
    content = _as_parts(conversation[position].get("content"), f"messages[{position}]")
    conversation[position] = {**conversation[position], "content": [*content, *parts]}
    return conversation


def check_count(count: int) -> None:
    """
    Check the number of images of a request.

    :param count: images of all its messages
    :raises ConfigurationError: if the service doesn't accept so many
    """
    if count > defaults.MAX_IMAGES:
        raise ConfigurationError(
            f"The request would hold {count} images, all of its messages together; the service takes "
            f"{defaults.MAX_IMAGES}: send several requests."
        )


def check_sizes(sizes: Mapping[str, int]) -> None:
    """
    Check that files fit into a request together.

    :param sizes: bytes by name
    :raises ConfigurationError: if they are too large as base64
    """
    largest = max(sizes, key=lambda name: sizes[name], default="")
    more = f" The largest file is {largest} with {sizes[largest]:,} bytes." if sizes else ""
    _check_total(sum(encoded_size(size) for size in sizes.values()), more)


def encoded_size(size: int) -> int:
    """
    Compute the size of data as base64.

    :param size: in bytes
    :return: in characters
    """
    return (size + 2) // 3 * 4


def _check_total(total: int, more: str = "") -> None:
    if total > defaults.MAX_REQUEST_BYTES_IMAGES:
        raise ConfigurationError(
            f"The images come to {total:,} bytes as base64; the service accepts {defaults.MAX_REQUEST_BYTES_IMAGES:,} "
            f"in a request, which is {MAX_FILE_BYTES:,} bytes of files.{more} Make them smaller, or send several "
            "requests."
        )


def _match_signature(data: bytes, signatures: Mapping[bytes, str]) -> str | None:
    return next((what for beginning, what in signatures.items() if data.startswith(beginning)), None)


def _seems(data: bytes) -> str | None:
    if data[4:8] == b"ftyp":
        brand = data[8:12]
        return "an AVIF image" if brand[:3] == b"avi" else "a HEIC image" if brand in _HEIC_BRANDS else "a video"
    if data[:2] == b"BM" and data[6:10] == bytes(4):
        return "a BMP image"
    return _match_signature(data, _OTHERS) or _markup(data)


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
        # A model server may refuse a blank text.
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
