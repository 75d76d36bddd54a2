"""
Reasoning in the text of a model: separated at once, and from chunks of any size.
"""

from __future__ import annotations

import pytest
from apache_airflow_provider_ovhcloud_ai.client.chat.reasoning import TAGS, ReasoningFilter, split_reasoning
from hypothesis import given
from hypothesis import strategies as st

CASES = {
    "no reasoning": ("Yes.", "", "Yes."),
    "blank at the beginning": ("  Yes.", "", "  Yes."),
    "one block": ("<think>\nHm.\n</think>\n\nYes.", "Hm.", "Yes."),
    "empty block": ("<think></think>Yes.", "", "Yes."),
    "two blocks": ("<think>a</think> <think>b</think> Yes.", "a\nb", "Yes."),
    "cut": ("<think>Hm.", "Hm.", ""),
    "tags in the answer": ("Write <think> and </think>.", "", "Write <think> and </think>."),
    "half a tag": ("<thin", "", "<thin"),
    "like a tag": ("<thinker> Yes.", "", "<thinker> Yes."),
    "Magistral": ("[THINK]Hm.[/THINK]Yes.", "Hm.", "Yes."),
    "Gemma": ("<thought>Hm.</thought>Yes.", "Hm.", "Yes."),
    "another tag within": ("<think>a </thought> b</think>Yes.", "a </thought> b", "Yes."),
}


@pytest.mark.parametrize("name", CASES)
def test_reasoning_is_separated(name: str) -> None:
    text, reasoning, answer = CASES[name]
    assert split_reasoning(text) == (reasoning, answer)
    for size in (1, 2, 5, 100):
        parts = ReasoningFilter()
        assert "".join(parts.feed(text[at : at + size]) for at in range(0, len(text), size)) + parts.finish() == answer


@pytest.mark.parametrize("end", ["</think>", "[/THINK]"])
def test_template_may_hold_the_opening_tag(end: str) -> None:
    assert split_reasoning(f"Hm.\n{end}\n\nYes.") == ("Hm.", "Yes.")
    # Its beginning was already returned.
    parts = ReasoningFilter()
    assert parts.feed("Hm. ") == "Hm. "


SAMPLES = [*TAGS, *TAGS.values(), "a", " ", "\n", "<", "</th"]
PIECES = st.lists(st.sampled_from(SAMPLES) | st.text(max_size=3), max_size=8)


@given(PIECES, st.integers(1, 9))
def test_chunks_of_any_size_give_the_same_answer(pieces: list[str], size: int) -> None:
    text = "".join(pieces)
    whole, parts = ReasoningFilter(), ReasoningFilter()
    expected = whole.feed(text) + whole.finish()
    assert "".join(parts.feed(text[at : at + size]) for at in range(0, len(text), size)) + parts.finish() == expected
    if not any(end in text and not text.lstrip().startswith(tuple(TAGS)) for end in TAGS.values()):
        assert expected == split_reasoning(text)[1]
