"""``/v1/batches``: many requests of a file, answered some time later, into another file."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...defaults import BATCH_LINES
from ..http.messages import Reply, Request, model_refusal, parse_json
from .files import File, Files
from .parameters import Check, checked, choice, text

#: Answers one line: an address and a payload to a status and a body.
Run = Callable[[str, Mapping[str, Any]], tuple[int, Any]]

#: What a batch may ask, and how long it may take. Source: batch guide and blog, 2026-05.
ENDPOINTS = ("/v1/chat/completions", "/v1/embeddings")
WINDOWS = ("24h", "48h", "72h")

FINAL_STATUSES = frozenset({"completed", "failed", "expired", "cancelled"})

#: Shares of its time after which a batch has been checked, and has been answered but not yet written.
_CHECKED, _ANSWERED = 0.1, 0.9


def _metadata(value: Any) -> str | None:
    good = isinstance(value, dict) and len(value) <= 16 and all(isinstance(each, str) for each in value.values())
    return None if good else "must be an object of up to 16 texts"


_PARAMETERS: dict[str, Check] = {
    "input_file_id": text,
    "endpoint": choice(*ENDPOINTS),
    "completion_window": choice(*WINDOWS),
    "metadata": _metadata,
}


@dataclass
class Batch:
    """
    One batch.

    :param id: what the service calls it
    :param given: the parameters of the request that made it
    :param lines: what it asks, as far as that can be read
    :param errors: what is wrong with its file
    :param started: when it was made, in seconds since 1970
    """

    id: str
    given: dict[str, Any]
    lines: list[dict[str, Any]]
    errors: list[dict[str, Any]]
    started: float
    status: str = "validating"
    moments: dict[str, int] = field(default_factory=dict)
    completed: int = 0
    failed: int = 0
    output: File | None = None
    error: File | None = None

    def to_dict(self) -> dict[str, Any]:
        """
        Show it as the API does.

        :return: the batch object
        """
        names = ("in_progress", "finalizing", "completed", "failed", "expired", "cancelling", "cancelled")
        return {
            "id": self.id,
            "object": "batch",
            "endpoint": self.given["endpoint"],
            "errors": {"object": "list", "data": self.errors} if self.errors else None,
            "input_file_id": self.given["input_file_id"],
            "completion_window": self.given["completion_window"],
            "status": self.status,
            "output_file_id": self.output and self.output.id,
            "error_file_id": self.error and self.error.id,
            "created_at": int(self.started),
            "expires_at": int(self.started) + 3600 * int(self.given["completion_window"].removesuffix("h")),
            **{f"{name}_at": self.moments.get(name) for name in names},
            "request_counts": {"total": len(self.lines), "completed": self.completed, "failed": self.failed},
            "metadata": self.given.get("metadata"),
        }


class Batches:
    """
    The batches of the one account that there is. They move on when somebody looks.

    :param files: what they read and write
    :param run: answers one line
    :param seconds: how long each takes
    :param expires: seconds after which each has expired, None for never
    """

    def __init__(self, files: Files, run: Run, seconds: float, expires: float | None) -> None:
        self._files = files
        self._run = run
        self._seconds = seconds
        self._expires = expires
        self._lock = threading.Lock()
        self._batches: dict[str, Batch] = {}

    def create(self, request: Request) -> Reply:
        """Answer ``POST /v1/batches``."""
        if not isinstance(request.json, dict):
            raise model_refusal(400, "The body must be a JSON object", code="invalid_json")
        given = checked(request.json, _PARAMETERS)
        for name in ("input_file_id", "endpoint", "completion_window"):
            if name not in given:
                raise model_refusal(400, f"'{name}' is required", name, "missing_required_parameter")
        lines, errors = _read(self._files.get(given["input_file_id"]).content, given["endpoint"])
        with self._lock:
            batch = Batch(f"batch-{len(self._batches) + 1:06d}", given, lines, errors, time.time())
            self._batches[batch.id] = batch
            return Reply(200, batch.to_dict())

    def list_(self, request: Request) -> Reply:
        """Answer ``GET /v1/batches``: the latest first."""
        limit = request.query.get("limit", "20")
        if not limit.isdigit() or not 1 <= int(limit) <= 100:
            raise model_refusal(400, "'limit' must be a whole number from 1 to 100", "limit")
        with self._lock:
            found = [self._moved(batch) for batch in reversed(self._batches.values())]
        after = request.query.get("after")
        ids = [batch.id for batch in found]
        begin = ids.index(after) + 1 if after in ids else 0
        data = [batch.to_dict() for batch in found[begin : begin + int(limit)]]
        ends = {"first_id": data[0]["id"] if data else None, "last_id": data[-1]["id"] if data else None}
        return Reply(200, {"object": "list", "data": data, "has_more": len(found) > begin + len(data), **ends})

    def retrieve(self, _: Request, batch_id: str) -> Reply:
        """Answer ``GET /v1/batches/{id}``."""
        with self._lock:
            return Reply(200, self._moved(self._find(batch_id)).to_dict())

    def cancel(self, _: Request, batch_id: str) -> Reply:
        """Answer ``POST /v1/batches/{id}/cancel``."""
        with self._lock:
            batch = self._moved(self._find(batch_id))
            if batch.status in FINAL_STATUSES:
                raise model_refusal(409, f"Cannot cancel a batch with status '{batch.status}'.", "id")
            _enter(batch, "cancelling")
            return Reply(200, batch.to_dict())

    def _find(self, batch_id: str) -> Batch:
        if batch_id not in self._batches:
            raise model_refusal(404, f"No batch found with id '{batch_id}'.", "id", "batch_not_found")
        return self._batches[batch_id]

    def _moved(self, batch: Batch) -> Batch:
        if batch.status in FINAL_STATUSES:
            return batch
        gone = time.time() - batch.started
        share = gone / self._seconds if self._seconds else 1.0
        if batch.errors:
            _enter(batch, "failed")
        elif batch.status == "cancelling":
            self._end(batch, "cancelled", _count_done(batch, share))
        elif self._expires is not None and gone >= self._expires and share < 1:
            self._end(batch, "expired", _count_done(batch, share))
        elif share >= 1:
            self._end(batch, "completed", len(batch.lines))
        elif share >= _CHECKED:
            _enter(batch, "in_progress" if share < _ANSWERED else "finalizing")
            batch.completed = _count_done(batch, share)
        return batch

    def _end(self, batch: Batch, status: str, done: int) -> None:
        output: list[dict[str, Any]] = []
        errors: list[dict[str, Any]] = []
        for number, line in enumerate(batch.lines[:done], 1):
            code, body = self._run(line["url"], line["body"])
            answer = {"status_code": code, "request_id": f"{batch.id}-{number}", "body": body}
            record = {"id": f"{batch.id}-{number}", "custom_id": line["custom_id"], "response": answer, "error": None}
            (output if code < 400 else errors).append(record)
        batch.completed, batch.failed = len(output), len(errors)
        reason = {"code": f"batch_{status}", "message": f"This request was not run: the batch is {status}."}
        for number, line in enumerate(batch.lines[done:], done + 1):
            record = {"id": f"{batch.id}-{number}", "custom_id": line["custom_id"], "response": None, "error": reason}
            errors.append(record)
        batch.output = self._write(batch, "output", output)
        batch.error = self._write(batch, "error", errors)
        _enter(batch, status)

    def _write(self, batch: Batch, kind: str, records: list[dict[str, Any]]) -> File | None:
        content = "".join(f"{json.dumps(record, ensure_ascii=False)}\n" for record in records).encode()
        return self._files.add(f"{batch.id}_{kind}.jsonl", "batch_output", content) if records else None


def _enter(batch: Batch, status: str) -> None:
    batch.status = status
    batch.moments.setdefault(status, int(time.time()))


def _count_done(batch: Batch, share: float) -> int:
    return min(len(batch.lines), int(len(batch.lines) * max(0.0, share - _CHECKED) / (_ANSWERED - _CHECKED)))


def _read(content: bytes, endpoint: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Read an input file, as strictly as a service does that reads it before it begins."""
    lines: list[dict[str, Any]] = []
    errors: list[dict[str, Any]] = []
    seen: set[str] = set()
    raw = content.splitlines()
    if not raw:
        return [], [_error(None, "empty_file", "The input file is empty.")]
    if len(raw) > BATCH_LINES:
        return [], [_error(None, "too_many_requests", f"The input file has {len(raw)} lines, more than {BATCH_LINES}.")]
    for number, each in enumerate(raw, 1):
        try:
            line = parse_json(each)
        except ValueError:
            line = None
        wrong = _wrong(line, endpoint, seen)
        if wrong:
            errors.append(_error(number, *wrong))
        else:
            seen.add(line["custom_id"])
            lines.append(line)
    return lines, errors


def _wrong(line: Any, endpoint: str, seen: set[str]) -> tuple[str, str] | None:
    if not isinstance(line, dict) or not isinstance(line.get("body"), dict):
        return "invalid_json_line", "The line is not a JSON object with a body."
    if not isinstance(line.get("custom_id"), str) or not line["custom_id"]:
        return "missing_required_parameter", "The line has no custom_id."
    if line["custom_id"] in seen:
        return "duplicate_custom_id", f"The custom_id {line['custom_id']!r} was there before."
    if line.get("method") != "POST" or line.get("url") != endpoint:
        return "mismatched_endpoint", f"The line must be a POST to {endpoint}."
    return None


def _error(line: int | None, code: str, message: str) -> dict[str, Any]:
    return {"code": code, "line": line, "message": message, "param": None}
