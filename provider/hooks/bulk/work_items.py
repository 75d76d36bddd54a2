"""
From rows to the parts of a folder: what an earlier try has written is not paid for again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from ...errors import InvalidInputError
from ...rows.folder import Folder
from ...rows.part_names import split
from ...rows.serialization import Row, read_text_column

Work = TypeVar("Work")
Value = TypeVar("Value")


class Part(Generic[Value]):
    """
    Some rows that are written together.

    :param first: number of the first of them among all rows, from 0
    :param name: its name in the folder
    :param rows: the rows
    """

    def __init__(self, first: int, name: str, rows: list[Row]) -> None:
        self.first = first
        self.name = name
        self.rows = rows
        self._lock = threading.Lock()
        self._values: list[Value | None] = []
        self._missing = 0

    def expect(self, count: int) -> None:
        """
        Say how many pieces of work there are.

        :param count: how many
        """
        self._values = [None] * count
        self._missing = count

    def complete(self, position: int, value: Value) -> list[Value] | None:
        """
        Take the result of a piece.

        :param position: its place among the pieces
        :param value: its result
        :return: all results in the order of the pieces, if this was the last one
        """
        with self._lock:
            self._values[position] = value
            self._missing -= 1
            return None if self._missing else cast("list[Value]", self._values)


@dataclass(frozen=True)
class WorkItem(Generic[Work, Value]):
    """
    One piece of the work for a part.

    :param part: where its outcome belongs
    :param position: its place among the pieces of the part
    :param work: what to do
    """

    part: Part[Value]
    position: int
    work: Work


def iter_work_items(
    folder: Folder,
    rows: Iterable[Row],
    part_size: int,
    plan: Callable[[Part[Value]], Sequence[Work]],
) -> Iterator[WorkItem[Work, Value]]:
    """
    Find the work that is left to do.

    :param folder: where the parts go
    :param rows: any number of rows, taken as they are needed
    :param part_size: rows in a part
    :param plan: what there is to do for a part; nothing for one that is complete
    :return: pieces of work, in the order of the rows
    """
    for index, some in split(rows, part_size):
        part: Part[Value] = Part(index * part_size, folder.build_name(index, some), some)
        works = plan(part)
        part.expect(len(works))
        yield from (WorkItem(part, position, work) for position, work in enumerate(works))


def column(part: Part[Any], name: str, result: str) -> list[str]:
    """
    Take the texts out of the rows of a part.

    :param part: the part
    :param name: the column that holds them
    :param result: the column that the result will have
    :return: a text for each row
    :raises InvalidInputError: if a row has no text there, or has a column of the result's name
    """
    for number, row in enumerate(part.rows, part.first):
        if result in row:
            raise InvalidInputError(f"Row {number} has a column {result!r} already, which the result needs: rename it.")
    return [read_text_column(row, number, name) for number, row in enumerate(part.rows, part.first)]
