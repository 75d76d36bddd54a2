"""
What to send: requests as data, checked before anything leaves the machine. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ...errors import ConfigurationError
from .multipart import MultipartForm

#: ``json.dumps`` would make another encoder each time.
_write = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode

#: Bytes a second at which a file may travel: 2 Mbit/s.
MIN_UPLOAD_BYTES_PER_S = 250_000


@dataclass(frozen=True)
class Request:
    """
    One HTTP request to come.

    :param method: HTTP method
    :param path: path below the base URL
    :param description: what it is, for errors and logs
    :param model: the model it names, if any
    :param content: JSON body, or None
    :param safe_to_retry: whether sending it again costs nothing that was not asked for, even if the service may have
        answered it already; a chat's answer is billed each time
    :param streamed: whether the answer comes as events
    :param form: a form with a file in place of a JSON body
    :param size: bytes of a file that is sent or comes, which has more time than other requests
    """

    method: str
    path: str
    description: str
    model: str | None = None
    content: bytes | None = field(default=None, repr=False)
    safe_to_retry: bool = True
    streamed: bool = False
    form: MultipartForm | None = field(default=None, repr=False)
    size: int = 0

    @property
    def extra_timeout(self) -> float:
        """
        Seconds that an attempt may take beyond those of any other, for its file.
        """
        return self.size / MIN_UPLOAD_BYTES_PER_S


def encode(body: Mapping[str, Any]) -> bytes:
    """
    Write a JSON body.

    :param body: its fields; those that are None are left out
    :return: the bytes to send
    :raises ConfigurationError: if a field is not JSON
    """
    fields = {name: value for name, value in body.items() if value is not None}
    try:
        return _write(fields).encode()
    except (TypeError, ValueError, RecursionError) as error:
        culprit = _culprit(fields) or "The request"
        raise ConfigurationError(f"{culprit} cannot be written as JSON: {str(error).rstrip('.')}.") from None


def _culprit(fields: Mapping[str, Any]) -> str:
    for name, value in fields.items():
        try:
            json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
        except (TypeError, ValueError, RecursionError):
            inside = {f"{name}[{position}]": item for position, item in enumerate(value)} if type(value) is list else {}
            return _culprit(inside) or name
    return ""
