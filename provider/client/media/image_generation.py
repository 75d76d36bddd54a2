"""
Images that a model makes: what is sent for them, and how the answer is read. Pure.

Source: OpenAPI description of the service, read 2026-10: ``POST /images/generations`` takes ``model``, ``prompt``,
``n``, ``size``, ``response_format``, ``quality``, ``style`` and ``user``; what it makes is in ``data``, each image as
``b64_json``.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ... import defaults
from ...errors import ConfigurationError, InvalidResponseError
from ...validation import integer, quote, text
from ..chat.image_parts import sniff_image_type
from ..http.http_request import Request, encode
from ..http.http_response import Reply, facts

#: The model that is asked unless another is named. Source: the service's list of models, 2026-09-28, and its catalogue;
#: neither has another one that makes images.
MODEL = "stable-diffusion-xl-base-v10"

#: Images of one request. Source: the description above.
MAX_COUNT = 10

_SIZE = re.compile(r"[1-9]\d{1,4}x[1-9]\d{1,4}")

#: How many there are and how they come says nothing about what they show.
_NOT_IN_DIGEST = ("n", "response_format")


@dataclass(frozen=True)
class GeneratedImage:
    """
    One image.

    Safe to use from several threads: nothing changes it.

    :param data: the file
    :param type: its type by its first bytes: ``image/png``, ``image/jpeg``, ``image/webp`` or ``image/gif``
    """

    data: bytes = field(repr=False)
    type: str


@dataclass(frozen=True)
class GeneratedImages:
    """
    The images of one request.

    Safe to use from several threads: nothing changes it.

    :param images: the images, in the order in which they came
    :param model: the model as the service names it
    :param created: when they were made, in seconds since 1970; None where the service does not say
    """

    images: tuple[GeneratedImage, ...]
    model: str
    created: int | None


def build_request(model: Any, prompt: Any, *, n: Any = 1, size: Any = None, **params: Any) -> Request:
    """
    Build the request for images. One is what comes without ``n``, which is not sent then.

    :param model: model id
    :param prompt: what the images show
    :param n: how many
    :param size: width and height in pixels, such as ``1024x1024``; None leaves it to the model
    :param params: any further parameter of the API, sent as it is
    :return: the request
    :raises ConfigurationError: if an argument cannot work
    """
    for name in ("response_format", "stream"):
        if params.get(name):
            raise ConfigurationError(f"{name} cannot be chosen: images come in one piece, as base64. Leave it out.")
    count = integer(n, "n", 1, MAX_COUNT)
    body = {
        **params,
        "model": text(model, "model"),
        "prompt": text(prompt, "prompt"),
        "n": count if count > 1 else None,
        "size": None if size is None else _size(size),
        # Left out, an OpenAI-compatible service may give addresses of images, which nobody here fetches.
        "response_format": "b64_json",
    }
    content = encode(body)
    if len(content) > defaults.MAX_REQUEST_BYTES:
        raise ConfigurationError(
            f"The request is {len(content):,} bytes; the service accepts {defaults.MAX_REQUEST_BYTES:,}: shorten the "
            "prompt."
        )
    return Request("POST", "/images/generations", "image generation", body["model"], content, safe_to_retry=False)


def _size(size: Any) -> str:
    if not isinstance(size, str) or not _SIZE.fullmatch(size):
        raise ConfigurationError(f"size must be width x height in pixels, such as '1024x1024', not {quote(size)}.")
    return size


def count_images(request: Request) -> int:
    """
    Tell how many images a request asks for.

    :param request: from :func:`request_for`
    :return: their number
    """
    return int(_body(request).get("n", 1))


def digest(request: Request) -> str:
    """
    Give a name to all that decides about what images show.

    :param request: from :func:`request_for`
    :return: the same for the same model, prompt, size and further parameters, however many images are asked for
    """
    body = {name: value for name, value in _body(request).items() if name not in _NOT_IN_DIGEST}
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def _body(request: Request) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(request.content or b"{}")
    return body


def read_images(value: dict[str, Any], reply: Reply, request: Request) -> GeneratedImages:
    """
    Read the images out of a reply. Errors tell of them, and never hold them.

    :param value: the reply's JSON
    :param reply: the reply
    :param request: what it answers
    :return: the images
    :raises InvalidResponseError: if there are more or fewer than were asked for, or one is no image
    """
    count, data = count_images(request), value.get("data")
    items = data if isinstance(data, list) else []
    images, faults = [], []
    for position, item in enumerate(items):
        data_or_fault = _decoded(item)
        if isinstance(data_or_fault, GeneratedImage):
            images.append(data_or_fault)
        else:
            faults.append(f"data[{position}] {data_or_fault}")
    if len(items) != count:
        faults.insert(0, f"{len(items)} of {count} images came")
    if faults:
        raise InvalidResponseError(
            f"The {request.description} is not what an OpenAI-compatible service returns: {faults[0]}. It may have "
            "been billed, and nothing of it is kept.",
            response=_without_data(value, items),
            **facts(reply),
        )
    created = value.get("created")
    return GeneratedImages(
        tuple(images),
        value["model"] if isinstance(value.get("model"), str) else str(request.model),
        created if type(created) is int else None,
    )


def _decoded(item: Any) -> GeneratedImage | str:
    """
    Decode an image, or say what is wrong with it.
    """
    encoded = item.get("b64_json") if isinstance(item, Mapping) else None
    if not isinstance(encoded, str) or not encoded:
        by_address = isinstance(item, Mapping) and item.get("url")
        return "is an address, which is not fetched, and no image" if by_address else "has no text 'b64_json'"
    try:
        data = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return "is no base64"
    kind = sniff_image_type(data)
    return GeneratedImage(data, kind) if kind else f"is none: its {len(data):,} bytes are no PNG, JPEG, WebP or GIF"


def _without_data(value: Mapping[str, Any], items: list[Any]) -> dict[str, Any]:
    """
    Tell in an error what was paid for; it ends in logs and databases, where no image belongs.
    """
    told = {name: value[name] for name in ("created", "model", "usage") if name in value}
    return {**told, "data": [_lengths(item) for item in items[:MAX_COUNT]]}


def _lengths(item: Any) -> dict[str, int]:
    fields = item if isinstance(item, Mapping) else {}
    return {f"{name}_length": len(fields[name]) for name in ("b64_json", "url") if isinstance(fields.get(name), str)}
