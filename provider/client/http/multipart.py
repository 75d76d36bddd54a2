"""
A file on its way to the service, within a form: read as it is sent, and again for each attempt.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

from ...errors import AIEndpointsError

#: Bytes to read at once.
CHUNK_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Attachment:
    """
    The file of a form.

    :param name: what it is called there; letters, digits and ``._-``
    :param media_type: what it is
    :param size: its bytes
    :param open: opens it, to be read from its beginning
    """

    name: str
    media_type: str
    size: int
    open: Callable[[], BinaryIO] = field(repr=False)

    def __iter__(self) -> Iterator[bytes]:
        """
        Read it, piece by piece.
        """
        left = self.size
        with self.open() as stream:
            while left and (piece := stream.read(min(CHUNK_BYTES, left))):
                left -= len(piece)
                yield piece
            # The length of the request is known to the service by now: it cannot take what is more, nor do without.
            if left or stream.read(1):
                raise AIEndpointsError("The file changed while it was sent: let what writes it end before this task.")


@dataclass(frozen=True)
class MultipartForm:
    """
    A ``multipart/form-data`` body with one file.

    :param fields: what goes before the file, each a name and its value; a name may come twice
    :param file: the file
    """

    fields: Sequence[tuple[str, str]]
    file: Attachment
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
        return len(self._head) + self.file.size + len(self._tail)

    def __iter__(self) -> Iterator[bytes]:
        """
        Read it, piece by piece.
        """
        yield self._head
        yield from self.file
        yield self._tail

    @property
    def _head(self) -> bytes:
        parts = [f'; name="{name}"\r\n\r\n{value}\r\n' for name, value in self.fields]
        parts.append(f'; name="file"; filename="{self.file.name}"\r\nContent-Type: {self.file.media_type}\r\n\r\n')
        return "".join(f"--{self.boundary}\r\nContent-Disposition: form-data{part}" for part in parts).encode()

    @property
    def _tail(self) -> bytes:
        return f"\r\n--{self.boundary}--\r\n".encode()
