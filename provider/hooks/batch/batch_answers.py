"""
What batches answered: read once from their files, kept on disk, and found by the ids of lines.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, BinaryIO

from ...errors import BadRequestError
from ...redaction import scrub
from ..methods.batches import BatchMethods, parse_line


class Answers:
    """
    What batches answered, on disk, by the ids of lines.

    :param hook: talks to the service
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
        Download what a batch answered. Of lines that come twice the first counts, and an answer more than an error.

        :param batch: one that has ended
        :raises BadRequestError: if it failed as a whole
        """
        if batch["status"] == "failed":
            raise BadRequestError(scrub(_why_failed(batch), self._token))
        for name in ("output_file_id", "error_file_id"):
            if batch.get(name):
                self._load(batch[name])

    def get(self, custom_id: str) -> dict[str, Any] | None:
        """
        Find the line of an answer.

        :param custom_id: of the line that asked
        :return: the line, or None if there is none
        """
        place = self._good.get(custom_id) or self._bad.get(custom_id)
        if place is None:
            return None
        self._file.seek(place[0])
        found: dict[str, Any] = json.loads(self._file.read(place[1]))
        return found

    def why(self, line: Mapping[str, Any] | None) -> str | None:
        """
        Tell why a line has no answer.

        :param line: as :meth:`get` returned it
        :return: a sentence without the token, which a service may tell back; None where there is an answer
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
                known = self._bad if find_failure(value) else self._good
                known.setdefault(str(value.get("custom_id")), (end, len(line)))
                end += self._file.write(line)


def find_failure(line: Mapping[str, Any] | None) -> str | None:
    """
    Tell why a line has no answer.

    :param line: of an output or error file, or None where there was none
    :return: a sentence, or None where there is an answer
    """
    if line is None:
        return "The service gave no answer to this row."
    response = line.get("response")
    if isinstance(response, Mapping) and response.get("status_code") == 200 and isinstance(response.get("body"), dict):
        return None
    said: Any = line.get("error")
    if isinstance(response, Mapping):
        said = said or response.get("body")
        status = f"{response.get('status_code')}: "
    else:
        status = ""
    with suppress(AttributeError):
        said = said.get("error") or said
        said = said.get("message") or said
    # Longer than it is told, so that no part of a token is left at its end.
    return f"{status}{said}"[:2_000]


def is_retryable(line: Mapping[str, Any] | None) -> bool:
    """
    Tell whether a row that failed may be answered the next time.

    :param line: of an output or error file, or None where there was none
    :return: False where the service does not accept the request, or has answered it
    """
    response = (line or {}).get("response")
    status = response.get("status_code") if isinstance(response, Mapping) else None
    return type(status) is not int or status in {408, 429} or status >= 500


def _why_failed(batch: Mapping[str, Any]) -> str:
    errors = batch.get("errors")
    data = errors.get("data") if isinstance(errors, Mapping) else None
    first = data[0] if isinstance(data, list) and data and isinstance(data[0], Mapping) else {}
    where = f" line {first['line']}:" if first.get("line") else ""
    return f"The batch {batch['id']} failed before it began:{where} {first.get('message') or 'no reason is given'}."
