"""
One run that sends a prompt for each row and writes the answers to a folder.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextlib import closing
from typing import Any, NamedTuple

from ...client.chat.chat_response import read_text
from ...client.chat.prompt_template import build_conversation
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
    The request for a row.

    :param position: index of the row in its part
    :param messages: messages to send
    """

    position: int
    messages: list[dict[str, str]]


class _OpenPart(NamedTuple):
    """
    An unfinished part: its rows, and a record for each row, or None if its answer is missing.
    """

    rows: list[Row]
    records: list[Row | None]


class ChatRun:
    """
    Sends a prompt for each row without an answer in the folder.

    :param folder: folder of the results, after :meth:`Folder.begin`
    :param ask: sends messages, and returns the response
    :param prompt: prompt template with ``{column}`` placeholders
    :param system_prompt: template of the system message, or None for no such message
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
        Send the requests and write the answers, part by part.

        :param rows: all rows
        :param part_size: number of rows in a part
        :param concurrency: number of concurrent requests
        :param on_error: ``fail``, ``skip`` or ``raise``
        :param progress: counts the rows
        :raises PartialFailureError: at the end, if rows failed and ``on_error`` is ``fail``
        :raises AIEndpointsError: if further requests can't succeed
        """

        def plan(part: Part[Row]) -> list[Question]:
            return self._plan(part, progress)

        items = iter_work_items(self._folder, rows, part_size, plan)
        try:
            with closing(as_completed(items, progress.watch(self._answer), concurrency)) as outcomes:
                for outcome in stop_on_fatal(outcomes, on_error):
                    if outcome.error is not None:
                        self._errors.append(outcome.error)
        finally:
            self._flush_paid_answers()
        if self._errors and on_error == "fail":
            raise PartialFailureError(
                f"{len(self._errors):,} rows failed; one of them: {self._errors[0]}",
                retryable=any(error.retryable for error in self._errors),
                retry_after=find_max_retry_after(self._errors),
            )

    def finish(self, progress: Progress) -> dict[str, Any]:
        """
        Write the manifest.

        :param progress: counts of this run
        :return: the manifest for XCom
        """
        return self._folder.finish({"model": self._served, **progress.summary})

    def _plan(self, part: Part[Row], progress: Progress) -> list[Question]:
        records: list[Row | None] = [None] * len(part.rows)
        if self._folder.has(part.name):
            old_records = self._folder.read(part.name)
            failures = set(failed(old_records))
            records = [None if position in failures else record for position, record in enumerate(old_records)]
            progress.add_reused(len(old_records) - len(failures))
        missing = [position for position, record in enumerate(records) if record is None]
        questions = [Question(position, self._conversation(part, position)) for position in missing]
        if questions:
            with self._lock:
                self._open[part.name] = _OpenPart(part.rows, records)
        return questions

    def _conversation(self, part: Part[Row], position: int) -> list[dict[str, str]]:
        row, number = part.rows[position], part.first + position
        for name in (ANSWER, ERROR):
            if name in row:
                raise InvalidInputError(f"Row {number} has a column {name!r} already, which the result needs.")
        try:
            return build_conversation(row, self._prompt, self._system_prompt)
        except ConfigurationError as error:
            reason = error.args[0]
        raise InvalidInputError(f"Row {number}: {reason}")

    def _answer(self, item: WorkItem[Question, Row]) -> dict[str, Any]:
        try:
            response = self._ask(item.work.messages)
        except AIEndpointsError as error:
            self._record(item, None, str(error))
            raise
        self._served = response.get("model") or self._served
        self._record(item, read_text(response), None)
        return response

    def _record(self, item: WorkItem[Question, Row], answer: str | None, error: str | None) -> None:
        part, position = item.part, item.work.position
        record = {**part.rows[position], ANSWER: answer, ERROR: error}
        with self._lock:
            self._open[part.name].records[position] = record
        # Write each part as soon as it is complete, so that few answers are lost if the task is killed.
        if part.complete(item.position, record):
            self._write(part.name)

    def _flush_paid_answers(self) -> None:
        for name, part in list(self._open.items()):
            if any(record is not None and record[ERROR] is None for record in part.records):
                self._write(name)

    def _write(self, name: str) -> None:
        with self._lock:
            rows, records = self._open.pop(name)
        missing = {ANSWER: None, ERROR: _NOT_ASKED}
        complete = [{**row, **missing} if record is None else record for row, record in zip(rows, records, strict=True)]
        self._folder.write(name, complete)
