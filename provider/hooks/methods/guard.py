"""
The hook's verb that has content judged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...client.chat import chat_request, guard_model
from .chat import ChatMethods


class GuardMethods(ChatMethods):
    """
    What a hook has for guard models.
    """

    def moderate(
        self,
        text: str | None = None,
        answer: str | None = None,
        messages: Sequence[Mapping[str, Any]] | None = None,
        model: str | None = guard_model.MODEL,
        unsafe_levels: str | Sequence[str] = ("Unsafe",),
        **params: Any,
    ) -> dict[str, Any]:
        """
        Have a guard model judge what a user says, or what a model answers to it.

        :param text: what a user says
        :param answer: what a model answered to ``text``; it alone is judged then
        :param messages: a conversation in their place, whose last message is judged
        :param model: model id of a guard model
        :param unsafe_levels: which verdicts count as unsafe: ``Unsafe``, or both ``Unsafe`` and ``Controversial``
        :param params: any further parameter of the API, such as ``seed``
        :return: ``safe``, ``safety`` (``Safe``, ``Controversial`` or ``Unsafe``), ``categories``, ``refusal`` (of an
            answer, else None) and ``model``
        :raises InvalidResponseError: if the answer is no verdict; it is never taken for a safe one
        :raises AIEndpointsError: see :mod:`..errors` for which, and what a retry would do
        """
        with self.boundary():
            counted = guard_model.read_unsafe_levels(unsafe_levels)
            said = guard_model.conversation(text, answer, messages)
            request = chat_request.chat(guard_model.MODEL if model is None else model, said, **params)
            value, reply = self._answer(request)
            verdict = guard_model.read_verdict(value, reply, request, counted)
        self.log.info(
            "AI Endpoints guard: model=%s verdict=%s refusal=%s",
            verdict["model"],
            guard_model.described(verdict),
            verdict["refusal"],
        )
        return verdict
