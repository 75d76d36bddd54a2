"""
Texts that exceed the model's limit: rejected, truncated or split before anything is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from ...client.embeddings.token_estimate import estimate_tokens, fits, split_text
from ...errors import ConfigurationError, InvalidInputError
from ...rows.serialization import Row, read_text_column
from ...validation import integer, quote

#: What to do about a text that is too long.
ON_LONG_TEXT = ("error", "truncate", "split")

#: The column with the number of a chunk within its row, from 0.
CHUNK_COLUMN = "chunk_index"

#: Smallest allowed limit: below it, nothing sensible is left.
MIN_TOKENS = 16


class LongTexts:
    """
    Shortens texts to the model's limit, and counts the long ones.

    :param action: one of :data:`ON_LONG_TEXT`
    :param limit: maximum number of tokens in each text
    """

    def __init__(self, action: str, limit: int) -> None:
        self._action = action
        self._limit = limit
        self._long = 0

    @property
    def counts(self) -> dict[str, Any]:
        """
        The number of texts that were ``truncated`` or ``split``.
        """
        names = {"truncate": "truncated", "split": "split"}
        return {names[self._action]: self._long} if self._action in names else {}

    def __str__(self) -> str:
        return f"{self._long:,} texts were longer than {self._limit:,} tokens: {self._action}"

    def texts(self, value: Any) -> Any:
        """
        Shorten the input of an embeddings request.

        :param value: a string or a list of strings; anything else is returned unchanged
        :return: the same, with long strings truncated
        :raises InvalidInputError: if a string is too long and the action is ``error``
        """
        if isinstance(value, str):
            return self._shorten(value, "The text")
        if isinstance(value, (list, tuple)):
            return [
                self._shorten(one, f"input[{index}]") if isinstance(one, str) else one
                for index, one in enumerate(value)
            ]
        return value

    def rows(self, rows: Iterable[Row], column: str) -> Iterator[Row]:
        """
        Truncate or split the texts of rows.

        :param rows: any number of rows, read lazily
        :param column: column of the text
        :return: the rows; if the action is ``split``, a row for each chunk, with the row's other columns
        :raises InvalidInputError: if a row lacks its text, if one is too long and the action is ``error``, or if
            a row to split already has a column ``chunk_index``
        """
        for number, row in enumerate(rows):
            text = read_text_column(row, number, column)
            if self._action == "split":
                yield from self._split(row, text, column, number)
            else:
                yield {**row, column: self._shorten(text, f"Row {number}")}

    def _shorten(self, text: str, name: str) -> str:
        if fits(text, self._limit):
            return text
        self._long += 1
        if self._action == "error":
            raise InvalidInputError(
                f"{name} has up to {estimate_tokens(text):,} tokens, and the model takes {self._limit:,}: nothing of "
                "it was sent. Shorten it, or set on_long_text to 'truncate' or 'split'; where that estimate is too "
                "high, raise max_text_tokens."
            )
        return next(split_text(text, self._limit), text)

    def _split(self, row: Row, text: str, column: str, number: int) -> Iterator[Row]:
        if CHUNK_COLUMN in row:
            raise InvalidInputError(
                f"Row {number} has a column {CHUNK_COLUMN!r} already, which the result needs: rename it."
            )
        if fits(text, self._limit):
            yield {**row, CHUNK_COLUMN: 0}
            return
        self._long += 1
        for index, chunk in enumerate(split_text(text, self._limit)):
            yield {**row, column: chunk, CHUNK_COLUMN: index}


def build_long_texts(
    action: Any, limit: Any, model: str, models: Callable[[], Iterable[Mapping[str, Any]]]
) -> LongTexts | None:
    """
    Create the handler of long texts from an operator's parameters.

    :param action: one of :data:`ON_LONG_TEXT`, or None to send all texts unchanged
    :param limit: maximum number of tokens in each text; None for the model's context length
    :param model: model id
    :param models: lists the service's models; called only if ``limit`` is None
    :return: the handler, or None if ``action`` is None
    :raises ConfigurationError: if a parameter is invalid, or the service doesn't report the model's context length
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
