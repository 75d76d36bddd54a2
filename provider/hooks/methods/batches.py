"""
Methods of the hook for files and batches.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from ... import defaults
from ...client.batches import batches_api
from ...client.http import http_response
from ...client.http.http_request import Request, encode
from ...client.http.json_body import read_json
from ...errors import ConfigurationError, InvalidResponseError
from ..base import BaseAIEndpointsHook


class BatchMethods(BaseAIEndpointsHook):
    """
    Methods for files and batches.
    """

    def upload_batch_input(self, lines: Iterable[Mapping[str, Any]], name: str = "input.jsonl") -> dict[str, Any]:
        """
        Upload the input of a batch. It is buffered on disk, not in memory.

        :param lines: requests, each with ``custom_id``, ``method``, ``url`` and ``body``
        :param name: name of the file at the service
        :return: the file as the service describes it: ``id``, ``bytes``, ``filename`` ...
        :raises ConfigurationError: before the upload, if ``lines`` is empty, or larger than the service accepts
        :raises AIEndpointsError: see :mod:`..errors` for which, and what a retry would do
        """
        with self.boundary(), tempfile.TemporaryDirectory(prefix="ovh-ai-batch-") as folder:
            path = Path(folder) / "input.jsonl"
            with path.open("wb") as file:
                _write(lines, file)
            return self.upload_file(path, name)

    def upload_file(self, path: Path, name: str) -> dict[str, Any]:
        """
        Upload a JSON Lines file as the input of a batch.

        :param path: path of the file on this machine
        :param name: name of the file at the service
        :return: the file as the service describes it
        :raises ConfigurationError: if it is larger than the service accepts
        :raises AIEndpointsError: see :mod:`..errors` for which, and what a retry would do
        """
        with self.boundary():
            return self._call(batches_api.upload(path, name), "file")

    def create_batch(
        self,
        input_file_id: str,
        endpoint: str = "/v1/chat/completions",
        completion_window: str = "24h",
        metadata: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """
        Start a batch. It is billed, so the request isn't retried if the service may already have received it.

        :param input_file_id: id of an uploaded file
        :param endpoint: ``/v1/chat/completions`` or ``/v1/embeddings``
        :param completion_window: time in which the batch is to be completed, such as ``24h``
        :param metadata: up to 16 names and strings to store with the batch
        :return: the batch as the service describes it: ``id``, ``status`` ...
        :raises AIEndpointsError: see :mod:`..errors` for which, and what a retry would do
        """
        with self.boundary():
            return self._call(batches_api.create(input_file_id, endpoint, completion_window, metadata), "batch")

    def get_batch(self, batch_id: str) -> dict[str, Any]:
        """
        Read the state of a batch.

        :param batch_id: id of the batch
        :return: the batch: ``status``, ``request_counts``, ``output_file_id``, ``error_file_id`` ...
        :raises AIEndpointsError: see :mod:`..errors` for which, and what a retry would do
        """
        with self.boundary():
            return self._call(batches_api.retrieve(batch_id), "batch")

    def list_batches(self) -> Iterator[dict[str, Any]]:
        """
        Iterate over all batches, the latest first. Further pages are requested as you read on.

        If the service returns the same page again, the list ends there, with a warning in the log.

        :return: the batches as the service describes them
        :raises AIEndpointsError: see :mod:`..errors` for which, and what a retry would do
        """
        pages = batches_api.BatchPages()
        while request := pages.request:
            with self.boundary():
                response = self.get_conn().send(request)
                value = http_response.parse(response, request, self.settings.client)
                data = value.get("data")
                if not isinstance(data, list):
                    raise InvalidResponseError(
                        "The list of batches came back without 'data'.", **http_response.facts(response)
                    )
                for each in data:
                    batches_api.check(each if isinstance(each, dict) else {}, "batch", response)
                batches = pages.read(value)
            yield from batches
        if pages.is_cut:
            self.log.warning("The service repeats its list of batches, or never ends it: earlier batches are unknown.")

    def cancel_batch(self, batch_id: str) -> dict[str, Any]:
        """
        Cancel a batch. Answers up to then are billed, and you can read them once the batch is ``cancelled``.

        :param batch_id: id of the batch
        :return: the batch
        :raises AIEndpointsError: see :mod:`..errors` for which, and what a retry would do
        """
        with self.boundary():
            return self._call(batches_api.cancel(batch_id), "batch")

    def save_file(self, file_id: str, sink: BinaryIO) -> None:
        """
        Download a file of any size.

        :param file_id: id of the file
        :param sink: an empty, seekable binary file to write to
        :raises AIEndpointsError: see :mod:`..errors` for which, and what a retry would do
        """
        with self.boundary():
            size = self._call(batches_api.retrieve_file(file_id), "file").get("bytes")
            self.get_conn().send(batches_api.download(file_id, size if isinstance(size, int) else 0), sink)
            received = sink.seek(0, os.SEEK_END)
            if isinstance(size, int) and received < size:
                raise InvalidResponseError(
                    f"The file {file_id} came with {received:,} of its {size:,} bytes: the rest is lost. Try again."
                )

    def read_file(self, file_id: str) -> Iterator[dict[str, Any]]:
        """
        Iterate over the lines of a batch's input or output. The file is buffered on disk, not in memory.

        :param file_id: ``input_file_id``, ``output_file_id`` or ``error_file_id`` of a batch
        :return: the lines, each with ``custom_id``; those of an output also with ``response`` or ``error``
        :raises InvalidResponseError: if a line isn't a JSON object
        :raises AIEndpointsError: see :mod:`..errors` for which, and what a retry would do
        """
        with self.boundary(), tempfile.TemporaryFile(prefix="ovh-ai-batch-") as file:
            self.save_file(file_id, file)
            file.seek(0)
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield parse_line(line, number, file_id)

    def delete_file(self, file_id: str) -> None:
        """
        Delete a file at the service.

        :param file_id: id of the file
        :raises AIEndpointsError: see :mod:`..errors` for which, and what a retry would do
        """
        with self.boundary():
            self._call(batches_api.delete(file_id), "file")

    def _call(self, request: Request, kind: str) -> dict[str, Any]:
        response = self.get_conn().send(request)
        return batches_api.check(http_response.parse(response, request, self.settings.client), kind, response)


def _write(lines: Iterable[Mapping[str, Any]], file: BinaryIO) -> None:
    count = size = 0
    for line in lines:
        count += 1
        if count > defaults.BATCH_LINES:
            raise ConfigurationError(
                f"The batch has more than the {defaults.BATCH_LINES:,} lines that the service accepts: send several."
            )
        size += file.write(encode(line) + b"\n")
        if size > defaults.BATCH_BYTES:
            raise ConfigurationError(
                f"The batch's input has more than the {defaults.BATCH_BYTES:,} bytes that the service accepts, "
                f"reached at line {count:,}: send several."
            )
    if not count:
        raise ConfigurationError("The batch must have at least one line.")


def parse_line(line: bytes, number: int, file_id: str) -> dict[str, Any]:
    """
    Parse a line of a batch's file.

    :param line: the line
    :param number: number of the line, from 1, for the error
    :param file_id: id of the file, for the error
    :return: the JSON object
    :raises InvalidResponseError: if the line isn't a JSON object
    """
    is_json, value = read_json(line)
    if is_json and isinstance(value, dict):
        return value
    raise InvalidResponseError(f"Line {number} of the file {file_id} is no JSON object.")
