"""
How a run asks about rows: what identifies a question, which requests ask it, and what a record holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import AIEndpointsError, BadRequestError, InvalidInputError
from ...rows.part_names import ERROR
from ...rows.serialization import Row
from .answer_list import STATUS


@dataclass(frozen=True)
class Question:
    """
    What is asked about a row.

    :param key: identifies what is asked
    :param row: the row
    :param number: number of the row, from 0
    """

    key: bytes
    row: Row
    number: int


@dataclass(frozen=True)
class Work:
    """
    One request.

    :param questions: the questions that it asks
    :param content: what the plan needs to send it, beside the questions
    """

    questions: Sequence[Question]
    content: Any = None


class RowPlan:
    """
    How a run asks about rows. Its methods are called from several threads, except :meth:`group`.

    :param result_columns: columns of a result, beside that of the error
    :param keep_columns: columns of the row to keep in its record; None for all
    :param has_errors: whether a record may have an error in place of a result
    :param reads_files: whether what is asked depends on the content of files that rows name
    """

    def __init__(
        self,
        result_columns: Sequence[str],
        keep_columns: Sequence[str] | None = None,
        *,
        has_errors: bool = True,
        reads_files: bool = False,
    ) -> None:
        self.result_columns = tuple(result_columns)
        self.keep_columns = None if keep_columns is None else tuple(keep_columns)
        self.has_errors = has_errors
        self.reads_files = reads_files
        #: Whether records have the HTTP status of an error, too.
        self.has_statuses = False
        #: Model id in the last response, or None before the first.
        self.model: str | None = None

    @property
    def metadata(self) -> dict[str, Any]:
        """
        The plan's fields of a manifest, as JSON.
        """
        return {"model": self.model}

    def build_key(self, row: Row, number: int) -> bytes:
        """
        Build the key of what is asked about a row.

        :param row: the row
        :param number: number of the row, for errors
        :return: 16 bytes, equal for rows about which the same is asked
        :raises InvalidInputError: if nothing can be asked about the row
        """
        raise NotImplementedError

    def group(self, questions: Sequence[Question]) -> Iterable[Work]:
        """
        Divide questions into requests; one each, unless a plan overrides this.

        :param questions: questions of a part without a result
        :return: the requests
        """
        return (Work((question,)) for question in questions)

    def ask(self, work: Work) -> Sequence[Row | AIEndpointsError]:
        """
        Send a request.

        :param work: the request
        :return: the result of each question: values by column, or the error in its place
        :raises AIEndpointsError: if the request failed
        """
        raise NotImplementedError

    def is_about_one_row(self, error: AIEndpointsError) -> bool:
        """
        Return whether a request of several rows may have failed because of one of them.

        :param error: the error of the request
        :return: True to find that row by asking about half of the rows at a time
        """
        return isinstance(error, BadRequestError)

    def see_old(self, record: Row) -> None:
        """
        See the first record of an earlier run, so that the plan can compare new results with it.

        :param record: the record
        """

    def build_record(self, row: Row, result: Row | None, error: AIEndpointsError | None) -> Row:
        """
        Build the record of a row.

        :param row: the row
        :param result: values by column, or None
        :param error: the error in place of a result, or None
        :return: the kept columns, those of the result, and that of the error
        """
        record = {**self.keep(row), **(result or dict.fromkeys(self.result_columns))}
        if self.has_errors:
            record[ERROR] = None if error is None else str(error)
        if self.has_statuses:
            record[STATUS] = None if error is None else error.status
        return record

    def keep(self, row: Row) -> Row:
        """
        Return the columns of a row that its record keeps.

        :param row: the row
        :return: its values by column
        """
        return row if self.keep_columns is None else {name: row[name] for name in self.keep_columns if name in row}

    def check_columns(self, row: Row, number: int) -> None:
        """
        Check that the columns of the result don't replace kept columns of a row.

        :param row: the row
        :param number: number of the row, for errors
        :raises InvalidInputError: if they do
        """
        for name in (*self.result_columns, *([ERROR] if self.has_errors else [])):
            if name in row and (self.keep_columns is None or name in self.keep_columns):
                raise InvalidInputError(f"Row {number} has a column {name!r} already, which the result needs.")
