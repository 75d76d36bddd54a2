"""
Work items for the parts of a folder; parts from an earlier try are skipped.
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
    Rows that are written together, and their results.

    :param first: number of its first row among all rows, from 0
    :param name: its name in the folder
    :param rows: its rows
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
        Set the number of work items.

        :param count: number of results until the part is complete
        """
        self._values = [None] * count
        self._missing = count

    def complete(self, position: int, value: Value) -> list[Value] | None:
        """
        Store the result of a work item.

        :param position: index of the item in the part
        :param value: its result
        :return: all results in the order of the items if this was the last one, else None
        """
        with self._lock:
            self._values[position] = value
            self._missing -= 1
            return None if self._missing else cast("list[Value]", self._values)


@dataclass(frozen=True)
class WorkItem(Generic[Work, Value]):
    """
    One request of a part.

    :param part: the part of its rows
    :param position: index of the item in the part
    :param work: the request
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
    Iterate over the work that is left to do.

    :param folder: folder of the results
    :param rows: any number of rows, read lazily
    :param part_size: number of rows in a part
    :param plan: returns the requests for a part; an empty list if the part is complete
    :return: work items in the order of the rows
    """
    for index, part_rows in split(rows, part_size):
        part: Part[Value] = Part(index * part_size, folder.build_name(index, part_rows), part_rows)
        requests = plan(part)
        part.expect(len(requests))
        yield from (WorkItem(part, position, request) for position, request in enumerate(requests))


def read_texts(part: Part[Any], name: str, result: str) -> list[str]:
    """
    Read the text column of a part.

    :param part: the part
    :param name: column of the text
    :param result: column of the result
    :return: the text of each row
    :raises InvalidInputError: if a row lacks its text, or already has the column of the result
    """
    for number, row in enumerate(part.rows, part.first):
        if result in row:
            raise InvalidInputError(f"Row {number} has a column {result!r} already, which the result needs: rename it.")
    return [read_text_column(row, number, name) for number, row in enumerate(part.rows, part.first)]
