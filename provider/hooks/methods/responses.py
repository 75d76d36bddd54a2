"""
The hook's verb for the Responses API.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...client import responses_api
from ...client.http import http_response
from ..base import BaseAIEndpointsHook


class ResponseMethods(BaseAIEndpointsHook):
    """
    What a hook has for the Responses API.
    """

    def create_response(
        self,
        input: str | Sequence[Mapping[str, Any]] | None = None,  # noqa: A002  (the API's own name)
        model: str | None = None,
        *,
        instructions: str | None = None,
        response_format: Any = None,
        reasoning_effort: str | None = None,
        max_output_tokens: int | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
        **params: Any,
    ) -> dict[str, Any]:
        """
        Ask a language model over the Responses API. The service keeps nothing: what was said before is sent again.

        :param input: a text, or a list of items: messages with ``role`` and ``content``, or an earlier ``output``
        :param model: model id; the connection's chat model unless given
        :param instructions: what the model is told first
        :param response_format: the form of the answer: a JSON schema, a Pydantic model class, or as the chat API has it
        :param reasoning_effort: how much the model thinks first, such as ``low``
        :param max_output_tokens: tokens to generate at most, those of thinking included
        :param temperature: randomness, 0 to 2
        :param top_p: nucleus sampling, 0 to 1
        :param params: any further parameter of the API, such as ``tools``
        :return: the response: ``output``, ``status``, ``usage`` ...; :func:`..client.responses.text_of` reads its text
        :raises OutputTruncatedError: if it was cut before its first word
        :raises AIEndpointsError: see :mod:`..errors` for which, and what a retry would do
        """
        with self.boundary():
            request = responses_api.request(
                self.model_for(model, "chat_model"),
                input,
                instructions=instructions,
                response_format=response_format,
                reasoning_effort=reasoning_effort,
                max_output_tokens=max_output_tokens,
                temperature=temperature,
                top_p=top_p,
                **params,
            )
            reply = self._send(request)
            value = http_response.parse(reply, request, self.settings.client)
            self._report("response", request.model, [reply], responses_api.to_chat_usage(value))
            return responses_api.check(value, reply, request, self.settings.client.token)
