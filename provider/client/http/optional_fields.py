"""
Fields of a request that the author didn't ask for: left out if the service refuses them, in any words.

For both drivers, which observe each response with :class:`OptionalFields`. What a service accepts or refuses is
remembered for the rest of the process.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from typing import Any

from ...redaction import excerpt
from ..fork_lock import create_fork_lock
from ..settings import ClientSettings
from .http_request import Request
from .http_response import HTTPResponse

log = logging.getLogger(__name__)

#: Statuses with which services refuse a field.
REFUSAL_STATUSES = frozenset({400, 422})

#: Verdicts that are remembered, each of a service, path, model and fields. The oldest is forgotten first.
MAX_VERDICTS = 1_000

#: Base URL, path, model and names of the fields.
_Key = tuple[str, str, str | None, tuple[str, ...]]

_lock = create_fork_lock()
#: Whether a service accepts the fields.
_verdicts: dict[_Key, bool] = {}


class OptionalFields:
    """
    The optional fields of one request: sends them, or leaves them out.

    :param request: the request
    :param settings: base URL
    """

    def __init__(self, request: Request, settings: ClientSettings) -> None:
        self._original = request
        self._key: _Key = (settings.base_url, request.path, request.model, request.optional)
        #: The request to send.
        self.request = request.without_optional() if self._verdict is False else request

    @property
    def _verdict(self) -> bool | None:
        if not self._original.optional:
            return None
        with _lock:
            return _verdicts.get(self._key)

    def observe(self, response: HTTPResponse) -> bool:
        """
        Learn from a response.

        A refused request is sent once more without its optional fields, unless the service is known to accept them and
        its words name none of them. They caused the refusal only if that request succeeds.

        :param response: the response to :attr:`request`; of a success, the body isn't needed
        :return: True to send :attr:`request`, which has changed, once more
        """
        if response.status < 300:
            self._remember(is_accepted=bool(self.request.optional))
        elif response.status in REFUSAL_STATUSES and self.request.optional and self._is_suspect(response):
            self.request = self.request.without_optional()
            return True
        return False

    def _is_suspect(self, response: HTTPResponse) -> bool:
        return self._verdict is not True or any(word.encode() in response.body for word in _iter_words(self.request))

    def _remember(self, *, is_accepted: bool) -> None:
        if not self._original.optional:
            return
        with _lock:
            before = _verdicts.pop(self._key, None)
            _verdicts[self._key] = is_accepted
            while len(_verdicts) > MAX_VERDICTS:
                del _verdicts[next(iter(_verdicts))]
        if before is not False and not is_accepted:
            log.info(
                "The service refuses %s for %s: further requests leave it out.",
                ", ".join(self._original.optional),
                excerpt(str(self._original.model), 80),
            )


def _iter_words(request: Request) -> Iterator[str]:
    """
    Iterate over the words that a refusal of the optional fields may have: their names and values.
    """
    body: Mapping[str, Any] = json.loads(request.content or b"{}")
    for name in request.optional:
        yield name
        value = body.get(name)
        yield from value if isinstance(value, Mapping) else [value] if isinstance(value, str) else []


def forget() -> None:
    """
    Forget what services accept and refuse.
    """
    with _lock:
        _verdicts.clear()
