"""
A file in a ``multipart/form-data`` form, read while it is sent, and again for each attempt.
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

    :param name: its name in the form; letters, digits and ``._-``
    :param media_type: media type
    :param size: in bytes
    :param open: opens the file at its beginning
    """

    name: str
    media_type: str
    size: int
    open: Callable[[], BinaryIO] = field(repr=False)

    def __iter__(self) -> Iterator[bytes]:
        """
        Read the file in chunks.
        """
        left = self.size
        with self.open() as stream:
            while left and (chunk := stream.read(min(CHUNK_BYTES, left))):
                left -= len(chunk)
                yield chunk
            # The service knows the length of the request by now, and accepts neither more nor less.
            if left or stream.read(1):
                raise AIEndpointsError("The file changed while it was sent: let what writes it end before this task.")


@dataclass(frozen=True)
class MultipartForm:
    """
    A ``multipart/form-data`` body with one file.

    :param fields: pairs of name and value, sent before the file; a name may occur twice
    :param file: the file
    """

    fields: Sequence[tuple[str, str]]
    file: Attachment
    boundary: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def content_type(self) -> str:
        """
        The media type with its boundary.
        """
        return f"multipart/form-data; boundary={self.boundary}"

    def __len__(self) -> int:
        """
        Return the length in bytes.
        """
        return len(self._head) + self.file.size + len(self._tail)

    def __iter__(self) -> Iterator[bytes]:
        """
        Read the body in chunks.
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
