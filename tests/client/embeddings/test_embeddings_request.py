from __future__ import annotations

import json
import math
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai import defaults
from apache_airflow_provider_ovhcloud_ai.client.embeddings import embeddings_request
from apache_airflow_provider_ovhcloud_ai.errors import ConfigurationError


def batches(inputs: Any, **params: Any) -> list[tuple[int, dict[str, Any]]]:
    return [
        (count, json.loads(request.content or b""))
        for count, request in embeddings_request.embeddings("m", inputs, **params)
    ]


@pytest.mark.parametrize("count", [1, 24, 25, 26, 50, 1_000])
def test_texts_are_split_by_number(count: int) -> None:
    texts = [f"text {n}" for n in range(count)]
    split = batches(texts, dimensions=8)
    assert [text for _, body in split for text in body["input"]] == texts
    assert [size for size, _ in split] == [25] * (count // 25) + [count % 25] * (count % 25 > 0)
    assert {(body["model"], body["dimensions"]) for _, body in split} == {("m", 8)}


@pytest.mark.parametrize(
    "letter", ["x", "\u00e9", '"', "\U0001f40d"], ids=["ascii", "two_bytes", "escaped", "four_bytes"]
)
def test_texts_are_split_by_size(letter: str) -> None:
    texts = [letter * 300_000] * 7
    requests = list(embeddings_request.embeddings("m", texts))
    assert sum(count for count, _ in requests) == 7
    assert len(requests) > 1
    assert all(len(request.content or b"") <= defaults.MAX_REQUEST_BYTES for _, request in requests)


def test_largest_text_fits_alone() -> None:
    room = defaults.MAX_REQUEST_BYTES - len('{"model":"m","input":[]}')
    requests = list(embeddings_request.embeddings("m", ["a", "x" * (room - 3), "b"]))
    assert [count for count, _ in requests] == [1, 1, 1]
    assert max(len(request.content or b"") for _, request in requests) <= defaults.MAX_REQUEST_BYTES


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        ([], "input must hold at least one text."),
        ("", "input must not be empty."),
        ("  ", "input must not be empty."),
        (["a", ""], "input[1] must not be empty."),
        (["a", 5], "input[1] must be a text, not 5."),
        (["a", None], "input[1] must be a text, not None."),
        (5, "input must be a text or a list of texts, not 5."),
        (None, "input must be a text or a list of texts, not None."),
        ({"a": 1}, "input must be a text or a list of texts, not a value of type dict."),
        pytest.param(
            iter(["a"]), "input must be a text or a list of texts, not a value of type list_iterator.", id="iter"
        ),
        (["a", "b\ud800"], "input[1] cannot be written as JSON: 'utf-8' codec can't encode"),
        (
            ["a", "x" * 2_000_001],
            "input[1] is 2,000,004 bytes; the service accepts 2,000,000 in a request: split the text.",
        ),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_texts_that_cannot_be_sent(inputs: Any, says: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        embeddings_request.embeddings("m", inputs)
    assert str(caught.value).startswith(says)


@pytest.mark.parametrize("model", [5, "", None, ["bge-m3"]])
def test_model_to_embed_with_must_be_a_name(model: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"^model must"):
        embeddings_request.embeddings(model, "a")


def test_parameters_to_embed_with_must_be_json() -> None:
    with pytest.raises(ConfigurationError, match=r"^dimensions cannot be written as JSON: Out of range float"):
        embeddings_request.embeddings("m", "a", dimensions=math.inf)
