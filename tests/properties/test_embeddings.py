"""
Embeddings: in whatever pieces texts are sent, and in whatever order vectors come, each text has its own.
"""

from __future__ import annotations

import base64
import json
import struct
from typing import Any
from unittest.mock import patch

import pytest
from apache_airflow_provider_ovhcloud_ai import defaults
from apache_airflow_provider_ovhcloud_ai.client.embeddings import embeddings_request, vectors
from apache_airflow_provider_ovhcloud_ai.client.embeddings.embedder import Embedder
from apache_airflow_provider_ovhcloud_ai.client.http import http_response
from apache_airflow_provider_ovhcloud_ai.client.http.http_request import Request
from apache_airflow_provider_ovhcloud_ai.client.http.http_response import HTTPResponse
from apache_airflow_provider_ovhcloud_ai.client.settings import ClientSettings
from apache_airflow_provider_ovhcloud_ai.errors import InvalidResponseError
from hypothesis import given
from hypothesis import strategies as st

SETTINGS = ClientSettings(base_url="https://service.example/v1")
TEXTS = st.lists(
    st.text(st.characters(blacklist_categories=["Cs"]), min_size=1).filter(str.strip), min_size=1, max_size=40
)


def vector_for(text: str) -> list[float]:
    """
    A vector that only this text has.
    """
    size, total = len(text.encode()), sum(text.encode())
    return [float(size), float(total % 65_521), 0.5]


def service(shuffle: Any, *, numbers: bool, indexed: bool = True) -> Any:
    """
    A service that embeds each text as what only it has, and sends the vectors in an order of its own.
    """

    def send(request: Request) -> HTTPResponse:
        texts = json.loads(request.content or b"")["input"]
        assert len(texts) <= defaults.EMBEDDING_BATCH_INPUTS
        assert len(request.content or b"") <= defaults.MAX_REQUEST_BYTES
        data = []
        for index, text in enumerate(texts):
            vector = vector_for(text)
            packed = base64.b64encode(struct.pack("<3f", *vector)).decode()
            data.append({"embedding": vector if numbers else packed} | ({"index": index} if indexed else {}))
        if indexed:
            shuffle(data)
        body = {"data": data, "usage": {"prompt_tokens": len(texts), "total_tokens": len(texts)}, "model": "m"}
        return HTTPResponse(200, {}, json.dumps(body).encode())

    return send


def check_embeddings(value: Any, count: int, response: HTTPResponse, request: Request) -> list[vectors.Vector]:
    return [vectors.raise_error(each) for each in vectors.read_vectors(value, count, response, request)]


@given(TEXTS, st.integers(1, 30), st.integers(120, 2_000), st.integers(1, 4), st.booleans(), st.randoms())
def test_vectors_are_in_the_order_of_the_texts(
    texts: list[str], batch: int, room: int, concurrency: int, numbers: bool, chance: Any
) -> None:
    most = max(len(json.dumps(text, ensure_ascii=False).encode()) for text in texts)
    with (
        patch.object(defaults, "EMBEDDING_BATCH_INPUTS", batch),
        patch.object(defaults, "MAX_REQUEST_BYTES", room + most),
    ):
        embedder = Embedder(service(chance.shuffle, numbers=numbers), SETTINGS)
        response, responses = embedder.embed("m", texts, {}, concurrency)
    assert [item["embedding"] for item in response["data"]] == [vector_for(text) for text in texts]
    assert [item["index"] for item in response["data"]] == list(range(len(texts)))
    assert response["usage"] == {"prompt_tokens": len(texts), "total_tokens": len(texts)}
    assert len(responses) >= -(-len(texts) // batch)


@given(st.integers(1, 8), st.data())
def test_an_index_that_is_missing_doubled_or_none_is_refused(count: int, data: Any) -> None:
    right = list(range(count))
    strange = st.sampled_from([None, "0", 0.0, True, [], -1, count, 10**30])
    indexes = data.draw(st.permutations(right) | st.lists(st.integers(0, count) | strange, max_size=count + 1))
    items = [{"index": index, "embedding": [1.0, 2.0]} for index in indexes]
    response, request = HTTPResponse(200, {}, b""), Request("POST", "/embeddings", "embedding")
    # Without an index, the place counts.
    places = [place if index is None else index for place, index in enumerate(indexes)]
    fine = all(type(place) is int for place in places) and sorted(places) == right
    if fine:
        assert len(check_embeddings({"data": items}, count, response, request)) == count
    else:
        with pytest.raises(InvalidResponseError):
            check_embeddings({"data": items}, count, response, request)


@pytest.mark.parametrize("index", [True, 1.0, "1"])
def test_an_index_is_a_number_as_it_is_written(index: Any) -> None:
    items = [{"index": 0, "embedding": [1.0]}, {"index": index, "embedding": [2.0]}]
    with pytest.raises(InvalidResponseError, match="has a wrong index"):
        check_embeddings({"data": items}, 2, HTTPResponse(200, {}, b""), Request("POST", "/embeddings", "embedding"))


@given(TEXTS)
def test_without_indexes_the_order_counts(texts: list[str]) -> None:
    embedder = Embedder(service(None, numbers=True, indexed=False), SETTINGS)
    response, _ = embedder.embed("m", texts, {})
    assert [item["embedding"] for item in response["data"]] == [vector_for(text) for text in texts]


@given(TEXTS, st.integers(1, 30), st.integers(120, 2_000))
def test_every_text_is_sent_once_and_in_order(texts: list[str], batch: int, room: int) -> None:
    most = max(len(json.dumps(text, ensure_ascii=False).encode()) for text in texts)
    with (
        patch.object(defaults, "EMBEDDING_BATCH_INPUTS", batch),
        patch.object(defaults, "MAX_REQUEST_BYTES", room + most),
    ):
        built = list(embeddings_request.embeddings("m", texts))
    assert [text for _, request in built for text in json.loads(request.content or b"")["input"]] == texts
    assert all(count == len(json.loads(request.content or b"")["input"]) for count, request in built)


NUMBERS = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(st.lists(NUMBERS, min_size=1).filter(lambda numbers: sum(map(abs, numbers)) < 1e38), st.booleans())
def test_both_readers_read_the_same_vector_in_both_spellings(numbers: list[float], spaced: bool) -> None:
    packed = base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()
    for value in (numbers, packed):
        body = json.dumps({"data": [{"index": 0, "embedding": value}]}, indent=2 if spaced else None).encode()
        response, request = HTTPResponse(200, {}, body), Request("POST", "/embeddings", "embedding")
        for parse in (http_response.parse, vectors.parse_embeddings):
            (vector,) = check_embeddings(parse(response, request, SETTINGS), 1, response, request)
            assert list(vector) == numbers
