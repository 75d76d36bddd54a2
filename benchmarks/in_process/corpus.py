"""
Texts, and the vectors that the load service returns for them: each holds the number of its text.
"""

from __future__ import annotations

import random
from array import array

DIMENSIONS = 1024
TEXTS = 10_000

#: Vectors are alike beyond their first number from one to the next but so many.
KINDS = 61


def text(number):
    """One text, of a paragraph's length."""
    return f"Text {number}: " + "a sentence of a document that somebody will want to find again. " * 6


def tails():
    """All but the first number of the vectors."""
    dice = random.Random(1)
    return [array("f", (dice.gauss(0, 0.03) for _ in range(DIMENSIONS - 1))) for _ in range(KINDS)]


def missing(vectors):
    """How many texts have not got their vector, looked up by its numbers."""
    expected = [tail.tolist() for tail in tails()]
    pairs = enumerate(vectors)
    right = sum(vector[0] == number and vector[1:] == expected[number % KINDS] for number, vector in pairs)
    return TEXTS - right
