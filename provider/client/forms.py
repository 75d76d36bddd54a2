"""
A file on its way to the service, within a form: read as it is sent, and again for each attempt.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

#: Bytes to read at once.
PIECE = 1024 * 1024


@dataclass(frozen=True)
class Form:
    """
    A ``multipart/form-data`` body with one file.

    :param fields: what goes beside the file
    :param name: what the file is called there; letters, digits and ``._-``
    :param path: where it is here
    """

    fields: Mapping[str, str]
    name: str
    path: Path
    boundary: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def content_type(self) -> str:
        """
        The media type, with what parts the parts.
        """
        return f"multipart/form-data; boundary={self.boundary}"

    def __len__(self) -> int:
        """
        Bytes in all.
        """
        return len(self._head) + self.path.stat().st_size + len(self._tail)

    def __iter__(self) -> Iterator[bytes]:
        """
        Read it, piece by piece.
        """
        yield self._head
        with self.path.open("rb") as file:
            while piece := file.read(PIECE):
                yield piece
        yield self._tail

    @property
    def _head(self) -> bytes:
        parts = [f'; name="{name}"\r\n\r\n{value}\r\n' for name, value in self.fields.items()]
        parts.append(f'; name="file"; filename="{self.name}"\r\nContent-Type: application/jsonl\r\n\r\n')
        return "".join(f"--{self.boundary}\r\nContent-Disposition: form-data{part}" for part in parts).encode()

    @property
    def _tail(self) -> bytes:
        return f"\r\n--{self.boundary}--\r\n".encode()
