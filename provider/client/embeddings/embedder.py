"""
Any number of texts to one response: split, sent, checked and put together again in order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

from ...errors import BadRequestError, InvalidResponseError
from .. import parallel
from ..http.http_request import Request
from ..http.http_response import Reply
from ..settings import ClientSettings
from ..usage import sum_usage
from . import embeddings_request
from .vectors import Vector, check_embeddings, parse_embeddings


@dataclass(frozen=True)
class Batch:
    """
    Texts that go in one request.

    :param count: how many
    :param request: what to send
    :param base64: whether it asks for base64 of our own accord, so that numbers will do as well
    """

    count: int
    request: Request
    base64: bool


@dataclass(frozen=True)
class Embedded:
    """
    What came back for one batch.

    :param vectors: one for each text, in their order
    :param value: the response without them
    :param reply: as it came
    """

    vectors: list[Vector]
    value: dict[str, Any]
    reply: Reply


class Embedder:
    """
    Embed texts in as many requests as the service's limits ask for.

    Vectors travel as base64, as the ``openai`` client asks for them: a quarter of the bytes, and far cheaper to
    decode than JSON numbers. A service that refuses that by name is asked for numbers from then on.

    :param send: sends a request and returns the reply; safe to use from several threads
    :param settings: where it goes, and the token
    """

    def __init__(self, send: Callable[[Request], Reply], settings: ClientSettings) -> None:
        self._send = send
        self._settings = settings
        self._base64 = True

    def batches(self, model: str, inputs: Any, params: Mapping[str, Any]) -> list[Batch]:
        """
        Split texts into requests.

        :param model: model id
        :param inputs: one text or a list of texts
        :param params: further parameters; an ``encoding_format`` among them is sent as it is
        :return: in the order of the texts
        :raises ConfigurationError: if a text or parameter cannot be sent
        """
        ours = self._base64 and "encoding_format" not in params
        chosen = {"encoding_format": "base64"} if ours else {}
        built = embeddings_request.embeddings(model, inputs, **chosen, **params)
        return [Batch(count, request, ours) for count, request in built]

    def embed_batch(self, batch: Batch) -> Embedded:
        """
        Embed the texts of one request.

        :param batch: of :meth:`batches`
        :return: their vectors
        :raises AIEndpointsError: if the request fails, or its reply is not complete
        """
        reply, request = self._send_batch(batch)
        value = parse_embeddings(reply, request, self._settings)
        vectors = check_embeddings(value, batch.count, reply, request)
        check_dimensions(vectors)
        return Embedded(vectors, {**value, "data": None}, reply)

    def _send_batch(self, batch: Batch) -> tuple[Reply, Request]:
        if not batch.base64:
            return self._send(batch.request), batch.request
        if self._base64:
            try:
                return self._send(batch.request), batch.request
            except BadRequestError as error:
                if not _refuses_format(error):
                    raise
            self._base64 = False
        request = embeddings_request.as_numbers(batch.request)
        return self._send(request), request

    def embed(
        self, model: str, inputs: Any, params: Mapping[str, Any], concurrency: int = 1
    ) -> tuple[dict[str, Any], list[Reply]]:
        """
        Embed one text or many.

        :param model: model id
        :param inputs: one text or a list of texts
        :param params: further parameters
        :param concurrency: requests at a time
        :return: one response in OpenAI's format, with floats, and the replies it was made of, without their bodies
        :raises AIEndpointsError: if a text cannot be sent, a request fails, or a reply is not complete
        """
        data: list[dict[str, Any]] = []
        values, sent = [], []
        for done in self._embedded(self.batches(model, inputs, params), concurrency):
            # Lists take longest of all to make: one by one, while other requests are under way. Bodies are not kept.
            pairs = enumerate(done.vectors, len(data))
            data += [{"object": "embedding", "index": index, "embedding": list(vector)} for index, vector in pairs]
            values.append(done.value)
            sent.append(replace(done.reply, body=b""))
        check_dimensions(item["embedding"] for item in data)
        return {**values[0], "object": "list", "data": data, "usage": sum_usage(values)}, sent

    def _embedded(self, batches: list[Batch], concurrency: int) -> Iterator[Embedded]:
        if len(batches) == 1:
            yield self.embed_batch(batches[0])
            return
        with closing(parallel.map_ordered(batches, self.embed_batch, concurrency)) as outcomes:
            for outcome in outcomes:
                yield outcome.result()


def _refuses_format(error: BadRequestError) -> bool:
    return error.status in {400, 422} and "encoding_format" in str(error)


def check_dimensions(vectors: Iterable[Vector]) -> None:
    """
    Check that vectors belong together.

    :param vectors: of one model
    :raises InvalidResponseError: if their dimensions differ
    """
    sizes = sorted({len(vector) for vector in vectors})
    if len(sizes) > 1:
        raise InvalidResponseError(f"The vectors came back with different dimensions: {', '.join(map(str, sizes))}.")
