"""
Method of the hook for the Responses API.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...client import responses_api
from ...client.answer_check import is_cut
from ..base import BaseAIEndpointsHook


class ResponseMethods(BaseAIEndpointsHook):
    """
    Methods for the Responses API.
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
        Send input to a language model with the Responses API.

        The service stores nothing, so send earlier messages again.

        :param input: a string, or a list of items: messages with ``role`` and ``content``, or an earlier ``output``
        :param model: model id; the connection's chat model unless given
        :param instructions: system message
        :param response_format: required form of the answer: a JSON schema, a Python type, or the chat API's own
            ``response_format``
        :param reasoning_effort: amount of reasoning, such as ``low``
        :param max_output_tokens: maximum number of tokens to generate, including reasoning
        :param temperature: randomness, 0 to 2
        :param top_p: nucleus sampling, 0 to 1
        :param params: further parameters of the API, such as ``tools``
        :return: the response: ``output``, ``status``, ``usage`` ...; :meth:`read_response_text` reads
            its text
        :raises OutputTruncatedError: if the answer was cut before its first word
        :raises AIEndpointsError: see :mod:`..errors` for which, and what a retry would do
        """
        with self.boundary():
            request = responses_api.request(
                self.choose_model(model, "chat_model"),
                input,
                instructions=instructions,
                response_format=response_format,
                reasoning_effort=reasoning_effort,
                max_output_tokens=max_output_tokens,
                temperature=temperature,
                top_p=top_p,
                **params,
            )
            response = self._send(request)
            value = self._parse(response, request)
            self._report("response", request.model, [response], responses_api.to_chat_usage(value))
            value = responses_api.check(value, response, request, self.settings.client)
            if is_cut(responses_api.read_finish_reason(value)):
                self.log.warning("The answer was cut at its token limit. Raise max_output_tokens.")
            return value

    @staticmethod
    def read_response_text(response: Mapping[str, Any]) -> str:
        """
        Read the text of a response that :meth:`create_response` or the operator returned.

        :param response: the response
        :return: the text without reasoning, empty if there is none
        """
        return responses_api.read_text(response)
