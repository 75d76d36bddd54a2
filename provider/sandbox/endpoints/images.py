"""``POST /v1/images/generations``."""

from __future__ import annotations

import base64
import hashlib
import json
import struct
import zlib
from typing import Any

from ..http.messages import Response, model_refusal
from .endpoint_call import CREATED, Call
from .parameters import Check, choice, integer, read_params, text

#: Size of images if the request names none.
_DEFAULT_SIZE = "1024x1024"

#: Fields in a row and in a column of an image; each size below is a multiple of eight of them.
_FIELDS = 8

#: The parameters of the service's OpenAPI description, and the sizes of OpenAI's that it refers to. Read 2026-10.
_PARAMETERS: dict[str, Check] = {
    "model": text,
    "prompt": text,
    "n": integer(1, 10),
    "size": choice("256x256", "512x512", _DEFAULT_SIZE, "1792x1024", "1024x1792"),
    # The sandbox stores no images, so it can't return URLs.
    "response_format": choice("b64_json"),
    "quality": choice("standard", "hd"),
    "style": choice("vivid", "natural"),
    "user": text,
}


def generate(call: Call) -> Response:
    """
    Answer a request for images.

    :param call: the request and its model
    :return: the requested number of images: patterns of two colours, always the same for the same request
    """
    params = read_params(call.payload, _PARAMETERS)
    if not params.get("prompt", "").strip():
        raise model_refusal(400, "'prompt' is required and must not be empty", "prompt", "missing_required_parameter")
    width, height = map(int, params.get("size", _DEFAULT_SIZE).split("x"))
    images = [draw_png(_seed(params, number), width, height) for number in range(params.get("n", 1))]
    data = [{"b64_json": base64.b64encode(image).decode("ascii")} for image in images]
    return Response(200, {"created": CREATED, "data": data})


def _seed(params: dict[str, Any], number: int) -> bytes:
    fields = {name: params[name] for name in sorted(params.keys() - {"n", "response_format", "user"})}
    return hashlib.sha256(json.dumps([fields, number]).encode()).digest()


def draw_png(seed: bytes, width: int, height: int) -> bytes:
    """
    Draw a PNG.

    :param seed: 14 bytes or more, which determine colours and pattern
    :param width: pixels, a multiple of 64
    :param height: pixels, a multiple of 64
    :return: the file, with a palette of two colours
    """
    rows = []
    for fields in seed[6 : 6 + _FIELDS]:
        bits = ((fields >> place) & 1 for place in range(_FIELDS))
        row = b"".join((b"\xff" if bit else b"\0") * (width // _FIELDS // 8) for bit in bits)
        rows += [b"\0" + row] * (height // _FIELDS)
    head = struct.pack(">IIBBBBB", width, height, 1, 3, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"PLTE", seed[:6]), (b"IDAT", zlib.compress(b"".join(rows))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in chunks)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
