"""
Embeds any number of strings: splits them into requests, sends these, and joins the responses in order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

from ...errors import InvalidResponseError
from .. import parallel
from ..http.http_request import Request
from ..http.http_response import HTTPResponse
from ..parallel import Concurrency
from ..settings import ClientSettings
from ..usage import is_count
from . import embeddings_request
from .vectors import Vector, parse_embeddings, raise_error, read_vectors


@dataclass(frozen=True)
class Batch:
    """
    The strings of one request.

    :param start: place of the first among all strings
    :param count: number of strings
    :param request: the request
    :param dimensions: required number of dimensions, or None
    """

    start: int
    count: int
    request: Request
    dimensions: int | None


@dataclass(frozen=True)
class EmbeddedBatch:
    """
    The response to one batch.

    :param vectors: one for each string, in their order, or the error in its place
    :param value: the response's JSON without them
    :param response: the response
    """

    vectors: list[Vector | InvalidResponseError]
    value: dict[str, Any]
    response: HTTPResponse


class Embedder:
    """
    Embeds strings in as many requests as the service's limits need.

    Vectors are requested as base64, as the ``openai`` client does: a quarter of the bytes, and far cheaper to decode
    than JSON numbers. If the service refuses ``encoding_format``, the client leaves it out. It isn't requested beside a
    parameter that may change the form of the numbers, such as ``output_dtype``: base64 is read as 32-bit floats.

    :param send: sends a request and returns the response; safe to use from several threads
    :param settings: base URL, token and the largest response allowed
    """

    def __init__(self, send: Callable[[Request], HTTPResponse], settings: ClientSettings) -> None:
        self._send = send
        self._settings = settings

    def batches(self, model: str, inputs: Any, params: Mapping[str, Any]) -> list[Batch]:
        """
        Split strings into requests.

        :param model: model id
        :param inputs: one string or a list of strings
        :param params: further parameters; an ``encoding_format`` among them is sent unchanged
        :return: in the order of the strings
        :raises ConfigurationError: if a string or parameter is invalid
        """
        is_free = embeddings_request.is_form_free(params)
        added = {"encoding_format": "base64"} if is_free and "encoding_format" not in params else {}
        dimensions = embeddings_request.find_dimensions(params)
        batches, start = [], 0
        for count, request in embeddings_request.embeddings(model, inputs, **added, **params):
            batches.append(Batch(start, count, replace(request, optional=tuple(added)), dimensions))
            start += count
        return batches

    def embed_batch(self, batch: Batch, name: Callable[[int], str] | None = None) -> EmbeddedBatch:
        """
        Embed the strings of one request.

        :param batch: from :meth:`batches`
        :param name: names a string by its place in the request, for errors; ``input[0]`` and so on by default
        :return: their vectors
        :raises AIEndpointsError: if the request fails, or it isn't known which vector belongs to which string
        """
        response = self._send(batch.request)
        value = parse_embeddings(response, batch.request, self._settings)
        vectors = read_vectors(
            value,
            batch.count,
            response,
            batch.request,
            name=name or (lambda place: f"input[{batch.start + place}]"),
            dimensions=batch.dimensions,
        )
        check_dimensions(vectors)
        return EmbeddedBatch(vectors, {**value, "data": None}, response)

    def embed(
        self, model: str, inputs: Any, params: Mapping[str, Any], concurrency: Concurrency = 1
    ) -> tuple[dict[str, Any], list[HTTPResponse]]:
        """
        Embed one string or many.

        :param model: model id
        :param inputs: one string or a list of strings
        :param params: further parameters
        :param concurrency: number of concurrent requests
        :return: one response in OpenAI's format, with floats, and the service's responses without their bodies
        :raises AIEndpointsError: if a string is invalid, a request fails, or a response is incomplete
        """
        data: list[dict[str, Any]] = []
        values, responses = [], []
        for done in self._embedded(self.batches(model, inputs, params), concurrency):
            # Creating lists takes longest: do it one by one, while other requests run. Bodies aren't kept.
            pairs = enumerate(map(raise_error, done.vectors), len(data))
            data += [{"object": "embedding", "index": index, "embedding": list(vector)} for index, vector in pairs]
            values.append(done.value)
            responses.append(replace(done.response, body=b""))
        check_dimensions(item["embedding"] for item in data)
        return {**values[0], "object": "list", "data": data, "usage": _sum_usage(values)}, responses

    def _embedded(self, batches: list[Batch], concurrency: Concurrency) -> Iterator[EmbeddedBatch]:
        if len(batches) == 1:
            yield self.embed_batch(batches[0])
            return
        with closing(parallel.map_ordered(batches, self.embed_batch, concurrency)) as outcomes:
            for outcome in outcomes:
                yield outcome.result()


def _sum_usage(values: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """
    Add up the usage of responses, by the service's names.
    """
    total: Counter[str] = Counter()
    for value in values:
        usage = value.get("usage")
        counts = usage.items() if isinstance(usage, Mapping) else ()
        total.update({name: number for name, number in counts if is_count(number)})
    return dict(total)


def check_dimensions(vectors: Iterable[Vector | InvalidResponseError]) -> None:
    """
    Check that all vectors have the same number of dimensions.

    :param vectors: vectors of one model; errors among them are ignored
    :raises InvalidResponseError: if their dimensions differ
    """
    sizes = sorted({len(vector) for vector in vectors if not isinstance(vector, InvalidResponseError)})
    if len(sizes) > 1:
        raise InvalidResponseError(f"The vectors came back with different dimensions: {', '.join(map(str, sizes))}.")
