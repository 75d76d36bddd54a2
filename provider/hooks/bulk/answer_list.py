"""
The answers of a run that returns them in place of writing a folder.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ...rows.part_names import ERROR
from ...rows.serialization import Row

#: Column of the HTTP status of an error.
STATUS = "status"


class AnswerList:
    """
    The records of a run in memory, in place of a folder.

    :param columns: columns of a result
    """

    def __init__(self, columns: Sequence[str]) -> None:
        self._columns = columns
        self._records: list[Row | None] = []

    def build_name(self, index: int, rows: Sequence[Row], keys: Sequence[bytes] = ()) -> str:
        """
        Give the name of the only part.
        """
        return ""

    def has(self, name: str) -> bool:
        """
        Return False: no earlier run left a part.
        """
        return False

    def read(self, name: str) -> list[Row]:
        """
        Return nothing, as :meth:`has` is False.
        """
        return []

    def iter_old_parts(self) -> Iterator[tuple[str, list[Row], list[bytes]]]:
        """
        Return nothing: no earlier run left a part.
        """
        return iter(())

    def has_recipe(self, name: str, rows: Sequence[Row]) -> bool:
        """
        Return False, as for :meth:`has`.
        """
        return False

    def write(self, name: str, records: Sequence[Row], keys: Sequence[bytes] = ()) -> None:
        """
        Keep the records.
        """
        self._records = list(records)

    def write_rest(self, index: int, records: Sequence[Row | None], keys: Sequence[bytes]) -> None:
        """
        Keep the records of a run that was stopped.
        """
        self._records = list(records)

    def renew(self, usage: Mapping[str, Any]) -> None:
        """
        Do nothing: there isn't a folder that another run could take over.
        """

    def end(self, usage: Mapping[str, Any]) -> None:
        """
        Do nothing, likewise.
        """

    @property
    def answers(self) -> list[Any]:
        """
        The answer to each row, None for a failed one. A dictionary if the result has several columns.
        """
        return [self._find_answer(record) for record in self._records]

    @property
    def errors(self) -> list[dict[str, Any]]:
        """
        The failed rows, each with ``index``, ``error`` and ``status``.
        """
        return [
            {"index": index, "error": record[ERROR], "status": record[STATUS]}
            for index, record in enumerate(self._records)
            if record is not None and record[ERROR] is not None
        ]

    def _find_answer(self, record: Row | None) -> Any:
        if record is None or record[ERROR] is not None:
            return None
        if len(self._columns) == 1:
            return record[self._columns[0]]
        return {name: record[name] for name in self._columns}
