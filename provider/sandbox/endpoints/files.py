"""``/v1/files``: the input and output files of batches."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Any

from ...defaults import BATCH_BYTES
from ..http.messages import Request, Response, gateway_refusal, model_refusal
from ..http.request_bodies import parts


@dataclass(frozen=True)
class File:
    """
    One file.

    :param id: its id
    :param name: file name
    :param purpose: ``batch`` or ``batch_output``
    :param content: bytes of the file
    :param created: creation time, in seconds since 1970
    """

    id: str
    name: str
    purpose: str
    content: bytes
    created: int

    def to_dict(self) -> dict[str, Any]:
        """
        Convert it to the API's object.

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
    """The files of the sandbox's only account."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._files: dict[str, File] = {}
        self._count = 0

    def add(self, name: str, purpose: str, content: bytes) -> File:
        """
        Store a file.

        :param name: file name
        :param purpose: ``batch`` or ``batch_output``
        :param content: bytes of the file
        :return: the file
        """
        with self._lock:
            self._count += 1
            file = File(f"file-{self._count:06d}", name, purpose, content, int(time.time()))
            self._files[file.id] = file
            return file

    def get(self, file_id: str) -> File:
        """
        Find a file.

        :param file_id: id of the file
        :return: the file
        :raise Refusal: the file doesn't exist
        """
        with self._lock:
            file = self._files.get(file_id)
        if file is None:
            raise model_refusal(404, f"No such File object: {file_id}", "id", "file_not_found")
        return file

    def upload(self, request: Request) -> Response:
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
        return Response(200, self.add(name, "batch", content).to_dict())

    def list_(self, _: Request) -> Response:
        """Answer ``GET /v1/files``."""
        with self._lock:
            return Response(200, {"object": "list", "data": [file.to_dict() for file in self._files.values()]})

    def retrieve(self, _: Request, file_id: str) -> Response:
        """Answer ``GET /v1/files/{id}``."""
        return Response(200, self.get(file_id).to_dict())

    def content(self, _: Request, file_id: str) -> Response:
        """Answer ``GET /v1/files/{id}/content``."""
        return Response(200, self.get(file_id).content, {"Content-Type": "application/octet-stream"})

    def delete(self, _: Request, file_id: str) -> Response:
        """Answer ``DELETE /v1/files/{id}``."""
        self.get(file_id)
        with self._lock:
            self._files.pop(file_id, None)
        return Response(200, {"id": file_id, "object": "file", "deleted": True})
