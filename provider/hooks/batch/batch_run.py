"""
One run that asks about rows by batches, and never pays for a row twice.

Each line of a batch has an id that tells row and request, and each batch carries the identity of its task. So whoever
comes after a task that was killed finds, by listing batches, what is under way and what was answered, and asks only for
the rest.
"""

from __future__ import annotations

import hashlib
import logging
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from ... import defaults
from ...client.batches.batches_api import FINAL_STATUSES
from ...client.http.http_request import encode
from ...errors import AIEndpointsError, InvalidInputError
from ..methods.batches import BatchMethods
from .task_identity import BatchTask

log = logging.getLogger(__name__)

#: Seconds between two looks at a batch that is being cancelled.
LIST_CONSISTENCY_DELAY_S = 5.0

#: Hexadecimal digits of a request in the id of its line.
_DIGITS = 16


class Line(NamedTuple):
    """
    What is asked about one row.

    :param custom_id: tells row and request
    :param body: the request
    """

    custom_id: str
    body: Mapping[str, Any]


def line_for(number: int, body: Mapping[str, Any]) -> Line:
    """
    Give a request its id.

    :param number: of its row, from 0
    :param body: the request
    :return: the line
    """
    return Line(f"{number}-{hashlib.sha256(encode(body)).hexdigest()[:_DIGITS]}", body)


class BatchRun:
    """
    Starts the batches of a task, or finds them.

    :param hook: talks to the service
    :param endpoint: what is asked, such as ``/v1/chat/completions``
    :param completion_window: within what time each is to be done
    :param task: whose batches they are
    """

    def __init__(self, hook: BatchMethods, endpoint: str, completion_window: str, task: BatchTask) -> None:
        self._hook = hook
        self._endpoint = endpoint
        self._window = completion_window
        self._task = task

    def start(self, lines: Iterable[Line]) -> list[dict[str, Any]]:
        """
        Start what is neither answered nor under way. What was under way before a clear is cancelled.

        :param lines: all that is to be asked
        :return: all batches that have answers, or will, as the service describes them
        :raises AIEndpointsError: if a batch cannot be started; those that were are found by the next try
        """
        found = self._find_batches()
        covered = {line["custom_id"] for batch in found for line in self._hook.read_file(_covers(batch))}
        wanted = (line for line in lines if line.custom_id not in covered)
        with tempfile.TemporaryDirectory(prefix="ovh-ai-batch-") as folder:
            for number, path in enumerate(self._inputs(wanted, Path(folder)), len(found)):
                self._remember(found, all_started=False)
                file = self._hook.upload_file(path, f"airflow-{self._task.identity}-{number}.jsonl")
                found.append(self._hook.create_batch(file["id"], self._endpoint, self._window, self._task.metadata))
        self._remember(found, all_started=True)
        return found

    def _remember(self, found: list[dict[str, Any]], *, all_started: bool) -> None:
        self._task.remember([batch["id"] for batch in found], all_started=all_started)

    def _find_batches(self) -> list[dict[str, Any]]:
        """
        Find the batches of earlier tries that have answers, or will; the earliest first.
        """
        known = self._task.recall()
        mine = list(self._iter_batches())[::-1] if known is None else [self._hook.get_batch(each) for each in known]
        return [batch for batch in map(self._settled, mine) if _covers(batch)]

    def _iter_batches(self) -> Iterator[dict[str, Any]]:
        for batch in self._hook.list_batches():
            if (batch.get("created_at") or self._task.since) < self._task.since:
                return
            if self._task.owns(batch):
                yield batch
            elif self._task.predates_clear(batch) and batch["status"] not in (*FINAL_STATUSES, "cancelling"):
                self._cancel(batch["id"])

    def _cancel(self, batch_id: str) -> None:
        log.info("AI Endpoints batch %s is from before the task was cleared: it is cancelled.", batch_id)
        try:
            self._hook.cancel_batch(batch_id)
        except AIEndpointsError as error:
            log.warning("The batch %s could not be cancelled: %s", batch_id, error)

    def _settled(self, batch: dict[str, Any]) -> dict[str, Any]:
        """
        Wait for a batch that is being cancelled: only then is known what it has answered.
        """
        while batch["status"] == "cancelling":
            time.sleep(LIST_CONSISTENCY_DELAY_S)
            batch = self._hook.get_batch(batch["id"])
        return batch

    def _inputs(self, lines: Iterable[Line], folder: Path) -> Iterator[Path]:
        """
        Write lines into files that the service accepts, one after the other.
        """
        path, count = folder / "input.jsonl", 0
        file: BinaryIO | None = None
        try:
            for line in lines:
                data = self._encode_line(line)
                if file and (count == defaults.BATCH_LINES or file.tell() + len(data) > defaults.BATCH_BYTES):
                    file.close()
                    yield path
                    file = None
                if file is None:
                    file, count = path.open("wb"), 0
                file.write(data)
                count += 1
            if file:
                file.close()
                yield path
        finally:
            if file:
                file.close()

    def _encode_line(self, line: Line) -> bytes:
        fields = {"custom_id": line.custom_id, "method": "POST", "url": self._endpoint, "body": line.body}
        data = encode(fields) + b"\n"
        if len(data) > defaults.MAX_REQUEST_BYTES:
            raise InvalidInputError(
                f"The request of row {line.custom_id.partition('-')[0]} is {len(data):,} bytes; the service accepts "
                f"{defaults.MAX_REQUEST_BYTES:,}."
            )
        return data


def _covers(batch: Mapping[str, Any]) -> str:
    """
    Find the file that tells which lines a batch has answered, or will; an empty text if it has answered none.
    """
    return batch.get("output_file_id" if batch["status"] in FINAL_STATUSES else "input_file_id") or ""


def wait(
    hook: BatchMethods, ids: Iterable[str], seconds: float, say: Callable[[dict[str, Any]], None]
) -> Iterator[dict[str, Any]]:
    """
    Wait until batches have ended.

    :param hook: talks to the service
    :param ids: the batches
    :param seconds: between two looks at one
    :param say: told of each look
    :return: the batches as the service describes them, each when it has ended
    """
    for batch_id in ids:
        while (batch := hook.get_batch(batch_id))["status"] not in FINAL_STATUSES:
            say(batch)
            time.sleep(seconds)
        say(batch)
        yield batch
