"""
Method of the hook for moderation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...client.chat import chat_request, guard_model
from .chat import ChatMethods


class GuardMethods(ChatMethods):
    """
    Methods for guard models.
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
        Classify a user's message, or a model's answer to it, with a guard model.

        :param text: the user's message
        :param answer: a model's answer to ``text``; if given, only the answer is classified
        :param messages: messages in place of ``text`` and ``answer``; only the last one is classified
        :param model: model id of a guard model
        :param unsafe_levels: verdicts that count as unsafe: ``Unsafe``, or both ``Unsafe`` and ``Controversial``
        :param params: further parameters of the API, such as ``seed``
        :return: ``safe``, ``safety`` (``Safe``, ``Controversial`` or ``Unsafe``), ``categories``, ``refusal`` (None
            unless an answer is classified) and ``model``
        :raises InvalidResponseError: if the answer isn't a verdict; it never counts as safe
        :raises InvalidOutputError: if there isn't an answer; it never counts as safe, either
        :raises AIEndpointsError: see :mod:`..errors` for which, and what a retry would do
        """
        with self.boundary():
            levels = guard_model.read_unsafe_levels(unsafe_levels)
            conversation = guard_model.build_conversation(text, answer, messages)
            request = chat_request.chat(guard_model.MODEL if model is None else model, conversation, **params)
            value, response = self._answer(request)
            verdict = guard_model.read_verdict(value, response, request, levels)
        self.log.info(
            "AI Endpoints guard: model=%s verdict=%s refusal=%s",
            verdict["model"],
            guard_model.describe_verdict(verdict),
            verdict["refusal"],
        )
        return verdict
