"""
Vectors read by msgspec are those that json and base64 would have read, and what is not as usual is left to these.
"""

from __future__ import annotations

import base64
import json
import math
import struct
import sys
from array import array
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.client.chat import chat_request
from apache_airflow_provider_ovhcloud_ai.client.embeddings import vectors
from apache_airflow_provider_ovhcloud_ai.client.embeddings.vectors import (
    decode_vector,
    parse_embeddings,
    raise_error,
    read_response,
    read_vectors,
)
from apache_airflow_provider_ovhcloud_ai.client.http.http_response import HTTPResponse, parse
from apache_airflow_provider_ovhcloud_ai.client.settings import ClientSettings
from apache_airflow_provider_ovhcloud_ai.errors import InvalidResponseError

LARGEST = struct.unpack("<f", b"\xff\xff\x7f\x7f")[0]


@pytest.fixture
def _without_msgspec(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(sys.modules, "msgspec", None)
    vectors._readers.cache_clear()
    yield
    vectors._readers.cache_clear()


def pack_floats(*numbers: float) -> bytes:
    return struct.pack(f"<{len(numbers)}f", *numbers)


def response(*embeddings: Any, **fields: Any) -> bytes:
    data = [{"object": "embedding", "index": i, "embedding": vector} for i, vector in enumerate(embeddings)]
    return json.dumps({"object": "list", "data": data, **fields}).encode()


def test_base64_comes_as_bytes_and_all_else_as_it_is() -> None:
    text = base64.b64encode(pack_floats(0.5, -1.0)).decode()
    fields = {"model": "m", "usage": {"total_tokens": 2}, "id": None, "x": [1, {"y": "\u00e9"}]}
    embeddings = read_response(response(text, [1, 0.25], **fields))
    items = [{"index": 0, "embedding": pack_floats(0.5, -1.0)}, {"index": 1, "embedding": [1.0, 0.25]}]
    assert embeddings == {"object": "list", "data": items, **fields}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"[]",
        b'{"object": "list"}',
        b'{"data": null}',
        b'{"data": [5]}',
        b'{"data": [{"index": "0", "embedding": []}]}',
        b'{"data": [{"embedding": [NaN]}]}',
        b'{"data": [{"embedding": [1e999]}]}',
        b'{"data": [{"embedding": [true]}]}',
        b'{"data": [{"embedding": "A*=="}]}',
        b'{"data": [{"embedding": "AAA"}]}',
        b'{"data": [], "x": ' + b"[" * 100_000,
    ],
    ids=lambda body: repr(body)[:60],
)
def test_what_is_not_as_usual_is_left_to_others(body: bytes) -> None:
    assert read_response(body) is None


@pytest.mark.usefixtures("_without_msgspec")
def test_does_without_msgspec() -> None:
    assert read_response(response([1.0])) is None


@pytest.mark.parametrize("place", range(3))
@pytest.mark.parametrize("number", [math.nan, -math.nan, math.inf, -math.inf])
def test_a_value_that_is_not_finite_is_found_in_any_place(place: int, number: float) -> None:
    numbers = [0.5, LARGEST, -0.0]
    numbers[place] = number
    assert decode_vector(pack_floats(*numbers)) is None


def test_large_numbers_are_finite() -> None:
    vector = decode_vector(pack_floats(LARGEST, LARGEST, -LARGEST, -0.0, 2.0**127))
    assert vector is not None
    assert list(vector) == [LARGEST, LARGEST, -LARGEST, 0.0, 2.0**127]


@pytest.mark.parametrize("length", [1, 2, 3, 5])
def test_pieces_of_numbers_are_no_vector(length: int) -> None:
    assert decode_vector(b"\0" * length) is None


CHAT = chat_request.chat("some-model", [{"role": "user", "content": "Hi"}])


SETTINGS = ClientSettings(base_url="https://service.example/v1", token="secret")


RESPONSE = HTTPResponse(200, {"x-request-id": "r-1"}, b"")


def build_response(
    body: Any, content_type: str = "application/json", status: int = 200, **headers: str
) -> HTTPResponse:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {"content-type": content_type, "x-request-id": "r-1", **headers}
    return HTTPResponse(status, named, content)


def packed(*numbers: float) -> str:
    return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()


def vector(embedding: Any, **fields: Any) -> dict[str, Any]:
    return {"object": "embedding", "embedding": embedding, **fields}


def check_embeddings(value: dict[str, Any], count: int) -> list[vectors.Vector]:
    return [raise_error(each) for each in read_vectors(value, count, RESPONSE, CHAT)]


READ = {"json": parse, "msgspec": parse_embeddings}


