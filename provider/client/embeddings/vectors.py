"""
Reads the vectors of an embeddings response, which are nearly all of it. Pure.
"""

from __future__ import annotations

import base64
import binascii
import math
import sys
from array import array
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, TypedDict, Union

from ...errors import InvalidResponseError
from ..http.http_request import Request
from ..http.http_response import HTTPResponse, _misshaped, facts, parse
from ..settings import ClientSettings

#: The numbers of an embedding: 4 bytes each in an array, some 32 in a list.
Vector = Union["array[float]", list[float]]


class _Item(TypedDict, total=False):
    index: int
    embedding: Union[bytes, list[float]]  # noqa: UP007  (msgspec 0.18 reads it on Python 3.11)


def read_response(body: bytes) -> dict[str, Any] | None:
    """
    Parse an embeddings response in a third of the time of :mod:`json` and :mod:`base64`, with ``msgspec``, which
    Airflow installs.

    :param body: the response's body
    :return: its JSON, in which base64 vectors are bytes; None for any other form, which the ordinary parser must read
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
    Decode and check one vector.

    :param value: the ``embedding`` of a response
    :return: an array if it was base64, else the list; None if it isn't a vector of finite numbers
    """
    if isinstance(value, str):
        return _decode_base64(value)
    if isinstance(value, bytes):
        return _to_array(value)
    if not isinstance(value, list) or not all(type(x) is float or type(x) is int for x in value):
        return None
    return value if _are_finite(value) else None


def _decode_base64(value: str) -> Vector | None:
    try:
        return _to_array(base64.b64decode(value, validate=True))
    except (binascii.Error, ValueError):
        return None


def _to_array(data: bytes) -> Vector | None:
    if len(data) % 4:
        return None
    floats = array("f", data)
    if sys.byteorder == "big":
        floats.byteswap()
    # Only numbers that aren't finite, or beyond 1e38, end in one of these bytes. Finding them takes a tenth of the sum.
    ends = data[3::4]
    return None if (b"\x7f" in ends or b"\xff" in ends) and not _are_finite(floats) else floats


def _are_finite(numbers: Vector) -> bool:
    # The sum is finite only if each number is; models in half precision are known to return NaN.
    try:
        return math.isfinite(sum(numbers))
    except OverflowError:
        return False


def parse_embeddings(response: HTTPResponse, request: Request, settings: ClientSettings) -> dict[str, Any]:
    """
    Parse the JSON object of an embeddings response, as :func:`parse` does, but fast.

    :param response: the response
    :param request: its request
    :param settings: as for :func:`parse`
    :return: the object; vectors in base64 may already be bytes
    :raises InvalidResponseError: if it is a redirect, isn't JSON, or isn't an object
    """
    value = read_response(response.body) if response.status < 300 else None
    return parse(response, request, settings) if value is None else value


def raise_error(vector: Vector | InvalidResponseError) -> Vector:
    """
    Return a vector, or raise the error in its place.

    :param vector: from :func:`read_vectors`
    :return: the vector
    :raises InvalidResponseError: if it is an error
    """
    if isinstance(vector, InvalidResponseError):
        raise vector
    return vector


def read_vectors(
    value: Mapping[str, Any],
    count: int,
    response: HTTPResponse,
    request: Request,
    *,
    name: Callable[[int], str] = "input[{}]".format,
    dimensions: int | None = None,
) -> list[Vector | InvalidResponseError]:
    """
    Decode the vector of each string. A vector that is missing or invalid doesn't affect the others.

    :param value: the response's JSON
    :param count: number of strings
    :param response: the response
    :param request: its request
    :param name: names a string by its place in the request, for the error
    :param dimensions: required number of dimensions, or None
    :return: for each string its vector, or the error in its place
    :raises InvalidResponseError: if it isn't known which vector belongs to which string
    """
    items = _sort_items(value.get("data"), count, response, request)

    def read(place: int) -> Vector | InvalidResponseError:
        embedding = items.get(place)
        vector = decode_vector(embedding)
        if embedding in (None, "", [], b""):
            problem = "is missing."
        elif not vector:
            problem = "is not of finite numbers. Some models return NaN for some texts: change the text, or the model."
        elif dimensions is not None and len(vector) != dimensions:
            problem = f"has {len(vector):,} numbers, not the {dimensions:,} of 'dimensions'."
        else:
            return vector
        return InvalidResponseError(f"{_misshaped(request)} the vector of {name(place)} {problem}", **facts(response))

    return [read(place) for place in range(count)]


def _sort_items(data: Any, count: int, response: HTTPResponse, request: Request) -> dict[int, Any]:
    """
    Find the embedding of each string by its index, or by its place if it has none.
    """
    items = [item if isinstance(item, dict) else {} for item in data] if isinstance(data, list) else []
    indexes = [item.get("index") for item in items]
    # Without their indexes, too few vectors may belong to any strings.
    if not items or len(items) > count or (len(items) < count and None in indexes):
        number = len(items) if isinstance(data, list) else "no"
        raise InvalidResponseError(f"{_misshaped(request)} {number} vectors for {count} texts.", **facts(response))
    embeddings: dict[int, Any] = {}
    for position, item in enumerate(items):
        index = position if indexes[position] is None else indexes[position]
        if type(index) is not int or not 0 <= index < count or index in embeddings:
            raise InvalidResponseError(
                f"{_misshaped(request)} vector {position} has a wrong index, so its text is not known.",
                **facts(response),
            )
        embeddings[index] = item.get("embedding")
    return embeddings
