"""``/v1/files``: what a batch reads and writes."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Any

from ...defaults import BATCH_BYTES
from ..http.messages import Reply, Request, gateway_refusal, model_refusal
from ..http.request_bodies import parts


@dataclass(frozen=True)
class File:
    """
    One file.

    :param id: what the service calls it
    :param name: what its owner calls it
    :param purpose: ``batch``, or ``batch_output``
    :param content: all of it
    :param created: seconds since 1970
    """

    id: str
    name: str
    purpose: str
    content: bytes
    created: int

    def to_dict(self) -> dict[str, Any]:
        """
        Show it as the API does.

        :return: the file object
        """
        return {
            "id": self.id,
            "object": "file",
            "bytes": len(self.content),
            "created_at": self.created,
            "filename": self.name,
            "purpose": self.purpose,
            "status": "processed",
        }


class Files:
    """The files of the one account that there is."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._files: dict[str, File] = {}
        self._made = 0

    def add(self, name: str, purpose: str, content: bytes) -> File:
        """
        Keep a file.

        :param name: what its owner calls it
        :param purpose: what it is for
        :param content: all of it
        :return: the file
        """
        with self._lock:
            self._made += 1
            file = File(f"file-{self._made:06d}", name, purpose, content, int(time.time()))
            self._files[file.id] = file
            return file

    def get(self, file_id: str) -> File:
        """
        Find a file.

        :param file_id: what the service calls it
        :return: the file
        """
        with self._lock:
            found = self._files.get(file_id)
        if found is None:
            raise model_refusal(404, f"No such File object: {file_id}", "id", "file_not_found")
        return found

    def upload(self, request: Request) -> Reply:
        """Answer ``POST /v1/files``."""
        fields = dict(parts(request))
        _, purpose = fields.get("purpose", ("", b""))
        if purpose != b"batch":
            raise model_refusal(400, "'purpose' must be batch", "purpose")
        if "file" not in fields:
            raise model_refusal(400, "'file' is required", "file")
        name, content = fields["file"]
        if len(content) > BATCH_BYTES:
            raise gateway_refusal(413, f"The file is {len(content)} bytes, more than {BATCH_BYTES}")
        return Reply(200, self.add(name, "batch", content).to_dict())

    def list_(self, _: Request) -> Reply:
        """Answer ``GET /v1/files``."""
        with self._lock:
            return Reply(200, {"object": "list", "data": [file.to_dict() for file in self._files.values()]})

    def retrieve(self, _: Request, file_id: str) -> Reply:
        """Answer ``GET /v1/files/{id}``."""
        return Reply(200, self.get(file_id).to_dict())

    def content(self, _: Request, file_id: str) -> Reply:
        """Answer ``GET /v1/files/{id}/content``."""
        return Reply(200, self.get(file_id).content, {"Content-Type": "application/octet-stream"})

    def delete(self, _: Request, file_id: str) -> Reply:
        """Answer ``DELETE /v1/files/{id}``."""
        self.get(file_id)
        with self._lock:
            self._files.pop(file_id, None)
        return Reply(200, {"id": file_id, "object": "file", "deleted": True})
