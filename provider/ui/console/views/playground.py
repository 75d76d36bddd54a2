"""
The playground behind "Try it": sends one prompt or text to a model and streams the answer. Billed like any request.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Hashable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from .... import defaults
from ....client.chat import chat_request
from ....client.chat.chat_response import check_chat
from ....client.chat.stream_assembly import StreamedChat, iter_until_whole
from ....client.embeddings import embeddings_request, vectors
from ....client.http import http_response
from ....client.http.error_responses import parse_error
from ....client.http.http_response import HTTPResponse
from ....client.http.sync_client import Client
from ....connection.settings import ConnectionSettings
from ....errors import AIEndpointsError, ConfigurationError, InvalidResponseError
from ....redaction import StreamScrubber, excerpt, scrub
from ....validation import integer, text
from ..web.user import HTTPError
from . import dag_code
from .connections import ConnectionRecord

FIELDS = frozenset({"connection", "model", "kind", "text", "max_tokens"})

#: Kinds of models that take a typed text: a prompt, or a text to embed.
KINDS = ("chat", "embedding")

#: Time limit of a trial: it holds a thread of the web server.
TIMEOUT_S = 10.0

#: Limits of a trial, which is billed.
MAX_PROMPT_CHARS = 20_000
MAX_TOKENS = 1_024
DEFAULT_MAX_TOKENS = 256

#: Longest part of an answer that is passed on.
MAX_ANSWER_CHARS = 100_000


@dataclass(frozen=True)
class Trial:
    """
    A validated trial, ready to send.

    :param key: identity of the trial: a second one with the same key is refused while the first runs
    """

    key: Hashable
    settings: ConnectionSettings = field(repr=False)
    conn_id: str
    kind: str
    model: str
    text: str = field(repr=False)
    max_tokens: int | None

    def lines(self) -> Iterator[dict[str, Any]]:
        """
        Send the request and yield its events.

        :return: ``text`` for each part of an answer, then ``done`` or ``error``
        """
        started = time.monotonic()
        try:
            with Client(self.settings.client) as client:
                facts = yield from (self._chat(client, started) if self.kind == "chat" else self._embed(client))
        except AIEndpointsError as error:
            yield {"error": str(error)}
            return
        yield {"done": {**_NO_FACTS, **facts, "milliseconds": _since(started), "code": self._code()}}

    def _code(self) -> str | None:
        if not dag_code.is_safe_literal(self.model) or not dag_code.is_safe_literal(self.conn_id):
            return None
        return dag_code.operator(self.kind, self.model, self.conn_id, self.text, self.max_tokens)

    def _chat(self, client: Client, started: float) -> Generator[dict[str, Any], None, dict[str, Any]]:
        messages = [{"role": "user", "content": self.text}]
        # The operator's defaults: the page shows its code for the same request.
        fields = {"max_tokens": self.max_tokens, "temperature": defaults.TEMPERATURE}
        request = chat_request.chat_stream(self.model, messages, **fields)
        token, first, room = self.settings.client.token, None, MAX_ANSWER_CHARS
        answer, scrubber = StreamedChat(token), StreamScrubber(token)
        with closing(client.stream(request, TIMEOUT_S)) as events:
            for data in iter_until_whole(answer, events):
                piece = answer.take(data)
                first = first or (_since(started) if piece else None)
                # Cut only after the token is removed: half a token would no longer match.
                piece = scrubber.feed(piece)[:room]
                room -= len(piece)
                yield from _to_events(piece)
        yield from _to_events((scrubber.feed(answer.finish()) + scrubber.end())[:room])
        if not answer.complete:
            raise InvalidResponseError("The answer broke off before its end: what arrived is above, and was billed.")
        check_chat(answer.response(), HTTPResponse(200, {}, b""), request, self.settings.client)
        names = {"finish_reason": _name(answer.finish_reason, token), "model": _name(answer.model, token)}
        return {"first_token_milliseconds": first} | names | _usage(answer.usage)

    def _embed(self, client: Client) -> Generator[dict[str, Any], None, dict[str, Any]]:
        ((count, request),) = embeddings_request.embeddings(self.model, self.text)
        response, token = client.exchange(request, TIMEOUT_S), self.settings.client.token
        if error := parse_error(response, request, self.settings.client.base_url, token, time.time()):
            raise error
        value = http_response.parse(response, request, self.settings.client)
        (outcome,) = vectors.read_vectors(value, count, response, request, name=lambda _: "the text")
        vector = vectors.raise_error(outcome)
        yield from ()
        facts = {"dimensions": len(vector), "vector_start": vector[:5], "model": _name(value.get("model"), token)}
        return facts | _usage(value.get("usage"))


_NO_FACTS: dict[str, Any] = dict.fromkeys(
    (
        "first_token_milliseconds",
        "input_tokens",
        "output_tokens",
        "finish_reason",
        "model",
        "dimensions",
        "vector_start",
    )
)


def prepare_trial(stored: ConnectionRecord, params: Mapping[str, Any]) -> Trial:
    """
    Validate a trial, before any request is sent.

    :param stored: the connection
    :param params: ``model``, ``kind``, ``text`` and ``max_tokens``
    :return: the trial
    :raises HTTPError: if a parameter or the connection is invalid
    """
    try:
        settings = stored.settings()
        kind, model = params.get("kind"), text(params.get("model"), "model")
        prompt = text(params.get("text"), "text")
        max_tokens = integer(params.get("max_tokens") or DEFAULT_MAX_TOKENS, "max_tokens", 1, MAX_TOKENS)
    except ConfigurationError as error:
        raise HTTPError(422, str(error)) from None
    if kind not in KINDS:
        raise HTTPError(422, f"Only {' and '.join(KINDS)} models can be tried here.")
    if len(prompt) > MAX_PROMPT_CHARS:
        raise HTTPError(422, f"The text has {len(prompt):,} characters; a trial takes {MAX_PROMPT_CHARS:,}.")
    if settings.access == "token" and not settings.client.token:
        raise HTTPError(422, "The connection has no API token.")
    key = ("try", stored.conn_id, model, prompt)
    return Trial(key, settings, stored.conn_id, kind, model, prompt, max_tokens if kind == "chat" else None)


def _to_events(text: str) -> Iterator[dict[str, Any]]:
    if text:
        yield {"text": text}


def _since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)


def _usage(usage: Any) -> dict[str, int | None]:
    counts = usage if isinstance(usage, Mapping) else {}
    return {
        "input_tokens": _count(counts.get("prompt_tokens")),
        "output_tokens": _count(counts.get("completion_tokens")),
    }


def _count(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value < 10**9 else None


def _name(value: Any, token: str | None) -> str | None:
    return excerpt(scrub(value, token), 200) if isinstance(value, str) else None
