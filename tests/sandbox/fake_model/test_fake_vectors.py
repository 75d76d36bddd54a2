from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from support.sandbox import vectors

Ask = Callable[..., Any]


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
    first, near, far, same = vectors(embed(texts, model, dimensions=dimensions))
    assert cosine(first, near) > cosine(first, far) + 0.2
    assert cosine(first, same) > 0.999


def test_short_vectors_are_the_beginning_of_long_ones(embed: Ask) -> None:
    (whole,) = vectors(embed("one text", "Qwen3-Embedding-8B"))
    (short,) = vectors(embed("one text", "Qwen3-Embedding-8B", dimensions=32))
    norm = math.hypot(*whole[:32])
    assert short == pytest.approx([value / norm for value in whole[:32]], rel=1e-5)


def test_same_text_gets_the_same_vector(embed: Ask) -> None:
    once, twice = vectors(embed(["again", "again"]))
    assert once == twice == vectors(embed("again"))[0]
