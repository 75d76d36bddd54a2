"""
The answers of batches: downloaded once, kept on disk, and read by ``custom_id``.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from typing import Any, BinaryIO

from ...client.http.error_body import find_error, read_error
from ...client.http.error_meaning import choose_error_class
from ...errors import AIEndpointsError, BadRequestError, InvalidResponseError
from ...json_values import is_suspect
from ...redaction import scrub
from ..methods.batches import BatchMethods, parse_line
from .batch_run import read_digest


class Answers:
    """
    The answers of batches, on disk, by ``custom_id``.

    :param hook: hook of the connection
    """

    def __init__(self, hook: BatchMethods) -> None:
        self._hook = hook
        self._token = hook.settings.client.token
        self._file: BinaryIO = tempfile.TemporaryFile(prefix="ovh-ai-batch-")  # noqa: SIM115  (closed with this)
        self._good: dict[str, tuple[int, int]] = {}
        self._bad: dict[str, tuple[int, int]] = {}

    def __enter__(self) -> Answers:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def add(self, batch: Mapping[str, Any]) -> None:
        """
        Download the answers of a batch.

        If a ``custom_id`` occurs twice, the first line counts, and an answer takes precedence over an error.

        :param batch: batch in a final status
        :raises BadRequestError: if the batch failed as a whole
        """
        if batch["status"] == "failed":
            raise BadRequestError(scrub(_explain_batch_failure(batch), self._token))
        for name in ("output_file_id", "error_file_id"):
            if batch.get(name):
                self._load(batch[name])

    def get(self, custom_id: str) -> dict[str, Any] | None:
        """
        Read the output line of a request.

        :param custom_id: id of the request
        :return: the line, or None if the batches have none
        """
        digest = read_digest(custom_id)
        place = self._good.get(digest) or self._bad.get(digest)
        if place is None:
            return None
        self._file.seek(place[0])
        content = self._file.read(place[1])
        line: dict[str, Any] = json.loads(content)
        return self._hook.make_storable(line) if is_suspect(content) else line

    def explain_failure(self, line: Mapping[str, Any] | None) -> str | None:
        """
        Explain why a line lacks an answer.

        :param line: return value of :meth:`get`
        :return: the reason, without the token; None if the line contains an answer
        """
        reason = find_failure(line)
        return None if reason is None else scrub(reason, self._token)[:500]

    def _load(self, file_id: str) -> None:
        with tempfile.TemporaryFile(prefix="ovh-ai-batch-") as file:
            self._hook.save_file(file_id, file)
            file.seek(0)
            end = self._file.seek(0, 2)
            for number, line in enumerate(file, 1):
                if not line.strip():
                    continue
                value = parse_line(line, number, file_id)
                places = self._bad if find_failure(value) else self._good
                places.setdefault(read_digest(value.get("custom_id")), (end, len(line)))
                end += self._file.write(line)


def find_failure(line: Mapping[str, Any] | None) -> str | None:
    """
    Find the reason why a line lacks an answer.

    :param line: line of an output or error file, or None if there isn't one
    :return: the reason, or None if the line contains an answer
    """
    if line is None:
        return "The service gave no answer to this row."
    body = _read_body(line)
    if isinstance(body, dict) and read_status(line) == 200:
        return None
    detail = line.get("error") or body
    status = read_status(line)
    words = read_error(detail).words or (json.dumps(detail, ensure_ascii=False) if detail else "no reason is given")
    return f"{status}: {words}" if status else words


def build_error(line: Mapping[str, Any] | None, reason: str) -> AIEndpointsError:
    """
    Build the error of a line without an answer.

    :param line: line of an output or error file, or None if there isn't one
    :param reason: the message, see :meth:`Answers.explain_failure`
    :return: an error of the class that the same response to a request has; not retryable if the service rejects the
        request, or has answered it
    """
    status = read_status(line)
    if status is None or status < 400:
        error: AIEndpointsError = InvalidResponseError(reason, status=status)
        error.retryable = status is None
        return error
    code = read_error((line or {}).get("error") or _read_body(line)).code
    return choose_error_class(status, reason, code)(reason, status=status, code=code, detail=reason)


def _read_body(line: Mapping[str, Any] | None) -> Any:
    response = (line or {}).get("response")
    return response.get("body") if isinstance(response, Mapping) else None


def read_status(line: Mapping[str, Any] | None) -> int | None:
    """
    Read the HTTP status of a line.

    :param line: line of an output or error file, or None if there isn't one
    :return: the status; that of an error in the body if the line's own is 200; None if the line has none
    """
    response = (line or {}).get("response")
    if not isinstance(response, Mapping):
        return None
    error = find_error(_read_body(line))
    status = response.get("status_code")
    status = int(status) if isinstance(status, str) and len(status) == 3 and status.isdecimal() else status
    if status == 200 and error:
        # An error within a success counts as the error that it names.
        return error.status
    return status if type(status) is int else None


def _explain_batch_failure(batch: Mapping[str, Any]) -> str:
    errors = batch.get("errors")
    data = errors.get("data") if isinstance(errors, Mapping) else None
    first = data[0] if isinstance(data, list) and data and isinstance(data[0], Mapping) else {}
    where = f" line {first['line']}:" if first.get("line") else ""
    return f"The batch {batch['id']} failed before it began:{where} {first.get('message') or 'no reason is given'}."
