"""
How to read the vectors of an embeddings response, which is nearly all that it holds. Pure.
"""

from __future__ import annotations

import base64
import binascii
import math
import sys
from array import array
from collections.abc import Callable
from functools import cache
from typing import Any, TypedDict, Union

from ...errors import InvalidResponseError
from ..http.http_request import Request
from ..http.http_response import Reply, _misshaped, facts, parse
from ..settings import ClientSettings

#: The numbers of an embedding: 4 bytes each in an array, some 32 in a list.
Vector = Union["array[float]", list[float]]


class _Item(TypedDict, total=False):
    index: int
    embedding: Union[bytes, list[float]]  # noqa: UP007  (msgspec 0.18 reads it on Python 3.11)


def read_response(body: bytes) -> dict[str, Any] | None:
    """
    Read an embeddings response in a third of the time that :mod:`json` and :mod:`base64` take, by ``msgspec``, which
    Airflow brings.

    :param body: of the reply
    :return: its JSON, in which vectors written as base64 are bytes; None for whatever is not as usual, so that it is
        read and judged as any reply is
    """
    try:
        from msgspec import MsgspecError
    except ImportError:
        return None
    read_fields, read_data, read = _readers()
    try:
        fields = read_fields(body)
        data = read_data(fields.pop("data"))
        return {**{name: read(raw) for name, raw in fields.items()}, "data": data}
    except (MsgspecError, KeyError, ValueError, RecursionError):
        return None


@cache
def _readers() -> tuple[Callable[[bytes], dict[str, Any]], Callable[[Any], list[_Item]], Callable[[Any], Any]]:
    from msgspec import Raw
    from msgspec.json import Decoder

    return Decoder(dict[str, Raw]).decode, Decoder(list[_Item]).decode, Decoder().decode


def decode_vector(value: Any) -> Vector | None:
    """
    Check and decode one vector.

    :param value: the ``embedding`` of a response
    :return: an array where it came as base64, else the list; None if it is no vector of finite numbers
    """
    if isinstance(value, str):
        return _decoded(value)
    if isinstance(value, bytes):
        return _numbers(value)
    if not isinstance(value, list) or not all(type(x) is float or type(x) is int for x in value):
        return None
    return value if _are_finite(value) else None


def _decoded(value: str) -> Vector | None:
    try:
        return _numbers(base64.b64decode(value, validate=True))
    except (binascii.Error, ValueError):
        return None


def _numbers(written: bytes) -> Vector | None:
    if len(written) % 4:
        return None
    floats = array("f", written)
    if sys.byteorder == "big":
        floats.byteswap()
    # Only what is not finite, or beyond 1e38, ends in one of these bytes. To look for them takes a tenth of the sum.
    ends = written[3::4]
    return None if (b"\x7f" in ends or b"\xff" in ends) and not _are_finite(floats) else floats


def _are_finite(numbers: Vector) -> bool:
    # The sum is finite only if each number is; models in half precision are known to return NaN.
    try:
        return math.isfinite(sum(numbers))
    except OverflowError:
        return False


def parse_embeddings(reply: Reply, request: Request, settings: ClientSettings) -> dict[str, Any]:
    """
    Read the JSON object of an embeddings reply, as :func:`parse` does, but fast.

    :param reply: the reply
    :param request: what it answers
    :param settings: as for :func:`parse`
    :return: the object; vectors in base64 may be bytes already
    :raises InvalidResponseError: if it is a redirect, no JSON, or no object
    """
    value = read_response(reply.body) if reply.status < 300 else None
    return parse(reply, request, settings) if value is None else value


def check_embeddings(value: dict[str, Any], count: int, reply: Reply, request: Request) -> list[Vector]:
    """
    Check that a reply embeds each text that was sent, and decode its vectors.

    :param value: the reply's JSON
    :param count: texts that were sent
    :param reply: the reply
    :param request: what it answers
    :return: a vector for each text, in the order sent; an array where it came as base64, else a list
    :raises InvalidResponseError: if one is missing, doubled, or no vector
    """
    data = value.get("data")
    if not isinstance(data, list) or len(data) != count:
        found = len(data) if isinstance(data, list) else "no"
        raise InvalidResponseError(f"{_misshaped(request)} {found} vectors for {count} texts.", **facts(reply))
    vectors: dict[int, Vector] = {}
    for position, item in enumerate(data):
        index = item.get("index", position) if isinstance(item, dict) else None
        vector = decode_vector(item.get("embedding")) if isinstance(item, dict) else None
        if type(index) is not int or not 0 <= index < count or index in vectors or not vector:
            raise InvalidResponseError(
                f"{_misshaped(request)} vector {position} is missing, not of finite numbers, or has a wrong index.",
                **facts(reply),
            )
        vectors[index] = vector
    return [vectors[index] for index in range(count)]
