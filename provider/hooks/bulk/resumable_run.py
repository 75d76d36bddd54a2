"""
One run over any number of rows: plan what to ask, ask it, record the results. An interrupted run resumes.

A row is known by the key of what is asked about it, not by its place. So a later run finds the results of rows that
moved, asks only about new and changed rows, and asks about equal rows once.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ...client.parallel import Concurrency, as_completed
from ...errors import AIEndpointsError
from ...rows.part_names import ERROR, failed, split
from ...rows.serialization import Row
from .answer_book import AnswerBook
from .failures import Failures, RowError
from .progress import Progress
from .row_plan import Question, RowPlan, Work

if TYPE_CHECKING:
    from ...rows.folder import Folder
    from .answer_list import AnswerList

#: Rows that may wait for the answer to an equal row until no more rows are read: they are in memory.
MAX_WAITING_ROWS = 10_000


@dataclass
class _OpenPart:
    """
    An unfinished part. A record is None until its result is there.
    """

    index: int
    first: int
    name: str
    rows: list[Row]
    keys: list[bytes]
    records: list[Row | None]
    is_new: list[bool] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.missing = self.records.count(None)
        self.is_new = [False] * len(self.rows)


class ResumableRun:
    """
    Asks about each row without a result, and writes the records part by part.

    :param parts: where the records go: a folder, after :meth:`Folder.begin`, or memory
    :param plan: how to ask about rows
    :param progress: counts the rows
    """

    def __init__(self, parts: Folder | AnswerList, plan: RowPlan, progress: Progress) -> None:
        self._parts = parts
        self._plan = plan
        self._progress = progress
        self._book = AnswerBook()
        self._has_read_old_parts = self._has_seen_old = False
        self._open: dict[int, _OpenPart] = {}
        #: The places of the rows that wait for the answer to a question, by its key.
        self._places: dict[bytes, list[tuple[_OpenPart, int]]] = {}
        self._waiting_rows = 0
        self._changed = threading.Condition()

    def __enter__(self) -> ResumableRun:
        return self

    def __exit__(self, *error: object) -> None:
        self._book.close()

    def work(self, rows: Iterable[Row], part_size: int, concurrency: Concurrency, failures: Failures) -> None:
        """
        Send the requests and write the records, part by part.

        :param rows: all rows
        :param part_size: number of rows in a part
        :param concurrency: maximum number of concurrent requests
        :param failures: decides when to stop
        :raises AIEndpointsError: if further requests can't succeed, or too many failed
        """
        requests = self._iter_requests(rows, part_size)
        try:
            with closing(as_completed(requests, self._ask, concurrency)) as outcomes:
                for outcome in outcomes:
                    failures.add(len(outcome.item.questions), outcome.result())
        finally:
            self._flush()

    def iter_missing(self, rows: Iterable[Row], part_size: int) -> Iterator[Question]:
        """
        Iterate over the questions without a result, without asking them.

        :param rows: all rows
        :param part_size: number of rows in a part
        :return: each question once
        """
        with closing(AnswerBook()) as seen_keys:
            for part in self._iter_open_parts(rows, part_size):
                for position, key in enumerate(part.keys):
                    has_answer = part.records[position] is not None or self._book.find(key) or seen_keys.find(key)
                    if not has_answer:
                        seen_keys.add(key, {})
                        yield Question(key, part.rows[position], part.first + position)

    def _iter_requests(self, rows: Iterable[Row], part_size: int) -> Iterator[Work]:
        for part in self._iter_open_parts(rows, part_size):
            questions = self._register(part)
            if not part.missing:
                self._write(part)
            yield from self._plan.group(questions)
            with self._changed:
                self._changed.wait_for(lambda: self._waiting_rows <= MAX_WAITING_ROWS)

    def _iter_open_parts(self, rows: Iterable[Row], part_size: int) -> Iterator[_OpenPart]:
        for index, part_rows in split(rows, part_size):
            first = index * part_size
            for number, row in enumerate(part_rows, first):
                self._plan.check_columns(row, number)
            # Unless the whole row is in its record, equal records may be of different questions.
            needs_keys = self._plan.reads_files or self._plan.keep_columns is not None
            keys = self._build_keys(part_rows, first) if needs_keys else []
            name = self._parts.build_name(index, [self._plan.keep(row) for row in part_rows], keys)
            records: Sequence[Row | None]
            if self._parts.has(name):
                records = self._read_records(name, len(part_rows))
            else:
                self._read_old_parts()
                records = [None] * len(part_rows)
            if None in records:
                yield _OpenPart(
                    index, first, name, part_rows, keys or self._build_keys(part_rows, first), list(records)
                )

    def _build_keys(self, rows: Sequence[Row], first: int) -> list[bytes]:
        return [self._plan.build_key(row, number) for number, row in enumerate(rows, first)]

    def _read_records(self, name: str, count: int) -> Sequence[Row | None]:
        """
        Read a part of an earlier run, with None in place of failed records. Empty if nothing of it is needed.
        """
        if not self._plan.has_errors and self._has_seen_old:
            self._progress.add(reused=count)
            return []
        records: list[Row | None] = list(self._parts.read(name))
        for position in failed(records):
            records[position] = None
        self._progress.add(reused=count - records.count(None))
        self._see_old(next(filter(None, records), None))
        return records

    def _see_old(self, record: Row | None) -> None:
        if record is not None and not self._has_seen_old:
            self._has_seen_old = True
            self._plan.see_old(record)

    def _read_old_parts(self) -> None:
        """
        Add the results of earlier runs to the book, once: a part has other rows than before.
        """
        if self._has_read_old_parts:
            return
        self._has_read_old_parts = True
        for name, records, stored_keys in self._parts.iter_old_parts():
            keys = stored_keys or self._rebuild_keys(name, records)
            for key, record in zip(keys, records, strict=True):
                if record.get(ERROR) is None and all(column in record for column in self._plan.result_columns):
                    result = {column: record[column] for column in self._plan.result_columns}
                    if key:
                        self._book.add(key, result, is_old=True)

    def _rebuild_keys(self, name: str, records: Sequence[Row]) -> Sequence[bytes | None]:
        """
        Build the keys of records that an older version wrote without. None if the same was not asked about them.
        """
        results = {*self._plan.result_columns, ERROR}
        rows = [{column: value for column, value in record.items() if column not in results} for record in records]
        is_same = self._parts.has_recipe(name, rows)
        return [self._rebuild_key(row) if is_same else None for row in rows]

    def _rebuild_key(self, row: Row) -> bytes | None:
        try:
            return self._plan.build_key(row, 0)
        except AIEndpointsError:
            return None

    def _register(self, part: _OpenPart) -> list[Question]:
        """
        Fill in the results that are known, and note the places of the others.

        :return: the questions to ask
        """
        questions = []
        with self._changed:
            self._open[part.index] = part
            for position, record in enumerate(part.records):
                if record is not None:
                    continue
                key = part.keys[position]
                if key in self._places:
                    self._places[key].append((part, position))
                    self._waiting_rows += 1
                elif stored := self._book.find(key):
                    self._fill(part, position, stored.result, None)
                    self._progress.add(**{"reused" if stored.is_old else "duplicate": 1})
                    if stored.is_old:
                        self._see_old(stored.result)
                else:
                    self._places[key] = [(part, position)]
                    questions.append(Question(key, part.rows[position], part.first + position))
        return questions

    def _fill(self, part: _OpenPart, position: int, result: Row | None, error: AIEndpointsError | None) -> None:
        part.records[position] = self._plan.build_record(part.rows[position], result, error)
        part.is_new[position] = result is not None
        part.missing -= 1

    def _ask(self, work: Work) -> list[RowError]:
        """
        Send a request and record its results.

        :return: the questions that failed
        """
        results: Sequence[Row | AIEndpointsError]
        try:
            results = self._plan.ask(work)
        except AIEndpointsError as error:
            if len(work.questions) > 1 and self._plan.has_errors and self._plan.is_about_one_row(error):
                return self._ask_halves(work)
            results = [error] * len(work.questions)
        except BaseException:
            # Such as that of a tool. It ends the run, unless rows that wait for these answers block it.
            self._release(work)
            raise
        errors = []
        for question, result in zip(work.questions, results, strict=True):
            if isinstance(result, AIEndpointsError):
                errors.append(RowError(question.number, result))
                self._record(question, None, result)
            else:
                self._record(question, result, None)
        return errors

    def _release(self, work: Work) -> None:
        """
        Let no row wait for the answers to a request any more.
        """
        with self._changed:
            for question in work.questions:
                self._waiting_rows -= len(self._places.pop(question.key)) - 1
            self._changed.notify_all()

    def _ask_halves(self, work: Work) -> list[RowError]:
        """
        Find the rows that the service rejects among those of one request.
        """
        middle = len(work.questions) // 2
        halves = (work.questions[:middle], work.questions[middle:])
        return [error for half in halves for each in self._plan.group(half) for error in self._ask(each)]

    def _record(self, question: Question, result: Row | None, error: AIEndpointsError | None) -> None:
        if result is not None:
            # First: from now on, equal rows find it there.
            self._book.add(question.key, result)
        with self._changed:
            places = self._places.pop(question.key)
            self._waiting_rows -= len(places) - 1
            self._changed.notify_all()
            if error is None or self._plan.has_errors:
                for part, position in places:
                    self._fill(part, position, result, error)
            complete = [part for part in {id(part): part for part, _ in places}.values() if not part.missing]
        self._progress.add(**{"failed" if error else "done": 1, "duplicate": len(places) - 1})
        # Each part as soon as it is complete, so that few answers are lost if the task is killed.
        for part in complete:
            self._write(part)

    def _write(self, part: _OpenPart) -> None:
        with self._changed:
            if self._open.pop(part.index, None) is None:
                return
        records = [record for record in part.records if record is not None]
        self._parts.write(part.name, records, part.keys)
        self._parts.renew(self._progress.run_counts)

    def _flush(self) -> None:
        """
        Write the results of unfinished parts, which are paid for.
        """
        for part in self._open.values():
            if any(part.is_new):
                self._parts.write_rest(part.index, part.records, part.keys)
        self._open.clear()
        self._parts.end(self._progress.run_counts)
