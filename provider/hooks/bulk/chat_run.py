"""
One run that asks about rows and writes the answers into a folder.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextlib import closing
from typing import Any, NamedTuple

from ...client.chat.chat_response import read_text
from ...client.chat.prompt_template import conversation
from ...client.parallel import as_completed
from ...errors import AIEndpointsError, ConfigurationError, InvalidInputError, PartialFailureError
from ...rows.folder import Folder
from ...rows.part_names import ERROR, failed
from ...rows.serialization import Row
from .bulk_result import find_max_retry_after, stop_on_fatal
from .progress import Progress
from .work_items import Part, WorkItem, iter_work_items

#: The column of the result, beside that of the error.
ANSWER = "answer"

_NOT_ASKED = "Not asked: the task ended before."


class Question(NamedTuple):
    """
    What is asked about a row.

    :param position: of the row in its part
    :param messages: the conversation
    """

    position: int
    messages: list[dict[str, str]]


class _OpenPart(NamedTuple):
    """
    A part that is under way: a record for each row, or None where the answer is still to come.
    """

    rows: list[Row]
    records: list[Row | None]


class ChatRun:
    """
    Asks about the rows that have no answer in the folder yet.

    :param folder: where the parts go; it has begun
    :param ask: sends messages, and returns the response
    :param prompt: what to ask about each row, with ``{column}`` where a value belongs
    :param system_prompt: what the model is told first, likewise
    """

    def __init__(
        self,
        folder: Folder,
        ask: Callable[[list[dict[str, str]]], dict[str, Any]],
        prompt: str,
        system_prompt: str | None,
    ) -> None:
        self._folder = folder
        self._ask = ask
        self._prompt = prompt
        self._system_prompt = system_prompt
        self._lock = threading.Lock()
        self._open: dict[str, _OpenPart] = {}
        self._errors: list[AIEndpointsError] = []
        self._served: str | None = None

    def work(self, rows: Iterable[Row], part_size: int, concurrency: int, on_error: str, progress: Progress) -> None:
        """
        Ask and write, part by part.

        :param rows: all rows
        :param part_size: rows in a part
        :param concurrency: requests at a time
        :param on_error: what to do about a row that fails
        :param progress: counts the rows
        :raises PartialFailureError: after all, if some failed and ``on_error`` is ``fail``
        :raises AIEndpointsError: if going on makes no sense
        """

        def plan(part: Part[Row]) -> list[Question]:
            return self._plan(part, progress)

        pieces = iter_work_items(self._folder, rows, part_size, plan)
        try:
            with closing(as_completed(pieces, progress.watch(self._answer), concurrency)) as outcomes:
                for outcome in stop_on_fatal(outcomes, on_error):
                    if outcome.error is not None:
                        self._errors.append(outcome.error)
        finally:
            self._keep_what_was_paid_for()
        if self._errors and on_error == "fail":
            raise PartialFailureError(
                f"{len(self._errors):,} rows failed; one of them: {self._errors[0]}",
                retryable=any(error.retryable for error in self._errors),
                retry_after=find_max_retry_after(self._errors),
            )

    def finish(self, progress: Progress) -> dict[str, Any]:
        """
        Write the manifest.

        :param progress: that counted
        :return: the manifest for XCom
        """
        return self._folder.finish({"model": self._served, **progress.summary})

    def _plan(self, part: Part[Row], progress: Progress) -> list[Question]:
        records: list[Row | None] = [None] * len(part.rows)
        if self._folder.has(part.name):
            found = self._folder.read(part.name)
            again = set(failed(found))
            records = [None if position in again else record for position, record in enumerate(found)]
            progress.add_reused(len(found) - len(again))
        missing = [position for position, record in enumerate(records) if record is None]
        questions = [Question(position, self._conversation(part, position)) for position in missing]
        if questions:
            with self._lock:
                self._open[part.name] = _OpenPart(part.rows, records)
        return questions

    def _conversation(self, part: Part[Row], position: int) -> list[dict[str, str]]:
        row, number = part.rows[position], part.first + position
        for taken in (ANSWER, ERROR):
            if taken in row:
                raise InvalidInputError(f"Row {number} has a column {taken!r} already, which the result needs.")
        try:
            return conversation(row, self._prompt, self._system_prompt)
        except ConfigurationError as error:
            reason = error.args[0]
        raise InvalidInputError(f"Row {number}: {reason}")

    def _answer(self, piece: WorkItem[Question, Row]) -> dict[str, Any]:
        try:
            response = self._ask(piece.work.messages)
        except AIEndpointsError as error:
            self._take(piece, None, str(error))
            raise
        self._served = response.get("model") or self._served
        self._take(piece, read_text(response), None)
        return response

    def _take(self, piece: WorkItem[Question, Row], answer: str | None, error: str | None) -> None:
        part, position = piece.part, piece.work.position
        record = {**part.rows[position], ANSWER: answer, ERROR: error}
        with self._lock:
            self._open[part.name].records[position] = record
        # Written where the last of its answers came, so that as little as can be is ever unwritten.
        if part.complete(piece.position, record):
            self._write(part.name)

    def _keep_what_was_paid_for(self) -> None:
        for name, part in list(self._open.items()):
            if any(record is not None and record[ERROR] is None for record in part.records):
                self._write(name)

    def _write(self, name: str) -> None:
        with self._lock:
            rows, records = self._open.pop(name)
        missing = {ANSWER: None, ERROR: _NOT_ASKED}
        whole = [{**row, **missing} if record is None else record for row, record in zip(rows, records, strict=True)]
        self._folder.write(name, whole)
