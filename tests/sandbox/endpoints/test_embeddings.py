from __future__ import annotations

import base64
import math
import struct
from collections.abc import Callable
from typing import Any

import pytest

Ask = Callable[..., Any]


def vectors(answer: Any) -> list[list[float]]:
    assert answer.status == 200, answer.body
    assert [item["index"] for item in answer.body["data"]] == list(range(len(answer.body["data"])))
    return [item["embedding"] for item in answer.body["data"]]


def cosine(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize(
    ("model", "length"), [("bge-m3", 1024), ("bge-multilingual-gemma2", 3584), ("Qwen3-Embedding-8B", 4096)]
)
def test_vectors_have_the_length_of_the_model_and_norm_one(embed: Ask, model: str, length: int) -> None:
    (vector,) = vectors(embed("hello", model))
    assert len(vector) == length
    assert math.isclose(math.hypot(*vector), 1, rel_tol=1e-6)
    assert 0.0 not in vector


@pytest.mark.parametrize("model", ["bge-m3", "bge-multilingual-gemma2", "Qwen3-Embedding-8B"])
@pytest.mark.parametrize("dimensions", [None, 32])
def test_texts_that_share_words_are_closer(embed: Ask, model: str, dimensions: int | None) -> None:
    if dimensions and model != "Qwen3-Embedding-8B":
        dimensions = None
    texts = [
        "The dog chased the cat through the garden",
        "A cat ran from the dog in the garden",
        "Interest rates of banks rose again today",
        "the DOG chased the garden through the cat",
    ]
    given, near, far, same = vectors(embed(texts, model, dimensions=dimensions))
    assert cosine(given, near) > cosine(given, far) + 0.2
    assert cosine(given, same) > 0.999


def test_short_vectors_are_the_beginning_of_long_ones(embed: Ask) -> None:
    (whole,) = vectors(embed("one text", "Qwen3-Embedding-8B"))
    (short,) = vectors(embed("one text", "Qwen3-Embedding-8B", dimensions=32))
    norm = math.hypot(*whole[:32])
    assert short == pytest.approx([value / norm for value in whole[:32]], rel=1e-5)


def test_same_text_gets_the_same_vector(embed: Ask) -> None:
    once, twice = vectors(embed(["again", "again"]))
    assert once == twice == vectors(embed("again"))[0]


def test_base64_holds_little_endian_32_bit_floats(embed: Ask) -> None:
    (packed,) = vectors(embed("hello", encoding_format="base64"))
    assert list(struct.unpack("<1024f", base64.b64decode(packed))) == vectors(embed("hello"))[0]


def test_alias_is_accepted_and_named_as_asked(embed: Ask) -> None:
    answer = embed("hello", "BGE-M3")
    assert answer.body["model"] == "BGE-M3"
    assert vectors(answer) == vectors(embed("hello", "bge-m3"))


def test_usage_is_the_sum_over_the_texts(embed: Ask) -> None:
    one, two = embed("first words").body["usage"], embed("and second").body["usage"]
    both = embed(["first words", "and second"]).body["usage"]
    assert both["prompt_tokens"] == both["total_tokens"] == one["total_tokens"] + two["total_tokens"] > 3


def test_25_texts_pass_and_26_do_not(embed: Ask) -> None:
    assert len(vectors(embed(["x"] * 25))) == 25
    refused = embed(["x"] * 26)
    assert refused.status == 400
    assert "26 texts, more than the 25" in refused.body["error"]["message"]


@pytest.mark.parametrize(
    ("texts", "params", "words"),
    [
        ("", {}, "not empty; see position 0"),
        (["a", ""], {}, "position 1"),
        ([], {}, "at least one text"),
        (None, {}, "'input' is required"),
        ([1, 2], {}, "position 0"),
        ({"a": 1}, {}, "'input'"),
        ("x " * 9000, {}, "more than the context of 8192"),
        ("x", {"dimensions": 512}, "not supported by bge-m3: its vectors have 1024"),
        ("x", {"dimensions": 31, "model": "Qwen3-Embedding-8B"}, "from 32 to 4096"),
        ("x", {"dimensions": 4097, "model": "Qwen3-Embedding-8B"}, "from 32 to 4096"),
        ("x", {"encoding_format": "hex"}, "one of float, base64"),
        ("x", {"truncate": True}, "extra arguments"),
        ("x", {"model": "gpt-oss-20b"}, "'gpt-oss-20b' is a model for chat, not for embedding"),
    ],
)
def test_what_is_refused(embed: Ask, texts: Any, params: dict[str, Any], words: str) -> None:
    answer = embed(texts, **params)
    assert answer.status == 400
    assert words in answer.body["error"]["message"]
