from __future__ import annotations

import base64
import json
import struct
from array import array
from collections.abc import Callable
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.client.chat import chat_request
from apache_airflow_provider_ovhcloud_ai.client.chat.chat_response import check_chat
from apache_airflow_provider_ovhcloud_ai.client.embeddings.vectors import check_embeddings, parse_embeddings
from apache_airflow_provider_ovhcloud_ai.client.http.http_response import Reply, describe_page, parse
from apache_airflow_provider_ovhcloud_ai.client.models import model_list
from apache_airflow_provider_ovhcloud_ai.client.models.model_list import check_models
from apache_airflow_provider_ovhcloud_ai.client.settings import ClientSettings
from apache_airflow_provider_ovhcloud_ai.errors import InvalidResponseError, OutputTruncatedError

CHAT = chat_request.chat("some-model", [{"role": "user", "content": "Hi"}])
MODELS = model_list.models()
SETTINGS = ClientSettings(base_url="https://service.example/v1", token="secret")
REPLY = Reply(200, {"x-request-id": "r-1"}, b"")


def sent(body: Any, content_type: str = "application/json", status: int = 200, **headers: str) -> Reply:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {"content-type": content_type, "x-request-id": "r-1", **headers}
    return Reply(status, named, content)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_parse(encoding: str) -> None:
    assert parse(sent('{"a": "\u00e9"}'.encode(encoding)), CHAT, SETTINGS) == {"a": "\u00e9"}


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (sent(b""), "came back as an empty body instead of JSON from service.example (status 200)"),
        (sent(b" \n"), "came back as an empty body instead"),
        (sent(b"", status=204), "came back as an empty body instead of JSON from service.example (status 204)"),
        (sent(b'{"a": '), "came back as broken JSON instead"),
        (sent(b'{"a": "\xff"}'), "came back as broken JSON instead"),
        (sent(b"[" * 200_000), "came back as broken JSON instead"),
        (sent(b'{"a": ' + b"9" * 5_000 + b"}"), "came back as broken JSON instead"),
        (sent(b"Hello", "text/plain; charset=utf-8"), "came back as text/plain instead"),
        (sent(b"Hello", ""), "came back as text of no declared type instead"),
        (sent(b"<title>Sign in</title>", "text/html"), "came back as an HTML page titled 'Sign in' instead"),
        (sent(b" <html>", ""), "came back as an HTML page instead"),
        (sent([1]), "is not what an OpenAI-compatible service returns: a list where an object belongs."),
        (sent(None), "a NoneType where an object belongs."),
        (sent("text"), "a str where an object belongs."),
        (sent(5), "a int where an object belongs."),
        (sent(b"", status=302, location="https://login.example/?next=secret"), "to https://login.example, and the"),
        (sent(b"", status=307, location="/elsewhere"), "(status 307) to https://service.example, and the token"),
        (sent(b"", status=301), "(status 301) to https://service.example"),
        (sent(b"", status=302, location="http://[broken"), "(status 302) to another address"),
        (sent(b"", status=304), "(status 304)"),
    ],
)
def test_parse_refuses(reply: Reply, says: str) -> None:
    with pytest.raises(InvalidResponseError) as caught:
        parse(reply, CHAT, SETTINGS)
    assert says in str(caught.value)
    assert str(caught.value).startswith("The chat completion ")
    assert (caught.value.status, caught.value.request_id, caught.value.retryable) == (reply.status, "r-1", True)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[1]", b"{", b'{"data": ["', b"[" * 100_000], ids=lambda body: repr(body[:20])
)
def test_embeddings_that_are_no_object_are_refused_as_any_reply_is(body: bytes) -> None:
    said = []
    for read in READ.values():
        with pytest.raises(InvalidResponseError) as caught:
            read(sent(body), CHAT, SETTINGS)
        said.append(str(caught.value))
    assert said[0] == said[1]


def test_redirect_is_no_embedding_whatever_it_holds() -> None:
    with pytest.raises(InvalidResponseError, match="was redirected"):
        parse_embeddings(sent({"data": []}, status=307, location="https://other.example"), CHAT, SETTINGS)


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ({"x-request-id": "a", "x-kong-request-id": "b"}, "a"),
        ({"x-request-id": "", "x-kong-request-id": "b"}, "b"),
        ({"request-id": "c\x1b[31m"}, "c [31m"),
        ({"x-correlation-id": "d" * 200}, "d" * 77 + "..."),
        ({}, None),
    ],
)
def test_request_id(headers: dict[str, str], found: str | None) -> None:
    assert Reply(200, headers, b"").request_id == found


def test_page_of_a_declared_type_is_named_by_it() -> None:
    assert describe_page(sent(b"\x89PNG", "image/png")) == "image/png"


def choice(message: Any = None, finish: str = "stop") -> dict[str, Any]:
    return {"index": 0, "message": message or {"role": "assistant", "content": "Hi"}, "finish_reason": finish}


