from __future__ import annotations

import pytest
from apache_airflow_provider_ovhcloud_ai.sandbox.fake_model import tokenizer


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("", []),
        ("Hello, Airflow", ["Hello", ",", " Airflo", "w"]),
        ("a  b\n", ["a", "  b", "\n"]),
        ("\u00e9t\u00e9!?", ["\u00e9t\u00e9", "!", "?"]),
        ("\ud800", ["\ud800"]),
    ],
)
def test_pieces_are_counted_and_joined_are_the_text(text: str, pieces: list[str]) -> None:
    assert tokenizer.pieces(text) == pieces
    assert "".join(pieces) == text
    assert tokenizer.count(text) == len(pieces)