@pytest.mark.parametrize("read", READ.values(), ids=READ)
@pytest.mark.parametrize(
    ("data", "vectors"),
    [
        ([vector([0.5, -1.0], index=0)], [[0.5, -1.0]]),
        ([vector([1, 2], index=0)], [[1, 2]]),
        ([vector(packed(0.5, -1.0), index=0)], [[0.5, -1.0]]),
        ([vector([1.0], index=1), vector([0.0], index=0)], [[0.0], [1.0]]),
        ([vector([0.0]), vector([1.0])], [[0.0], [1.0]]),
        ([vector([0.0], index=None), vector([1.0], index=None)], [[0.0], [1.0]]),
    ],
    ids=["floats", "whole_numbers", "base64", "shuffled", "no_index", "null_index"],
)
def test_vectors(data: list[Any], vectors: list[list[float]], read: Callable[..., dict[str, Any]]) -> None:
    value = read(build_response({"data": data}), CHAT, SETTINGS)
    embeddings = check_embeddings(value, len(data))
    assert [list(vector) for vector in embeddings] == vectors
    as_text = [isinstance(item["embedding"], str) for item in sorted(data, key=lambda item: item.get("index") or 0)]
    assert [isinstance(vector, array) for vector in embeddings] == as_text, "no list of numbers is made of base64"


@pytest.mark.parametrize("read", READ.values(), ids=READ)
@pytest.mark.parametrize(
    ("data", "says"),
    [
        ("absent", "no vectors for 2 texts."),
        (None, "no vectors for 2 texts."),
        ({}, "no vectors for 2 texts."),
        ([], "0 vectors for 2 texts."),
        ([vector([1.0])], "1 vectors for 2 texts."),
        ([vector([1.0], index=None)], "1 vectors for 2 texts."),
        ([vector([1.0], index=0)], "the vector of input[1] is missing."),
        ([vector([1.0], index=1)], "the vector of input[0] is missing."),
        ([vector([1.0], index=n) for n in range(3)], "3 vectors for 2 texts."),
        ([vector([1.0], index=0), vector([1.0], index=0)], "vector 1 has a wrong index"),
        ([vector([1.0]), vector([1.0], index=0)], "vector 1 has a wrong index"),
        ([vector([1.0], index=0), vector([1.0], index=2)], "vector 1 has a wrong index"),
        ([vector([1.0], index=-1), vector([1.0], index=0)], "vector 0 has a wrong index"),
        ([vector([1.0], index=0), vector([1.0], index="1")], "vector 1 has a wrong index"),
        *[
            ([vector([1.0], index=0), vector(wrong, index=1)], "the vector of input[1] is missing.")
            for wrong in (None, [], "")
        ],
        *[
            ([vector([1.0], index=0), vector(wrong, index=1)], "the vector of input[1] is not of finite numbers.")
            for wrong in (
                {},
                5,
                ["1.0"],
                [None],
                [True],
                [[1.0]],
                [float("nan")],
                [1.0, float("inf")],
                [10**400],
                [0.5, 10**400],
                "not base64!",
                "abc",
                packed(1.0)[:-4],
                packed(float("nan"), 1.0),
                packed(float("-inf"), float("inf")),
            )
        ],
        ([vector([1.0], index=0), "text"], "the vector of input[1] is missing."),
        ([None, vector([1.0], index=1)], "the vector of input[0] is missing."),
    ],
    ids=lambda value: repr(value)[-60:],
)
def test_vectors_that_are_none(data: Any, says: str, read: Callable[..., dict[str, Any]]) -> None:
    value = read(build_response({} if data == "absent" else {"data": data}), CHAT, SETTINGS)
    with pytest.raises(InvalidResponseError) as caught:
        check_embeddings(value, 2)
    assert says in str(caught.value)
    assert caught.value.request_id == "r-1"


@pytest.mark.parametrize("read", READ.values(), ids=READ)
@pytest.mark.parametrize("wrong", [None, [None, None], [float("nan"), 1.0], packed(float("nan"), 1.0)], ids=repr)
def test_one_wrong_vector_does_not_affect_the_others(wrong: Any, read: Callable[..., dict[str, Any]]) -> None:
    data = [vector(wrong if index == 16 else [float(index), 0.5], index=index) for index in range(60)]
    value = read(build_response({"data": data}), CHAT, SETTINGS)
    embeddings = read_vectors(value, 60, RESPONSE, CHAT, name="row {}".format)
    assert [index for index, each in enumerate(embeddings) if isinstance(each, InvalidResponseError)] == [16]
    assert [list(each) for each in embeddings if not isinstance(each, InvalidResponseError)] == [
        [index, 0.5] for index in range(60) if index != 16
    ]
    with pytest.raises(InvalidResponseError, match=r"the vector of row 16 is (missing|not of finite numbers)\."):
        raise_error(embeddings[16])


@pytest.mark.parametrize(("numbers", "fits"), [([0.5, 1.0], True), ([0.5], False), (packed(0.5, 1.0, 2.0), False)])
def test_dimensions_are_those_requested(numbers: Any, fits: bool) -> None:
    (embedding,) = read_vectors({"data": [vector(numbers)]}, 1, RESPONSE, CHAT, dimensions=2)
    assert isinstance(embedding, InvalidResponseError) is not fits
    if not fits:
        assert "numbers, not the 2 of 'dimensions'." in str(embedding)
