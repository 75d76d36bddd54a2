"""
Estimates the number of tokens of a string, and splits it into chunks that fit. Pure.

Each model has its own tokenizer, which would have to be downloaded. Instead, this estimates from above: ordinary
strings that fit by the estimate do fit, and some that would fit are found too long.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate

#: Tenths of a token for each character up to a code point: the most that any of the tokenizers of Qwen3, Gemma and
#: XLM-R (the service's three families of embedding models) took in the languages written with it. Measured on the
#: Universal Declaration of Human Rights in 500 languages, and on code and tables. 0 stands for a token a byte, which is
#: what tokenizers make of characters that they do not know.
_BLOCKS = (
    (0x03FF, 12),  # Latin, Greek
    (0x052F, 8),  # Cyrillic
    (0x06FF, 11),  # Armenian, Hebrew, Arabic
    (0x08FF, 0),
    (0x0DFF, 19),  # scripts of India
    (0x0EFF, 14),  # Thai, Lao
    (0x109F, 19),  # Tibetan, Burmese
    (0x10FF, 11),  # Georgian
    (0x2E7F, 0),
    (0x9FFF, 15),  # Chinese, Japanese
    (0xABFF, 0),
    (0xD7FF, 15),  # Korean
)
_LETTER, _SPACE, _SYMBOL = 5, 3, 10

#: Tokens that a tokenizer adds around a string.
SPECIAL_TOKENS = 2

#: No character counts more, in tenths of a token: it is four bytes at most.
_MAX_TENTHS_PER_CHAR = 40

#: Share of a chunk, at its end, that is searched for whitespace to cut at.
_CUT_WINDOW_SHARE = 0.2


class _Weights(dict[str, int]):
    """
    Tenths of a token for each character, computed on first use.
    """

    def __missing__(self, char: str) -> int:
        self[char] = weight = _weight(char)
        return weight


def _weight(char: str) -> int:
    if char.isascii():
        return _LETTER if char.isalpha() else _SPACE if char == " " else _SYMBOL
    weight = next((weight for last, weight in _BLOCKS if ord(char) <= last), 0)
    return weight or 10 * len(char.encode("utf-8", "surrogatepass"))


_weights = _Weights()


def estimate_tokens(text: str) -> int:
    """
    Estimate the number of tokens from above.

    :param text: any string
    :return: tokens, including those that the tokenizer adds around it
    """
    return SPECIAL_TOKENS - sum(map(_weights.__getitem__, text)) // -10


def fits(text: str, limit: int) -> bool:
    """
    Return whether a string certainly fits.

    :param text: any string
    :param limit: maximum in tokens
    :return: True if the estimate is within the limit
    """
    # Most strings are short, and needn't be read character by character.
    return len(text) * _MAX_TENTHS_PER_CHAR <= (limit - SPECIAL_TOKENS) * 10 or estimate_tokens(text) <= limit


def split_text(text: str, limit: int) -> Iterator[str]:
    """
    Split a string into chunks that fit: at whitespace near the end if there is any, else between characters.

    :param text: any string
    :param limit: maximum of a chunk in tokens, 8 or more
    :return: the chunks, which joined are the string; blank ones, which no model accepts, are left out
    """
    ends = list(accumulate(map(_weights.__getitem__, text)))
    start = 0
    while start < len(text):
        offset = ends[start - 1] if start else 0
        end = bisect_right(ends, offset + (limit - SPECIAL_TOKENS) * 10, lo=start)
        end = _boundary(text, start, end) if end < len(text) else end
        if not text[start:end].isspace():
            yield text[start:end]
        start = end


def _boundary(text: str, start: int, end: int) -> int:
    for place in range(end, end - int((end - start) * _CUT_WINDOW_SHARE), -1):
        if text[place - 1].isspace():
            return place
    place = end
    while place > start + 1 and _joins(text[place]):
        place -= 1
    return place if place > start + 1 else end


def _joins(char: str) -> bool:
    # Marks, variation selectors and joiners belong to the character before.
    return unicodedata.combining(char) > 0 or unicodedata.category(char) in {"Mn", "Mc", "Me"} or char == "\u200d"
