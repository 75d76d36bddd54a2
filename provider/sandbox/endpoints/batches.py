"""``/v1/batches``: runs the requests of an input file some time later and writes the answers to an output file."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...defaults import BATCH_LINES
from ..http.messages import Request, Response, model_refusal, parse_json
from .files import File, Files
from .parameters import Check, choice, read_params, text

#: Runs the request of one line: from its address and payload to a status and a body.
Run = Callable[[str, Mapping[str, Any]], tuple[int, Any]]

#: Endpoints and completion windows of a batch. Source: batch guide and blog, 2026-05.
ENDPOINTS = ("/v1/chat/completions", "/v1/embeddings")
WINDOWS = ("24h", "48h", "72h")

FINAL_STATUSES = frozenset({"completed", "failed", "expired", "cancelled"})

#: Shares of a batch's duration after which it is validated, and after which only its files aren't written yet.
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

    :param id: its id
    :param params: parameters of the request that created it
    :param lines: the valid lines of the input file
    :param errors: the invalid lines of the input file, with the reason
    :param started: creation time, in seconds since 1970
    """

    id: str
    params: dict[str, Any]
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
        Convert it to the API's object.

        :return: the batch object
        """
        names = ("in_progress", "finalizing", "completed", "failed", "expired", "cancelling", "cancelled")
        return {
            "id": self.id,
            "object": "batch",
            "endpoint": self.params["endpoint"],
            "errors": {"object": "list", "data": self.errors} if self.errors else None,
            "input_file_id": self.params["input_file_id"],
            "completion_window": self.params["completion_window"],
            "status": self.status,
            "output_file_id": self.output and self.output.id,
            "error_file_id": self.error and self.error.id,
            "created_at": int(self.started),
            "expires_at": int(self.started) + 3600 * int(self.params["completion_window"].removesuffix("h")),
            **{f"{name}_at": self.moments.get(name) for name in names},
            "request_counts": {"total": len(self.lines), "completed": self.completed, "failed": self.failed},
            "metadata": self.params.get("metadata"),
        }


class Batches:
    """
    The batches of the sandbox's only account. A request for a batch updates its status.

    :param files: the input and output files
    :param run: runs the request of one line
    :param seconds: duration of a batch
    :param expires: seconds after which a batch expires, None for never
    """

    def __init__(self, files: Files, run: Run, seconds: float, expires: float | None) -> None:
        self._files = files
        self._run = run
        self._seconds = seconds
        self._expires = expires
        self._lock = threading.Lock()
        self._batches: dict[str, Batch] = {}

    def create(self, request: Request) -> Response:
        """Answer ``POST /v1/batches``."""
        if not isinstance(request.json, dict):
            raise model_refusal(400, "The body must be a JSON object", code="invalid_json")
        params = read_params(request.json, _PARAMETERS)
        for name in ("input_file_id", "endpoint", "completion_window"):
            if name not in params:
                raise model_refusal(400, f"'{name}' is required", name, "missing_required_parameter")
        lines, errors = _read(self._files.get(params["input_file_id"]).content, params["endpoint"])
        with self._lock:
            batch = Batch(f"batch-{len(self._batches) + 1:06d}", params, lines, errors, time.time())
            self._batches[batch.id] = batch
            return Response(200, batch.to_dict())

    def list_(self, request: Request) -> Response:
        """Answer ``GET /v1/batches``: the latest first."""
        limit = request.query.get("limit", "20")
        if not limit.isdigit() or not 1 <= int(limit) <= 100:
            raise model_refusal(400, "'limit' must be a whole number from 1 to 100", "limit")
        with self._lock:
            batches = [self._update(batch) for batch in reversed(self._batches.values())]
        after = request.query.get("after")
        ids = [batch.id for batch in batches]
        begin = ids.index(after) + 1 if after in ids else 0
        data = [batch.to_dict() for batch in batches[begin : begin + int(limit)]]
        ends = {"first_id": data[0]["id"] if data else None, "last_id": data[-1]["id"] if data else None}
        return Response(200, {"object": "list", "data": data, "has_more": len(batches) > begin + len(data), **ends})

    def retrieve(self, _: Request, batch_id: str) -> Response:
        """Answer ``GET /v1/batches/{id}``."""
        with self._lock:
            return Response(200, self._update(self._find(batch_id)).to_dict())

    def cancel(self, _: Request, batch_id: str) -> Response:
        """Answer ``POST /v1/batches/{id}/cancel``."""
        with self._lock:
            batch = self._update(self._find(batch_id))
            if batch.status in FINAL_STATUSES:
                raise model_refusal(409, f"Cannot cancel a batch with status '{batch.status}'.", "id")
            _enter(batch, "cancelling")
            return Response(200, batch.to_dict())

    def _find(self, batch_id: str) -> Batch:
        if batch_id not in self._batches:
            raise model_refusal(404, f"No batch found with id '{batch_id}'.", "id", "batch_not_found")
        return self._batches[batch_id]

    def _update(self, batch: Batch) -> Batch:
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
    """Read an input file as strictly as a service that validates it before it starts the batch."""
    lines: list[dict[str, Any]] = []
    errors: list[dict[str, Any]] = []
    custom_ids: set[str] = set()
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
        error = _check_line(line, endpoint, custom_ids)
        if error:
            errors.append(_error(number, *error))
        else:
            custom_ids.add(line["custom_id"])
            lines.append(line)
    return lines, errors


def _check_line(line: Any, endpoint: str, custom_ids: set[str]) -> tuple[str, str] | None:
    if not isinstance(line, dict) or not isinstance(line.get("body"), dict):
        return "invalid_json_line", "The line is not a JSON object with a body."
    if not isinstance(line.get("custom_id"), str) or not line["custom_id"]:
        return "missing_required_parameter", "The line has no custom_id."
    if line["custom_id"] in custom_ids:
        return "duplicate_custom_id", f"The custom_id {line['custom_id']!r} was there before."
    if line.get("method") != "POST" or line.get("url") != endpoint:
        return "mismatched_endpoint", f"The line must be a POST to {endpoint}."
    return None


def _error(line: int | None, code: str, message: str) -> dict[str, Any]:
    return {"code": code, "line": line, "message": message, "param": None}
