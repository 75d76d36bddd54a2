# ruff: noqa: E501, RUF001  (other alphabets)
"""
An estimate that is checked against what real tokenizers count.
"""

from __future__ import annotations

import unicodedata
from itertools import pairwise

import pytest
from apache_airflow_provider_ovhcloud_ai.client.embeddings.token_estimate import (
    SPECIAL_TOKENS,
    estimate_tokens,
    fits,
    split_text,
)
from hypothesis import given, settings
from hypothesis import strategies as st

#: Article 1 of the Universal Declaration of Human Rights, and the most tokens that one of the tokenizers of Qwen3, Gemma
#: and XLM-R makes of it.
COUNTED = {
    "English": (
        "All human beings are born free and equal in dignity and rights. They are endowed with reason and conscience and "
        "should act towards one another in a spirit of brotherhood.",
        37,
    ),
    "French": (
        "Tous les êtres humains naissent libres et égaux en dignité et en droits. Ils sont doués de raison et de conscience "
        "et doivent agir les uns envers les autres dans un esprit de fraternité.",
        50,
    ),
    "Polish": (
        "Wszyscy ludzie rodzą się wolni i równi pod względem swej godności i swych praw. Są oni obdarzeni rozumem i "
        "sumieniem i powinni postępować wobec innych w duchu braterstwa.",
        62,
    ),
    "Vietnamese": ("Tất cả mọi người sinh ra đều được tự do và bình đẳng về nhân phẩm và quyền", 19),
    "Russian": (
        "Все люди рождаются свободными и равными в своем достоинстве и правах. Они наделены разумом и совестью и должны "
        "поступать в отношении друг друга в духе братства.",
        49,
    ),
    "Greek": ("Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα δικαιώματα.", 71),
    "Arabic": ("يولد جميع الناس أحرارًا متساوين في الكرامة والحقوق.", 19),
    "Hindi": ("सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है ।", 79),
    "Telugu": ("ప్రతిపత్తిస్వత్వముల విషయమున మానవులెల్లరును జన్మతః స్వతంత్రులును సమానులును నగుదురు.", 121),
    "Chinese": ("人人生而自由,在尊严和权利上一律平等。他们赋有理性和良心,并应以兄弟关系的精神相对待。", 30),
    "Japanese": ("すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。", 24),
    "Korean": ("모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다.", 27),
    "Thai": ("มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักด", 33),
    "Swahili": ("Watu wote wamezaliwa huru, hadhi na haki zao ni sawa. Wote wamejaliwa akili na dhamiri.", 37),
    "code": (
        "def area(width: float, height: float) -> float:\n    return width * height  # square metres",
        27,
    ),
    "numbers": ("3.14159 2.71828 1.41421 0.57721 1.61803", 39),
    "table": ("7,Lyon,2026-11-26,18.25,true\n8,Lille,2026-11-26,14.5,false", 44),
    "address": ("https://example.com/articles/2026/11/26?id=7f3a9c&page=2", 31),
}


@pytest.mark.parametrize("name", COUNTED)
def test_estimate_is_at_least_what_tokenizers_count_and_not_four_times_as_much(name: str) -> None:
    text, counted = COUNTED[name]
    assert counted <= estimate_tokens(text) <= 4 * counted + SPECIAL_TOKENS


def test_characters_that_no_tokenizer_knows_count_their_bytes() -> None:
    assert estimate_tokens("\U0001e922") - SPECIAL_TOKENS == 4
    assert estimate_tokens("") == SPECIAL_TOKENS


def test_short_texts_fit_without_being_looked_at() -> None:
    assert fits("\U0001f600" * 10, 42)
    assert not fits("\U0001f600" * 11, 42)
    assert fits("word " * 10, 25)


TEXTS = st.text(max_size=400) | st.lists(st.sampled_from(["word", " ", "\n", "7", "漢", "e\u0301", "👩\u200d🚀"])).map(
    "".join
)


@settings(max_examples=300)
@given(TEXTS, st.integers(16, 200))
def test_pieces_fit_and_are_the_text(text: str, limit: int) -> None:
    chunks = list(split_text(text, limit))
    assert all(fits(piece, limit) and not piece.isspace() for piece in chunks)
    assert "".join("".join(chunks).split()) == "".join(text.split())
    assert fits(text, limit) is False or len(chunks) <= 1


@given(st.lists(st.sampled_from(["word", "longer", "a"]), min_size=40, max_size=200), st.integers(20, 60))
def test_words_stay_whole(words: list[str], limit: int) -> None:
    text = " ".join(words)
    chunks = list(split_text(text, limit))
    assert "".join(chunks) == text
    assert [word for piece in chunks for word in piece.split()] == words


def test_marks_stay_with_their_letter() -> None:
    chunks = list(split_text("e\u0301" * 500, 17))
    assert all(unicodedata.combining(second[0]) == 0 for _, second in pairwise(chunks))
    assert all("\u200d" not in piece[:1] for piece in split_text("👩\u200d🚀" * 100, 30))


def test_text_without_a_blank_is_cut_between_characters() -> None:
    assert "".join(split_text("漢" * 1_000, 100)) == "漢" * 1_000
    assert [len(piece) for piece in split_text("漢" * 130, 100)] == [65, 65]
