"""
Fake embeddings for tests: vectors of length one, which are closer if their texts share words.

Each word adds to a few places that its hash selects, on top of a weak noise that all texts share. The noise is cached
and only the places of the words are computed, so that 25 texts take a few milliseconds.
"""

from __future__ import annotations

import hashlib
import math
import re
from array import array
from functools import lru_cache

_WORD = re.compile(r"\w+|[^\w\s]")

#: Places that a word adds to: eight anywhere, four each near the front, so that short vectors differ.
_PLACES = (8, 4, 4)
_NEAR = (256, 32)

#: Length of the noise in a vector of length one.
_NOISE = 0.2


def vector(text: str, full: int, length: int) -> array[float]:
    """
    Embed a string.

    :param text: any string; case and order of its words don't matter
    :param full: dimensions of the model
    :param length: dimensions of the vector: the first ones of ``full``, rescaled to length one
    :return: 32-bit floats
    """
    values = _noise(full)[:]
    amounts = _amounts(text, full)
    scale = _scale(amounts, values)
    for place, amount in amounts.items():
        values[place] += scale * amount
    return values if scale and length == full else _normalise(values[:length])


def _amounts(text: str, full: int) -> dict[int, float]:
    amounts: dict[int, float] = {}
    for word in _WORD.findall(text.lower()):
        for place, amount in _places(word, full):
            amounts[place] = amounts.get(place, 0.0) + amount
    return amounts


def _scale(amounts: dict[int, float], noise: array[float]) -> float:
    """Solve ``|noise + scale * amounts| = 1``; zero if no word adds anything."""
    square = sum(amount * amount for amount in amounts.values())
    if not square:
        return 0.0
    overlap = sum(amount * noise[place] for place, amount in amounts.items())
    return (math.sqrt(overlap * overlap + square * (1 - _NOISE * _NOISE)) - overlap) / square


def _normalise(values: array[float]) -> array[float]:
    scale = 1 / math.hypot(*values)
    return array("f", [value * scale for value in values])


@lru_cache(maxsize=8)
def _noise(full: int) -> array[float]:
    raw = [byte - 127.5 for byte in hashlib.shake_256(b"noise").digest(full)]
    scale = _NOISE / math.hypot(*raw)
    return array("f", [value * scale for value in raw])


@lru_cache(maxsize=20_000)
def _places(word: str, full: int) -> tuple[tuple[int, float], ...]:
    digest = hashlib.shake_256(word.encode("utf-8", "surrogatepass")).digest(3 * sum(_PLACES))
    ranges = [reach for count, reach in zip(_PLACES, (full, *_NEAR), strict=True) for _ in range(count)]
    return tuple(
        (int.from_bytes(digest[3 * n : 3 * n + 2], "big") % reach, 1.0 if digest[3 * n + 2] & 1 else -1.0)
        for n, reach in enumerate(ranges)
    )
