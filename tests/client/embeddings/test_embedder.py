"""
Embedding any number of texts, against the sandbox and against services that behave otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.client.embeddings.embedder import Embedder
from apache_airflow_provider_ovhcloud_ai.client.http.sync_client import Client
from apache_airflow_provider_ovhcloud_ai.client.settings import ClientSettings
from apache_airflow_provider_ovhcloud_ai.errors import BadRequestError, ConfigurationError, InvalidResponseError
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from support.scripted_server import Manner, Received, Server, Wire, message


@pytest.fixture
def embedder() -> Iterator[Callable[[str], Embedder]]:
    clients: list[Client] = []

    def make(base_url: str) -> Embedder:
        settings = ClientSettings(base_url=base_url, token="sandbox-token", max_retries=0)
        clients.append(Client(settings))
        return Embedder(clients[-1].send, settings)

    yield make
    for client in clients:
        client.close()


def serving(change: Callable[[dict[str, Any], int], Any]) -> Manner:
    """
    Embed each text as its length, and let the test change the n-th response.
    """
    served = 0

    def manner(wire: Wire, request: Received) -> bool:
        nonlocal served
        served += 1
        data = [
            {"object": "embedding", "index": i, "embedding": [float(len(t)), 0.5]}
            for i, t in enumerate(request.json["input"])
        ]
        size = sum(len(text) for text in request.json["input"])
        value = {
            "object": "list",
            "data": data,
            "model": "served",
            "usage": {"prompt_tokens": size, "total_tokens": size},
        }
        wire.send(message(200, change(value, served)))
        return True

    return manner


def as_it_is(value: dict[str, Any], _: int) -> Any:
    return value


@pytest.mark.parametrize("count", [1, 25, 26, 1_000])
def test_any_number_of_texts(embedder: Callable[[str], Embedder], count: int) -> None:
    texts = [f"text number {n}" for n in range(count)]
    with Sandbox() as sandbox:
        value, responses = embedder(sandbox.base_url).embed("bge-m3", texts, {})
        assert len(sandbox.requests) == len(responses) == -(-count // 25)
        assert sandbox.connections == 1
        alone, _ = embedder(sandbox.base_url).embed("bge-m3", texts[-1], {})
    assert [item["index"] for item in value["data"]] == list(range(count))
    assert {len(item["embedding"]) for item in value["data"]} == {1_024}
    assert {type(number) for number in value["data"][0]["embedding"]} == {float}
    assert value["data"][-1]["embedding"] == alone["data"][0]["embedding"]
    assert value["usage"]["total_tokens"] >= count
    assert not any(response.body for response in responses), (
        "responses are many, and would be kept until the last has come"
    )
    assert (value["object"], value["model"]) == ("list", "bge-m3")


def test_one_text_gives_the_same_as_a_list_of_one(embedder: Callable[[str], Embedder]) -> None:
    with Sandbox() as sandbox:
        single, _ = embedder(sandbox.base_url).embed("bge-m3", "a text", {})
        vectors, _ = embedder(sandbox.base_url).embed("bge-m3", ["a text"], {})
    assert single == vectors


def test_order_is_that_of_the_texts(embedder: Callable[[str], Embedder]) -> None:
    def shuffled(value: dict[str, Any], _: int) -> Any:
        return {**value, "data": value["data"][::-1]}

    with Server(serving(shuffled)) as server:
        value, _ = embedder(server.base_url).embed("m", ["x" * n for n in range(1, 61)], {})
    assert [(item["index"], item["embedding"][0]) for item in value["data"]] == [(n, n + 1.0) for n in range(60)]


def test_large_texts_are_sent_in_several_requests(embedder: Callable[[str], Embedder]) -> None:
    with Server(serving(as_it_is)) as server:
        value, responses = embedder(server.base_url).embed("m", ["x" * 900_000] * 5, {})
        assert [len(request.json["input"]) for request in server.requests] == [2, 2, 1]
    assert (len(responses), len(value["data"]), value["usage"]) == (
        3,
        5,
        {"prompt_tokens": 4_500_000, "total_tokens": 4_500_000},
    )


@pytest.mark.parametrize(
    ("usages", "summed"),
    [
        ([{"total_tokens": 3}, {"total_tokens": 4, "prompt_tokens": 4}], {"total_tokens": 7, "prompt_tokens": 4}),
        ([None, {"total_tokens": 4}], {"total_tokens": 4}),
        (["text", []], {}),
        ([{"total_tokens": "3", "details": {"a": 1}, "cached": True}, {"total_tokens": 4}], {"total_tokens": 4}),
    ],
)
def test_usage_is_summed(embedder: Callable[[str], Embedder], usages: list[Any], summed: dict[str, int]) -> None:
    with Server(serving(lambda value, n: {**value, "usage": usages[n - 1]})) as server:
        value, _ = embedder(server.base_url).embed("m", ["x"] * 26, {})
    assert value["usage"] == summed


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda value, n: value if n == 1 else {**value, "data": value["data"][:1]}, "vector of input[26] is missing."),
        (lambda value, n: {**value, "data": value["data"] * n}, "4 vectors for 2 texts"),
        (
            lambda value, n: {**value, "data": [{**item, "embedding": [0.5] * n} for item in value["data"]]},
            "different dimensions: 1, 2.",
        ),
        (lambda value, n: value if n == 1 else {"object": "list"}, "no vectors for 2 texts"),
        (lambda value, n: value if n == 1 else [value], "a list where an object belongs"),
        (lambda value, n: value if n == 1 else "none", "came back as text/plain instead of JSON"),
    ],
    ids=["too_few", "too_many", "dimensions", "no_data", "list", "text"],
)
def test_wrong_second_response(
    embedder: Callable[[str], Embedder], change: Callable[[dict[str, Any], int], Any], says: str
) -> None:
    with Server(serving(change)) as server, pytest.raises(InvalidResponseError) as caught:
        embedder(server.base_url).embed("m", ["x"] * 27, {})
    assert says in str(caught.value)


def refusing_base64(status: int, words: str) -> Manner:
    serve = serving(as_it_is)

    def manner(wire: Wire, request: Received) -> bool:
        if request.json.get("encoding_format") == "base64":
            wire.send(message(status, {"error": {"message": words}}))
            return True
        return serve(wire, request)

    return manner


def test_refused_base64_is_not_asked_for_again(embedder: Callable[[str], Embedder]) -> None:
    with Server(refusing_base64(400, "encoding_format must be float")) as server:
        embed = embedder(server.base_url).embed
        value, responses = embed("m", ["abc"] * 26, {"user": "u"})
        assert ([len(item["embedding"]) for item in value["data"]], len(responses)) == ([2] * 26, 2)
        embed("m", "abc", {})
        encodings = [request.json.get("encoding_format") for request in server.requests]
        assert encodings == ["base64", None, None, None]
        assert [request.json.get("user") for request in server.requests] == ["u", "u", "u", None]


@pytest.mark.parametrize("chosen", ["float", "base64"])
def test_authors_may_choose_the_format_and_see_floats(embedder: Callable[[str], Embedder], chosen: str) -> None:
    with Sandbox() as sandbox:
        value, _ = embedder(sandbox.base_url).embed("bge-m3", "a", {"encoding_format": chosen})
        assert sandbox.requests[0].json["encoding_format"] == chosen
    assert {type(number) for number in value["data"][0]["embedding"]} == {float}
    with Server(refusing_base64(400, "encoding_format")) as server:
        if chosen == "base64":
            with pytest.raises(BadRequestError, match="encoding_format"):
                embedder(server.base_url).embed("m", "a", {"encoding_format": chosen})
        else:
            embedder(server.base_url).embed("m", "a", {"encoding_format": chosen})


@pytest.mark.parametrize(
    ("params", "is_base64"),
    [
        ({}, True),
        ({"dimensions": 2, "user": "u", "input_type": "query"}, True),
        ({"encoding_format": None}, False),
        ({"encoding_format": "float"}, False),
        ({"embed_dtype": "float16"}, False),
        ({"output_dtype": "int8", "dimensions": 1_024}, False),
        ({"unknown": 1}, False),
    ],
    ids=str,
)
@pytest.mark.parametrize("numbers", [[0.5, 1.0], [1, -128]], ids=["floats", "integers"])
def test_base64_is_requested_only_if_nothing_else_decides_about_numbers(
    embedder: Callable[[str], Embedder], params: dict[str, Any], is_base64: bool, numbers: list[Any]
) -> None:
    def serve(value: dict[str, Any], _: int) -> Any:
        return {**value, "data": [{**item, "embedding": numbers} for item in value["data"]]}

    with Server(serving(serve)) as server:
        value, _ = embedder(server.base_url).embed("m", ["a", "b"], params)
    assert [item["embedding"] for item in value["data"]] == [numbers, numbers]
    assert (server.requests[0].json.get("encoding_format") == "base64") is is_base64


@pytest.mark.parametrize("name", ["embed_dtype", "output_dtype"])
def test_base64_of_other_numbers_is_refused(embedder: Callable[[str], Embedder], name: str) -> None:
    with Server(serving(as_it_is)) as server:
        with pytest.raises(ConfigurationError, match=f"can't be read with {name}='float16'"):
            embedder(server.base_url).embed("m", "a", {"encoding_format": "base64", name: "float16"})
        assert server.requests == []
        embedder(server.base_url).embed("m", "a", {"encoding_format": "base64", name: "float32"})


@pytest.mark.parametrize("dimensions", [2, 3])
def test_another_number_of_dimensions_is_an_error(embedder: Callable[[str], Embedder], dimensions: int) -> None:
    with Server(serving(as_it_is)) as server:
        embed = embedder(server.base_url).embed
        if dimensions == 2:
            embed("m", ["a"] * 26, {"dimensions": dimensions})
        else:
            with pytest.raises(InvalidResponseError, match=r"input\[0\] has 2 numbers, not the 3 of 'dimensions'"):
                embed("m", ["a"] * 26, {"dimensions": dimensions})


def test_dimensions_reach_the_service(embedder: Callable[[str], Embedder]) -> None:
    with Sandbox() as sandbox:
        value, _ = embedder(sandbox.base_url).embed("Qwen3-Embedding-8B", "a", {"dimensions": 64})
    assert len(value["data"][0]["embedding"]) == 64


def test_bad_text_stops_all_before_the_first_is_sent(embedder: Callable[[str], Embedder]) -> None:
    with Sandbox() as sandbox:
        with pytest.raises(ConfigurationError, match=r"input\[999\] must not be empty"):
            embedder(sandbox.base_url).embed("bge-m3", ["a"] * 999 + [""], {})
        assert sandbox.requests == []
