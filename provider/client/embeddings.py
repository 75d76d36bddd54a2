"""
Any number of texts to one response: split, sent, checked and put together again in order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..errors import BadRequestError, InvalidReplyError
from . import requests
from .replies import Reply, check_embeddings, parse, summed_usage
from .requests import Request
from .settings import ClientSettings


class Embedder:
    """
    Embed texts in as many requests as the service's limits ask for.

    Vectors travel as base64, as the ``openai`` client asks for them: a quarter of the bytes, and far cheaper to
    decode than JSON numbers. A service that refuses that by name is asked for numbers from then on.

    :param send: sends a request and returns the reply
    :param settings: where it goes, and the token
    """

    def __init__(self, send: Callable[[Request], Reply], settings: ClientSettings) -> None:
        self._send = send
        self._settings = settings
        self._format: dict[str, str] = {"encoding_format": "base64"}

    def embed(self, model: str, inputs: Any, params: Mapping[str, Any]) -> tuple[dict[str, Any], list[Reply]]:
        """
        Embed one text or many.

        :param model: model id
        :param inputs: one text or a list of texts
        :param params: further parameters; an ``encoding_format`` among them is sent as it is
        :return: one response in OpenAI's format, with floats, and the replies it was made of
        :raises AIEndpointsError: if a text cannot be sent, a request fails, or a reply is not complete
        """
        chosen = self._format if "encoding_format" not in params else {}
        try:
            return self._embed(model, inputs, {**chosen, **params})
        except BadRequestError as error:
            if not chosen or not _refuses_format(error):
                raise
        self._format = {}
        return self._embed(model, inputs, dict(params))

    def _embed(self, model: str, inputs: Any, params: dict[str, Any]) -> tuple[dict[str, Any], list[Reply]]:
        vectors: list[list[float]] = []
        values: list[dict[str, Any]] = []
        sent: list[Reply] = []
        for count, request in requests.embeddings(model, inputs, **params):
            reply = self._send(request)
            value = parse(reply, request, self._settings)
            vectors += check_embeddings(value, count, reply, request)
            values.append({**value, "data": None})
            sent.append(reply)
        _check_dimensions(vectors)
        data = [{"object": "embedding", "index": i, "embedding": vector} for i, vector in enumerate(vectors)]
        return {**values[0], "object": "list", "data": data, "usage": summed_usage(values)}, sent


def _refuses_format(error: BadRequestError) -> bool:
    return error.status in {400, 422} and "encoding_format" in str(error)


def _check_dimensions(vectors: list[list[float]]) -> None:
    sizes = sorted({len(vector) for vector in vectors})
    if len(sizes) > 1:
        raise InvalidReplyError(f"The vectors came back with different dimensions: {', '.join(map(str, sizes))}.")
