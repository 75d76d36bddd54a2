"""
Image generation: builds requests and reads responses. Pure.

Source: OpenAPI description of the service, read 2026-10. ``POST /images/generations`` takes ``model``, ``prompt``,
``n``, ``size``, ``response_format``, ``quality``, ``style`` and ``user``. The images are in ``data``, each as
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
from ..http.http_response import HTTPResponse, facts

#: Default model. Source: the service's list of models, 2026-09-28, and its catalogue; neither has another one that
#: generates images.
MODEL = "stable-diffusion-xl-base-v10"

#: Images of one request. Source: the description above.
MAX_IMAGES = 10

_SIZE = re.compile(r"[1-9]\d{1,4}x[1-9]\d{1,4}")

#: Parameters that don't change what the images show.
_NOT_IN_DIGEST = ("n", "response_format")


@dataclass(frozen=True)
class GeneratedImage:
    """
    One generated image.

    Safe to use from several threads: nothing changes it.

    :param data: the image file
    :param type: media type by its first bytes: ``image/png``, ``image/jpeg``, ``image/webp`` or ``image/gif``
    """

    data: bytes = field(repr=False)
    type: str


@dataclass(frozen=True)
class GeneratedImages:
    """
    The images of one request.

    Safe to use from several threads: nothing changes it.

    :param images: the images, in the order of the response
    :param model: the model as the service names it
    :param created: seconds since 1970; None if the service doesn't report it
    """

    images: tuple[GeneratedImage, ...]
    model: str
    created: int | None


def build_request(model: Any, prompt: Any, *, n: Any = 1, size: Any = None, **params: Any) -> Request:
    """
    Build the request for images. ``n`` is sent only if it isn't 1.

    :param model: model id
    :param prompt: description of the images
    :param n: number of images
    :param size: width and height in pixels, such as ``1024x1024``; None for the model's default
    :param params: any further parameter of the API, sent unchanged
    :return: the request
    :raises ConfigurationError: if an argument is invalid
    """
    for name in ("response_format", "stream"):
        if params.get(name):
            raise ConfigurationError(f"{name} cannot be chosen: images come in one piece, as base64. Leave it out.")
    count = integer(n, "n", 1, MAX_IMAGES)
    body = {
        **params,
        "model": text(model, "model"),
        "prompt": text(prompt, "prompt"),
        "n": count if count > 1 else None,
        "size": None if size is None else _size(size),
        # Without it, many OpenAI-compatible services return URLs of images, which this client doesn't fetch. Those that
        # only return base64 may refuse it.
        "response_format": "b64_json",
    }
    content = encode(body)
    if len(content) > defaults.MAX_REQUEST_BYTES:
        raise ConfigurationError(
            f"The request is {len(content):,} bytes; the service accepts {defaults.MAX_REQUEST_BYTES:,}: shorten the "
            "prompt."
        )
    return Request(
        "POST",
        "/images/generations",
        "image generation",
        body["model"],
        content,
        safe_to_retry=False,
        optional=("response_format",),
    )


def _size(size: Any) -> str:
    if not isinstance(size, str) or not _SIZE.fullmatch(size):
        raise ConfigurationError(f"size must be width x height in pixels, such as '1024x1024', not {quote(size)}.")
    return size


def count_images(request: Request) -> int:
    """
    Return the number of images that a request asks for.

    :param request: from :func:`build_request`
    :return: the number
    """
    return int(_body(request).get("n", 1))


def digest(request: Request) -> str:
    """
    Compute a digest of everything that determines what the images show.

    :param request: from :func:`build_request`
    :return: the same for the same model, prompt, size and further parameters, for any number of images
    """
    body = {name: value for name, value in _body(request).items() if name not in _NOT_IN_DIGEST}
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def _body(request: Request) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(request.content or b"{}")
    return body


def read_images(value: dict[str, Any], response: HTTPResponse, request: Request) -> GeneratedImages:
    """
    Decode the images of a response. Errors describe the images and never contain them.

    :param value: the response's JSON
    :param response: the response
    :param request: its request
    :return: the images
    :raises InvalidResponseError: if the number of images is wrong, or one isn't an image
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
            **facts(response),
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
    Return the response for an error without its images: errors end in logs and databases.
    """
    metadata = {name: value[name] for name in ("created", "model", "usage") if name in value}
    return {**metadata, "data": [_lengths(item) for item in items[:MAX_IMAGES]]}


def _lengths(item: Any) -> dict[str, int]:
    fields = item if isinstance(item, Mapping) else {}
    return {f"{name}_length": len(fields[name]) for name in ("b64_json", "url") if isinstance(fields.get(name), str)}
