"""
Requests as data, validated before anything is sent. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ...errors import ConfigurationError
from .multipart import MultipartForm

#: ``json.dumps`` would create another encoder each time.
_write = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode

#: The slowest transfer of a file that the timeout allows for, in bytes a second: 2 Mbit/s.
MIN_UPLOAD_BYTES_PER_S = 250_000


@dataclass(frozen=True)
class Request:
    """
    One HTTP request, not yet sent.

    :param method: HTTP method
    :param path: path below the base URL
    :param description: name of the request in errors and logs
    :param model: model id, or None
    :param content: JSON body, or None
    :param safe_to_retry: whether sending it twice costs nothing, even if the service has processed it. A chat's answer
        is billed each time
    :param streamed: whether the response is a stream of events
    :param form: a form with a file in place of a JSON body
    :param size: bytes of the file that is uploaded or downloaded, which extends the timeout
    :param optional: names of fields of the JSON body that the author didn't ask for; they are left out if the service
        refuses them
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
    optional: tuple[str, ...] = ()

    @property
    def extra_timeout(self) -> float:
        """
        Seconds that the file adds to an attempt's timeout.
        """
        return self.size / MIN_UPLOAD_BYTES_PER_S

    def without_optional(self) -> Request:
        """
        Return the same request without its optional fields.

        :return: the request to send
        """
        body = json.loads(self.content or b"{}")
        content = encode({name: value for name, value in body.items() if name not in self.optional})
        return replace(self, content=content, optional=())


def encode(body: Mapping[str, Any]) -> bytes:
    """
    Encode a JSON body.

    :param body: its fields; those that are None are left out
    :return: the bytes to send
    :raises ConfigurationError: if a field isn't JSON
    """
    fields = {name: value for name, value in body.items() if value is not None}
    try:
        return _write(fields).encode()
    except (TypeError, ValueError, RecursionError) as error:
        culprit = _find_culprit(fields) or "The request"
        raise ConfigurationError(f"{culprit} cannot be written as JSON: {str(error).rstrip('.')}.") from None


def _find_culprit(fields: Mapping[str, Any]) -> str:
    for name, value in fields.items():
        try:
            json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
        except (TypeError, ValueError, RecursionError):
            inside = {f"{name}[{position}]": item for position, item in enumerate(value)} if type(value) is list else {}
            return _find_culprit(inside) or name
    return ""
