"""
Vectors read by msgspec are those that json and base64 would have read, and what is not as usual is left to these.
"""

from __future__ import annotations

import base64
import json
import math
import struct
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.client.embeddings import vectors
from apache_airflow_provider_ovhcloud_ai.client.embeddings.vectors import decode_vector, read_response

LARGEST = struct.unpack("<f", b"\xff\xff\x7f\x7f")[0]


@pytest.fixture
def _without_msgspec(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(sys.modules, "msgspec", None)
    vectors._readers.cache_clear()
    yield
    vectors._readers.cache_clear()


def written(*numbers: float) -> bytes:
    return struct.pack(f"<{len(numbers)}f", *numbers)


def response(*embeddings: Any, **fields: Any) -> bytes:
    data = [{"object": "embedding", "index": i, "embedding": vector} for i, vector in enumerate(embeddings)]
    return json.dumps({"object": "list", "data": data, **fields}).encode()


def test_base64_comes_as_bytes_and_all_else_as_it_is() -> None:
    text = base64.b64encode(written(0.5, -1.0)).decode()
    fields = {"model": "m", "usage": {"total_tokens": 2}, "id": None, "x": [1, {"y": "\u00e9"}]}
    found = read_response(response(text, [1, 0.25], **fields))
    items = [{"index": 0, "embedding": written(0.5, -1.0)}, {"index": 1, "embedding": [1.0, 0.25]}]
    assert found == {"object": "list", "data": items, **fields}


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
def test_what_is_not_finite_is_found_wherever_it_stands(place: int, number: float) -> None:
    numbers = [0.5, LARGEST, -0.0]
    numbers[place] = number
    assert decode_vector(written(*numbers)) is None


def test_large_numbers_are_finite() -> None:
    found = decode_vector(written(LARGEST, LARGEST, -LARGEST, -0.0, 2.0**127))
    assert found is not None
    assert list(found) == [LARGEST, LARGEST, -LARGEST, 0.0, 2.0**127]


@pytest.mark.parametrize("length", [1, 2, 3, 5])
def test_pieces_of_numbers_are_no_vector(length: int) -> None:
    assert decode_vector(b"\0" * length) is None
