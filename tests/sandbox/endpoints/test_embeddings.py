from __future__ import annotations

import base64
import struct
from collections.abc import Callable
from typing import Any

import pytest
from support.sandbox import vectors

Ask = Callable[..., Any]


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
