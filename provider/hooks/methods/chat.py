"""
Methods of the hook for one prompt.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ... import defaults
from ...client.chat import chat_request, chat_response
from ...client.chat.conversation_steps import ChatPlan, CompletionResult
from ...client.chat.fallback import list_models
from ...client.chat.prompt_template import build_messages
from ...client.chat.structured_output import ResponseFormat, is_structured
from ...client.http import http_request
from ...client.http.http_response import HTTPResponse
from ...errors import AIEndpointsError
from ...validation import integer
from ..base import BaseAIEndpointsHook
from ..chat.chat_stream import ChatStream, log_lines
from ..chat.conversation import ChatAnswer, Conversation
from ..usage.usage_tracker import UsageTracker


class ChatMethods(BaseAIEndpointsHook):
    """
    Methods for one prompt.
    """

    def chat_completion(
        self,
        model: str | None = None,
        messages: Sequence[Mapping[str, Any]] | None = None,
        temperature: float | None = None,
        max_tokens: int | None = None,
        top_p: float | None = None,
        stop: str | Sequence[str] | None = None,
        **params: Any,
    ) -> dict[str, Any]:
        """
        Send messages to a language model. Parameters that are None aren't sent.

        :param model: model id; the connection's chat model unless given
        :param messages: messages, each with ``role`` and ``content``
        :param temperature: randomness, 0 to 2
        :param max_tokens: maximum number of tokens to generate
        :param top_p: nucleus sampling, 0 to 1
        :param stop: string or strings at which to stop
        :param params: further parameters of the API, such as ``tools``, ``response_format``, ``seed``
        :return: the response in OpenAI's format
        :raises AIEndpointsError: see :mod:`..errors` for which, and what a retry would do
        """
        options = {"temperature": temperature, "max_tokens": max_tokens, "top_p": top_p, "stop": stop, **params}
        with self.boundary():
            return self._ask(chat_request.chat(self.choose_model(model, "chat_model"), messages, **options))

    def stream_chat_completion(
        self,
        model: str | None = None,
        messages: Sequence[Mapping[str, Any]] | None = None,
        **options: Any,
    ) -> ChatStream:
        """
        Send messages to a language model, and iterate over its answer as it arrives.

        The request is sent when you read the first piece. The timeout applies to the time between two events. Errors
        other than :class:`ConfigurationError` are raised while you read; their ``response`` holds what has arrived.

        :param model: model id; the connection's chat model unless given
        :param messages: messages, each with ``role`` and ``content``
        :param options: further parameters of :meth:`chat_completion`; ``stream_options=None`` doesn't request usage
        :return: an iterator over the text; at its end, ``response`` is the same as from :meth:`chat_completion`
        :raises ConfigurationError: if an argument is invalid
        """
        with self.boundary():
            request = chat_request.chat_stream(self.choose_model(model, "chat_model"), messages, **options)
            client = self.get_conn()

        def finish(value: dict[str, Any], seconds: float) -> None:
            response = replace(stream.http_response, seconds=seconds)
            self._report("chat", request.model, [response], value)
            if stream.replaced:
                self._warn_replaced()
            chat_response.check_chat(value, response, request, self.settings.client)

        def on_response(response: HTTPResponse) -> None:
            stream.http_response = response
            self._log_warning(response, request)

        def events() -> Generator[str, None, None]:
            try:
                yield from client.send_stream(request, on_response)
            except AIEndpointsError as error:
                raise self._count_error(error, request) from None

        count = options.get("n")
        choices = count if isinstance(count, int) else 1
        stream = ChatStream(events(), self.settings.client.token, choices, finish, self.boundary)
        return stream

    def ask(self, prompt: str | None = None, model: str | None = None, **options: Any) -> ChatAnswer:
        """
        Send a prompt and return the answer: run tools, request a repair of invalid output, fall back on other models.

        :param prompt: the user's message
        :param model: model id; the connection's chat model unless given
        :param options: further parameters of :meth:`conversation`
        :return: the answer: ``text``, ``parsed``, ``reasoning``, ``response``, ``usage_tracker`` ...
        :raises InvalidOutputError: if the answer doesn't match ``response_format``; it is in ``response``
        :raises BudgetExceededError: if a limit is reached before the end of the conversation
        :raises AIEndpointsError: see :mod:`..errors` for which, and what a retry would do
        """
        return self.conversation(prompt, model, **options).run()

    def conversation(  # noqa: PLR0913  (each is one parameter of the operator)
        self,
        prompt: str | None = None,
        model: str | None = None,
        *,
        messages: Sequence[Mapping[str, Any]] | None = None,
        system_prompt: str | None = None,
        images: Any = None,
        response_format: Any = None,
        repair: bool = True,
        tools: Any = None,
        max_tool_rounds: int = defaults.MAX_TOOL_ROUNDS,
        fallback_models: Sequence[str] | None = None,
        max_cost: float | None = None,
        max_total_tokens: int | None = None,
        stream: bool = False,
        extra_body: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Conversation:
        """
        Create the conversation that :meth:`ask` runs. Use it if you need its usage even after a failure.

        :param prompt: the user's message
        :param model: model id; the connection's chat model unless given
        :param messages: messages in place of ``prompt``
        :param system_prompt: system message
        :param images: paths of up to five images to add to the last user message
        :param response_format: required form of the answer: a JSON schema, a Python type, or the API's own
            ``response_format``
        :param repair: whether to request invalid output again, once
        :param tools: typed Python functions to run, and dictionaries in OpenAI's format, whose calls are in the answer
        :param max_tool_rounds: maximum number of rounds of tool calls, 0 for none
        :param fallback_models: models to try in turn if a model is unavailable, deprecated or overloaded
        :param max_cost: maximum cost of all requests, in the currency of the service's prices; the request that
            exceeds it is the last
        :param max_total_tokens: maximum tokens of all requests; the request that exceeds it is the last
        :param stream: whether to log answers as they arrive
        :param extra_body: further fields of the request body
        :param options: further parameters of :meth:`chat_completion`
        :return: the conversation; call its :meth:`~.conversation.Conversation.run`
        :raises ConfigurationError: if an argument is invalid
        """
        from ...client.chat.image_parts import with_images
        from ..files.image_inputs import read_images

        with self.boundary():
            first_messages = build_messages(messages, prompt, system_prompt)
            if images is not None:
                first_messages = with_images(first_messages, read_images(images))
            plan = self._plan_chat(
                model,
                response_format=response_format,
                repair=repair,
                tools=tools,
                max_tool_rounds=max_tool_rounds,
                fallback_models=fallback_models,
                params={**options, **(extra_body or {})},
            )
            return Conversation(
                self._build_streamed_ask(plan) if stream else self._build_ask(plan),
                first_messages,
                plan,
                usage_tracker=self.track_usage(max_cost, max_total_tokens),
                boundary=self.boundary,
                log=self.log,
            )

    def _plan_chat(
        self,
        model: str | None,
        *,
        response_format: Any = None,
        repair: bool = True,
        tools: Any = None,
        max_tool_rounds: int = defaults.MAX_TOOL_ROUNDS,
        fallback_models: Sequence[str] | None = None,
        params: Mapping[str, Any],
    ) -> ChatPlan:
        """
        Create the plan of one conversation or many, from parameters of :meth:`conversation`.
        """
        from ...client.chat.tools import Tools

        structure = ResponseFormat(response_format) if is_structured(response_format) else None
        own = {"response_format": structure.parameter if structure else response_format}
        toolset = None if tools is None else Tools(tools)
        if toolset:
            own["tools"] = toolset.definitions
        return ChatPlan(
            models=list_models(self.choose_model(model, "chat_model"), fallback_models),
            params={**own, **params},
            structure=structure,
            repair=repair,
            tools=toolset,
            max_tool_rounds=integer(max_tool_rounds, "max_tool_rounds", 0, 100),
            token=self.settings.client.token,
        )

    def track_usage(self, max_cost: float | None = None, max_total_tokens: int | None = None) -> UsageTracker:
        """
        Create a tracker that adds up the usage of requests, and enforces limits.

        :param max_cost: maximum cost of all requests, in the currency of the service's prices; None for no limit
        :param max_total_tokens: maximum tokens of all requests; None for no limit
        :return: a tracker for :meth:`chat_rows` and :meth:`each_chat_completion`; read it with ``usage`` or
            ``as_xcom()``
        :raises ConfigurationError: if a limit isn't a number in its range
        """
        with self.boundary():
            return UsageTracker(self._list_models_soon, max_cost, max_total_tokens)

    def _list_models_soon(self) -> list[dict[str, Any]]:
        # A task that already has its answer waits less long for prices than for an answer.
        seconds = min(self.settings.client.timeout, defaults.TEST_TIMEOUT_S)
        return self._models(lambda request: self.get_conn().send_once(request, seconds))

    def _build_ask(self, plan: ChatPlan, level: int = logging.INFO) -> Callable[[Any, Any], CompletionResult]:
        def ask(model: Any, messages: Any) -> CompletionResult:
            value, response = self._answer(chat_request.chat(model, messages, **_adapt_params(plan, messages)), level)
            return _to_completion_result(value, response)

        return ask

    def _build_streamed_ask(self, plan: ChatPlan) -> Callable[[Any, Any], CompletionResult]:
        def ask(model: Any, messages: Any) -> CompletionResult:
            answer = self.stream_chat_completion(model, messages, **_adapt_params(plan, messages))
            value = log_lines(answer, self.log, plan.token)
            return _to_completion_result(value, answer.http_response)

        return ask

    def _ask(self, request: http_request.Request, level: int = logging.INFO) -> dict[str, Any]:
        return self._answer(request, level)[0]

    def _answer(self, request: http_request.Request, level: int = logging.INFO) -> tuple[dict[str, Any], HTTPResponse]:
        response = self._send(request)
        value = self._parse(response, request)
        self._report("chat", request.model, [response], value, level)
        return chat_response.check_chat(value, response, request, self.settings.client), response


def _adapt_params(plan: ChatPlan, messages: Any) -> dict[str, Any]:
    """
    Drop ``tool_choice`` after a tool call: a model that must call a tool would never answer.
    """
    last = messages[-1] if isinstance(messages, (list, tuple)) and messages else None
    was_run = isinstance(last, Mapping) and last.get("role") == "tool"
    return {**plan.params, "tool_choice": None} if was_run and "tool_choice" in plan.params else dict(plan.params)


def _to_completion_result(value: dict[str, Any], response: HTTPResponse) -> CompletionResult:
    return CompletionResult(value, response.request_id, response.headers.get("x-warning"))