@pytest.mark.parametrize(
    "choices",
    [
        [choice()],
        [choice({"role": "assistant", "content": None, "tool_calls": [{}]}, "tool_calls")],
        [choice({"role": "assistant", "content": None, "tool_calls": [{}]}, "length")],
        [choice({"role": "assistant", "content": "Hi"}, "length")],
        [choice({"role": "assistant", "content": ""}, "length"), choice()],
        [choice({"role": "assistant", "content": None, "reasoning": "..."}, "stop")],
    ],
)
def test_chat_that_is_one(choices: list[Any]) -> None:
    value = {"choices": choices}
    assert check_chat(value, REPLY, CHAT) is value


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({}, "it has no choices."),
        ({"choices": None}, "it has no choices."),
        ({"choices": []}, "it has no choices."),
        ({"choices": {"0": 1}}, "it has no choices."),
        ({"choices": [None]}, "a choice has no message."),
        ({"choices": ["text"]}, "a choice has no message."),
        ({"choices": [{}]}, "a choice has no message."),
        ({"choices": [{"message": None}]}, "a choice has no message."),
        ({"choices": [choice(), {"message": "text"}]}, "a choice has no message."),
    ],
)
def test_chat_that_is_none(value: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidResponseError) as caught:
        check_chat(value, REPLY, CHAT)
    said = "The chat completion is not what an OpenAI-compatible service returns: "
    assert str(caught.value) == f"{said}{says} (request id r-1)"


@pytest.mark.parametrize("content", [None, "", "absent"])
def test_chat_cut_before_its_first_word(content: str | None) -> None:
    message = {"role": "assistant", "reasoning": "Let me think"} | ({} if content == "absent" else {"content": content})
    value = {"choices": [choice(message, "length")], "usage": {"completion_tokens": 9}}
    with pytest.raises(
        OutputTruncatedError, match=r"some-model reached its token limit.*was billed.*max_tokens"
    ) as caught:
        check_chat(value, REPLY, CHAT)
    assert (caught.value.response, caught.value.status, caught.value.retryable) == (value, 200, False)


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"data": None},
        {"data": {}},
        {"data": "m"},
        {"data": ["m"]},
        {"data": [{"id": 5}]},
        {"data": [{"id": "a"}, {}]},
    ],
)
def test_models_that_are_none(value: dict[str, Any]) -> None:
    with pytest.raises(InvalidResponseError, match="it has no list 'data' of models with an id"):
        check_models(value, REPLY, MODELS)


def test_models_that_are() -> None:
    assert check_models({"data": []}, REPLY, MODELS) == []
    assert check_models({"data": [{"id": "a", "x": 1}]}, REPLY, MODELS) == [{"id": "a", "x": 1}]


def packed(*numbers: float) -> str:
    return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()


def vector(embedding: Any, **fields: Any) -> dict[str, Any]:
    return {"object": "embedding", "embedding": embedding, **fields}


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
    ],
    ids=["floats", "whole_numbers", "base64", "shuffled", "no_index"],
)
def test_vectors(data: list[Any], vectors: list[list[float]], read: Callable[..., dict[str, Any]]) -> None:
    value = read(sent({"data": data}), CHAT, SETTINGS)
    found = check_embeddings(value, len(data), REPLY, CHAT)
    assert [list(vector) for vector in found] == vectors
    as_text = [isinstance(item["embedding"], str) for item in sorted(data, key=lambda item: item.get("index", 0))]
    assert [isinstance(vector, array) for vector in found] == as_text, "no list of numbers is made of base64"


@pytest.mark.parametrize("read", READ.values(), ids=READ)
@pytest.mark.parametrize(
    ("data", "says"),
    [
        ("absent", "no vectors for 2 texts."),
        (None, "no vectors for 2 texts."),
        ({}, "no vectors for 2 texts."),
        ([], "0 vectors for 2 texts."),
        ([vector([1.0], index=0)], "1 vectors for 2 texts."),
        ([vector([1.0], index=n) for n in range(3)], "3 vectors for 2 texts."),
        ([vector([1.0], index=0), vector([1.0], index=0)], "vector 1 is missing"),
        ([vector([1.0], index=0), vector([1.0], index=2)], "vector 1 is missing"),
        ([vector([1.0], index=-1), vector([1.0], index=0)], "vector 0 is missing"),
        ([vector([1.0], index=0), vector([1.0], index="1")], "vector 1 is missing"),
        ([vector([1.0], index=0), vector([1.0], index=None)], "vector 1 is missing"),
        *[
            ([vector([1.0], index=0), vector(wrong, index=1)], "vector 1 is missing, not of finite numbers")
            for wrong in (
                None,
                [],
                "",
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
        ([vector([1.0], index=0), "text"], "vector 1 is missing"),
        ([None, vector([1.0], index=1)], "vector 0 is missing"),
    ],
    ids=lambda value: repr(value)[-60:],
)
def test_vectors_that_are_none(data: Any, says: str, read: Callable[..., dict[str, Any]]) -> None:
    value = read(sent({} if data == "absent" else {"data": data}), CHAT, SETTINGS)
    with pytest.raises(InvalidResponseError) as caught:
        check_embeddings(value, 2, REPLY, CHAT)
    assert says in str(caught.value)
    assert caught.value.request_id == "r-1"
