"""
Files and batches: builds requests and checks responses. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ... import defaults
from ...errors import ConfigurationError, InvalidResponseError
from ...validation import quote, text
from ..http.http_request import Request, encode
from ..http.http_response import HTTPResponse, facts
from ..http.multipart import Attachment, MultipartForm

#: Endpoints that a batch may call.
ENDPOINTS = ("/v1/chat/completions", "/v1/embeddings")

#: Pages of the list of batches that are read, of 100 batches each.
MAX_PAGES = 1_000

#: States that a batch does not leave.
FINAL_STATUSES = frozenset({"completed", "failed", "expired", "cancelled"})


def upload(path: Path, name: str) -> Request:
    """
    Build the request that uploads a batch's input.

    :param path: a JSON Lines file
    :param name: its name at the service
    :return: the request
    :raises ConfigurationError: if the file is too large, or the name is invalid
    """
    size = path.stat().st_size
    if size > defaults.BATCH_BYTES:
        raise ConfigurationError(
            f"The batch's input is {size:,} bytes; the service accepts {defaults.BATCH_BYTES:,}: send several batches."
        )
    if not re.fullmatch(r"[\w.-]{1,200}", name, re.ASCII):
        raise ConfigurationError(f"The name of a file is made of letters, digits and '._-', not {quote(name)}.")
    form = MultipartForm([("purpose", "batch")], Attachment(name, "application/jsonl", size, lambda: path.open("rb")))
    # A file that is uploaded twice costs nothing.
    return Request("POST", "/files", "upload of a file", form=form, size=size)


def download(file_id: str, size: int) -> Request:
    """
    Build the request for a file's content.

    :param file_id: id of the file
    :param size: in bytes, which extends the timeout
    :return: the request
    """
    return Request("GET", f"/files/{_id(file_id, 'file_id')}/content", "content of a file", size=size)


def retrieve_file(file_id: str) -> Request:
    """
    Build the request for a file's metadata.

    :param file_id: id of the file
    :return: the request
    """
    return Request("GET", f"/files/{_id(file_id, 'file_id')}", "file")


def delete(file_id: str) -> Request:
    """
    Build the request that deletes a file.

    :param file_id: id of the file
    :return: the request
    """
    return Request("DELETE", f"/files/{_id(file_id, 'file_id')}", "deletion of a file")


def create(
    input_file_id: Any, endpoint: Any, completion_window: Any = "24h", metadata: Mapping[str, str] | None = None
) -> Request:
    """
    Build the request that starts a batch, which is billed.

    :param input_file_id: id of the uploaded file
    :param endpoint: one of :data:`ENDPOINTS`
    :param completion_window: time within which the batch must complete, such as ``24h``
    :param metadata: up to 16 strings by name
    :return: the request
    :raises ConfigurationError: if an argument is invalid
    """
    if endpoint not in ENDPOINTS:
        raise ConfigurationError(f"endpoint must be one of {', '.join(ENDPOINTS)}, not {quote(endpoint)}.")
    body = {
        "input_file_id": text(input_file_id, "input_file_id"),
        "endpoint": endpoint,
        "completion_window": text(completion_window, "completion_window"),
        "metadata": metadata,
    }
    return Request("POST", "/batches", "start of a batch", content=encode(body), safe_to_retry=False)


def retrieve(batch_id: Any) -> Request:
    """
    Build the request for the state of a batch.

    :param batch_id: id of the batch
    :return: the request
    """
    return Request("GET", f"/batches/{_id(batch_id, 'batch_id')}", "batch")


def page(after: str | None = None, limit: int = 100) -> Request:
    """
    Build the request for a page of the list of batches, the latest first.

    :param after: id of the last batch of the previous page; None for the first page
    :param limit: batches on a page, 1 to 100
    :return: the request
    """
    cursor = f"&after={_id(after, 'after')}" if after else ""
    return Request("GET", f"/batches?limit={limit}{cursor}", "list of batches")


class BatchPages:
    """
    Follows the list of batches page by page, to its end, or until a page makes no progress.

    Some services ignore ``after`` and return the first page again and again.
    """

    def __init__(self) -> None:
        self._seen_ids: set[str] = set()
        self._count = 0
        #: The request for the next page, or None at the end.
        self.request: Request | None = page()
        #: Whether the list goes on, but can't be followed.
        self.is_cut = False

    def read(self, value: Mapping[str, Any]) -> list[dict[str, Any]]:
        """
        Read the page that :attr:`request` requested, and build the request for the next.

        :param value: the response's JSON
        :return: its batches, without those of earlier pages
        """
        data = value.get("data")
        batches = [each for each in data if isinstance(each, dict)] if isinstance(data, list) else []
        new = [each for each in batches if str(each.get("id")) not in self._seen_ids]
        self._seen_ids.update(str(each.get("id")) for each in new)
        self._count += 1
        last_id = batches[-1].get("id") if batches else None
        goes_on = bool(value.get("has_more") and batches)
        can_follow = bool(new) and isinstance(last_id, str) and self._count < MAX_PAGES
        self.is_cut = goes_on and not can_follow
        self.request = page(last_id) if goes_on and can_follow else None
        return new


def cancel(batch_id: Any) -> Request:
    """
    Build the request that cancels a batch; rows answered by then are billed.

    :param batch_id: id of the batch
    :return: the request
    """
    return Request("POST", f"/batches/{_id(batch_id, 'batch_id')}/cancel", "cancellation of a batch")


def check(value: dict[str, Any], kind: str, response: HTTPResponse) -> dict[str, Any]:
    """
    Check that a response is a file or a batch.

    :param value: the response's JSON
    :param kind: ``file`` or ``batch``
    :param response: the response
    :return: the same JSON
    :raises InvalidResponseError: if it doesn't have an id, or a batch doesn't have a status
    """
    names = ("id", "status") if kind == "batch" else ("id",)
    missing = next((name for name in names if not isinstance(value.get(name), str)), None)
    if missing:
        raise InvalidResponseError(f"The {kind} came back without {missing!r}.", **facts(response))
    return value


def summary(batch: Mapping[str, Any]) -> dict[str, Any]:
    """
    Summarise the progress of a batch.

    :param batch: the service's JSON
    :return: ``id``, ``status``, and the numbers of rows ``completed``, ``failed`` and in ``total``, None if the service
        doesn't report them
    """
    counts = batch.get("request_counts")
    fields = counts if isinstance(counts, Mapping) else {}
    numbers = {name: fields.get(name) if type(fields.get(name)) is int else None for name in _COUNTS}
    return {"id": str(batch.get("id")), "status": str(batch.get("status")), **numbers}


_COUNTS = ("completed", "failed", "total")


def describe(progress: Mapping[str, Any]) -> str:
    """
    Describe the progress of a batch.

    :param progress: its :func:`summary`
    :return: one line for a log
    """
    progress = {name: "?" if value is None else value for name, value in progress.items()}
    return "AI Endpoints batch {id}: {status}, {completed} of {total} done, {failed} failed".format(**progress)


def _id(value: Any, name: str) -> str:
    # It becomes part of a URL.
    if not isinstance(value, str) or not re.fullmatch(r"[\w.:-]{1,200}", value, re.ASCII) or ".." in value:
        raise ConfigurationError(f"{name} must be an id of the service, not {quote(value)}.")
    return value
