"""
One run of batches for rows, which never pays for a row twice.

The ``custom_id`` of each line identifies row and request, and the metadata of each batch identifies its task. So the
next try after a killed task lists the batches, finds the running and answered requests, and sends only the rest.
"""

from __future__ import annotations

import hashlib
import logging
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from ... import defaults
from ...client.batches.batches_api import FINAL_STATUSES
from ...client.http.http_request import encode
from ...errors import AIEndpointsError, InvalidInputError
from ..methods.batches import BatchMethods
from .task_identity import BatchTask

log = logging.getLogger(__name__)

#: Seconds between two requests for the state of a batch that is being cancelled.
LIST_CONSISTENCY_DELAY_S = 5.0

#: Hexadecimal digits of the request's hash in a ``custom_id``.
_HASH_DIGITS = 16


class Line(NamedTuple):
    """
    One request.

    :param custom_id: identifies the request
    :param body: body of the request
    """

    custom_id: str
    body: Mapping[str, Any]


def build_line(body: Mapping[str, Any], key: bytes = b"") -> Line:
    """
    Build the line of a request.

    :param body: body of the request
    :param key: value of the row's key column, if rows with equal requests are to be asked apart
    :return: the line, with its ``custom_id``
    """
    return Line(f"row-{hashlib.sha256(encode(body) + key).hexdigest()[:_HASH_DIGITS]}", body)


def read_digest(custom_id: Any) -> str:
    """
    Read the part of an id that identifies the request: older versions put the number of the row in front of it.

    :param custom_id: id of a line
    :return: hexadecimal digits
    """
    return str(custom_id).rpartition("-")[2]


class BatchRun:
    """
    Starts the batches of a task, or finds them.

    :param hook: hook of the connection
    :param endpoint: endpoint of the requests, such as ``/v1/chat/completions``
    :param completion_window: time in which each batch is to be completed, such as ``24h``
    :param task: the task
    """

    def __init__(self, hook: BatchMethods, endpoint: str, completion_window: str, task: BatchTask) -> None:
        self._hook = hook
        self._endpoint = endpoint
        self._window = completion_window
        self._task = task

    def start(self, lines: Iterable[Line], batches: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """
        Start batches for requests that aren't running yet.

        :param lines: the requests
        :param batches: the task's batches so far
        :return: these and the new batches, as the service describes them
        :raises AIEndpointsError: if a batch can't be started; the next try finds those that were
        """
        batches = list(batches)
        running = [batch for batch in batches if batch["status"] not in FINAL_STATUSES]
        running_digests = {read_digest(line["custom_id"]) for batch in running for line in self._iter_input(batch)}
        missing = (line for line in lines if read_digest(line.custom_id) not in running_digests)
        with tempfile.TemporaryDirectory(prefix="ovh-ai-batch-") as folder:
            for number, path in enumerate(self._write_inputs(missing, Path(folder)), len(batches)):
                self._remember(batches, all_started=False)
                file = self._hook.upload_file(path, f"airflow-{self._task.identity}-{number}.jsonl")
                batches.append(self._hook.create_batch(file["id"], self._endpoint, self._window, self._task.metadata))
        self._remember(batches, all_started=True)
        return batches

    def _remember(self, batches: list[dict[str, Any]], *, all_started: bool) -> None:
        self._task.remember([batch["id"] for batch in batches], all_started=all_started)

    def _iter_input(self, batch: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        return self._hook.read_file(batch["input_file_id"]) if batch.get("input_file_id") else iter(())

    def find(self) -> list[dict[str, Any]]:
        """
        Find the batches of earlier tries with answers, now or later. Cancel those from before a clear.

        :return: the batches as the service describes them, the earliest first
        """
        ids = self._task.recall()
        batches = list(self._iter_batches())[::-1] if ids is None else [self._hook.get_batch(each) for each in ids]
        return [batch for batch in map(self._await_cancellation, batches) if _find_file_id(batch)]

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

    def _await_cancellation(self, batch: dict[str, Any]) -> dict[str, Any]:
        """
        Wait until a batch that is being cancelled is ``cancelled``: only then its answers are available.
        """
        while batch["status"] == "cancelling":
            time.sleep(LIST_CONSISTENCY_DELAY_S)
            batch = self._hook.get_batch(batch["id"])
        return batch

    def _write_inputs(self, lines: Iterable[Line], folder: Path) -> Iterator[Path]:
        """
        Write lines to input files within the service's limits, one after the other.
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
                f"The request of a row is {len(data):,} bytes; the service accepts {defaults.MAX_REQUEST_BYTES:,}."
            )
        return data


def _find_file_id(batch: Mapping[str, Any]) -> str:
    """
    Find the file with the ids of the lines that a batch has answered, or will; an empty string if there isn't one.
    """
    return batch.get("output_file_id" if batch["status"] in FINAL_STATUSES else "input_file_id") or ""


def wait(
    hook: BatchMethods, ids: Iterable[str], seconds: float, on_poll: Callable[[dict[str, Any]], None]
) -> Iterator[dict[str, Any]]:
    """
    Wait until batches reach a final status.

    :param hook: hook of the connection
    :param ids: ids of the batches
    :param seconds: seconds between two requests for the state of a batch
    :param on_poll: called with each state of a batch
    :return: the batches as the service describes them, each as soon as its status is final
    """
    for batch_id in ids:
        while (batch := hook.get_batch(batch_id))["status"] not in FINAL_STATUSES:
            on_poll(batch)
            time.sleep(seconds)
        on_poll(batch)
        yield batch
