"""
Texts that are longer than a model takes: refused, cut or split, before anything is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from ...client.embeddings.token_estimate import fits, split_text, tokens
from ...errors import ConfigurationError, InvalidInputError
from ...rows.serialization import Row, read_text_column
from ...validation import integer, quote

#: What to do about a text that is too long.
ON_LONG_TEXT = ("error", "truncate", "split")

#: The column that tells the pieces of one row apart, from 0 on.
CHUNK_COLUMN = "chunk_index"

#: Tokens below which nothing sensible is left of a text.
MIN_TOKENS = 16


class LongTexts:
    """
    Brings texts to a length that the model takes, and counts what it did.

    :param action: one of :data:`ON_LONG_TEXT`
    :param limit: tokens that the model takes
    """

    def __init__(self, action: str, limit: int) -> None:
        self._action = action
        self._limit = limit
        self._long = 0

    @property
    def counts(self) -> dict[str, Any]:
        """
        What was done: how many texts were ``truncated`` or ``split``.
        """
        names = {"truncate": "truncated", "split": "split"}
        return {names[self._action]: self._long} if self._action in names else {}

    def __str__(self) -> str:
        return f"{self._long:,} texts were longer than {self._limit:,} tokens: {self._action}"

    def texts(self, given: Any) -> Any:
        """
        Shorten the texts of one response, in which each has one vector.

        :param given: a text or a list of texts; anything else is left for others to refuse
        :return: the same, shortened where asked for
        :raises InvalidInputError: if one is too long and that is an error
        """
        if isinstance(given, str):
            return self._short(given, "The text")
        if isinstance(given, (list, tuple)):
            return [
                self._short(one, f"input[{index}]") if isinstance(one, str) else one for index, one in enumerate(given)
            ]
        return given

    def rows(self, rows: Iterable[Row], column: str) -> Iterator[Row]:
        """
        Shorten or split the texts of rows.

        :param rows: any number, taken as they are needed
        :param column: where each has its text
        :return: the rows; of one that is split, each piece as a row of its own, with the other columns
        :raises InvalidInputError: if a row has no text, one that is too long where that is an error, or a column
            ``chunk_index`` already
        """
        for number, row in enumerate(rows):
            given = read_text_column(row, number, column)
            if self._action == "split":
                yield from self._split(row, given, column, number)
            else:
                yield {**row, column: self._short(given, f"Row {number}")}

    def _short(self, given: str, name: str) -> str:
        if fits(given, self._limit):
            return given
        self._long += 1
        if self._action == "error":
            raise InvalidInputError(
                f"{name} has up to {tokens(given):,} tokens, and the model takes {self._limit:,}: nothing of it was "
                "sent. Shorten it, or set on_long_text to 'truncate' or 'split'; where that estimate is too high, "
                "raise max_text_tokens."
            )
        return next(split_text(given, self._limit), given)

    def _split(self, row: Row, given: str, column: str, number: int) -> Iterator[Row]:
        if CHUNK_COLUMN in row:
            raise InvalidInputError(
                f"Row {number} has a column {CHUNK_COLUMN!r} already, which the result needs: rename it."
            )
        if fits(given, self._limit):
            yield {**row, CHUNK_COLUMN: 0}
            return
        self._long += 1
        for index, piece in enumerate(split_text(given, self._limit)):
            yield {**row, column: piece, CHUNK_COLUMN: index}


def build_long_texts(
    action: Any, limit: Any, model: str, models: Callable[[], Iterable[Mapping[str, Any]]]
) -> LongTexts | None:
    """
    Read what to do about long texts.

    :param action: one of :data:`ON_LONG_TEXT`, or None to send them as they are
    :param limit: tokens that a text may have; None for what the service says about the model
    :param model: model id
    :param models: lists the models, asked only if it matters
    :return: what does it, or None
    :raises ConfigurationError: if these make no sense, or the service does not say how much the model takes
    """
    if action is None:
        if limit is not None:
            raise ConfigurationError("max_text_tokens has no effect without on_long_text.")
        return None
    if action not in ON_LONG_TEXT:
        raise ConfigurationError(f"on_long_text must be 'error', 'truncate' or 'split', not {quote(action)}.")
    if limit is None:
        limit = next((each.get("context_length") for each in models() if each["id"] == model), None)
        if limit is None:
            raise ConfigurationError(
                f"The service does not say how long a text may be for {quote(model)}: set max_text_tokens."
            )
    return LongTexts(action, integer(limit, "max_text_tokens", MIN_TOKENS))
