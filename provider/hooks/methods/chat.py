"""
Verbs of the hook that ask one thing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ... import defaults
from ...client.chat import chat_request, chat_response
from ...client.chat.fallback import model_list
from ...client.chat.prompt_template import build_messages
from ...client.chat.structured_output import ResponseFormat, is_structured
from ...client.http import http_request, http_response
from ...client.http.http_response import Reply
from ...errors import AIEndpointsError
from ...validation import integer
from ..base import BaseAIEndpointsHook
from ..chat.chat_stream import ChatStream, log_lines
from ..chat.conversation import ChatAnswer, CompletionResult, Conversation
from ..usage.usage_tracker import UsageTracker


class ChatMethods(BaseAIEndpointsHook):
    """
    What a hook has for one question.
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
        Ask a language model. What is None is not sent.

        :param model: model id; the connection's chat model unless given
        :param messages: the conversation, each message with ``role`` and ``content``
        :param temperature: randomness, 0 to 2
        :param max_tokens: tokens to generate at most
        :param top_p: nucleus sampling, 0 to 1
        :param stop: one text or several at which to stop
        :param params: any further parameter of the API, such as ``tools``, ``response_format``, ``seed``
        :return: the response in OpenAI's format
        :raises AIEndpointsError: see :mod:`..errors` for which, and what a retry would do
        """
        options = {"temperature": temperature, "max_tokens": max_tokens, "top_p": top_p, "stop": stop, **params}
        with self.boundary():
            return self._ask(chat_request.chat(self.model_for(model, "chat_model"), messages, **options))

    def stream_chat_completion(
        self,
        model: str | None = None,
        messages: Sequence[Mapping[str, Any]] | None = None,
        **options: Any,
    ) -> ChatStream:
        """
        Ask a language model, and read its answer as it comes. The timeout is one for silence.

        :param model: model id; the connection's chat model unless given
        :param messages: the conversation, each message with ``role`` and ``content``
        :param options: whatever :meth:`chat_completion` takes beside these
        :return: the pieces of the text, one after the other; its ``response`` is then what :meth:`chat_completion`
            would have returned. Nothing is sent before the first piece is asked for
        :raises ConfigurationError: if an argument cannot work; whatever else fails, fails where the pieces are read,
            and what has come by then is in the error's ``response``
        """
        with self.boundary():
            request = chat_request.as_stream(
                chat_request.chat(self.model_for(model, "chat_model"), messages, **options)
            )
            client = self.get_conn()

        def finish(value: dict[str, Any], seconds: float) -> None:
            reply = replace(stream.reply, seconds=seconds)
            self._report("chat", request.model, [reply], value)
            chat_response.check_chat(value, reply, request)

        def on_response(reply: Reply) -> None:
            stream.reply = reply
            self._pass_on_warning(reply, request)

        def events() -> Generator[str, None, None]:
            try:
                yield from client.send_stream(request, on_response)
            except AIEndpointsError as error:
                raise self._count_error(error, request) from None

        stream = ChatStream(events(), self.settings.client.token, finish, self.boundary)
        return stream

    def ask(self, prompt: str | None = None, model: str | None = None, **options: Any) -> ChatAnswer:
        """
        Ask a language model until it has answered: tools are run, a wrong form is sent back, other models are asked.

        :param prompt: what the user says
        :param model: model id; the connection's chat model unless given
        :param options: whatever :meth:`conversation` takes beside these
        :return: the answer: ``text``, ``parsed``, ``reasoning``, ``response``, and what it took
        :raises InvalidOutputError: if the answer has not the form asked for; it is in ``response``
        :raises BudgetExceededError: if a limit of this conversation was reached before its end
        :raises AIEndpointsError: see :mod:`..errors` for which, and what a retry would do
        """
        return self.conversation(prompt, model, **options).run()

    def conversation(  # noqa: PLR0913  (each is one wish of the caller's)
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
        Prepare what :meth:`ask` does, for a caller that wants to know what it took even where it fails.

        :param prompt: what the user says
        :param model: model id; the connection's chat model unless given
        :param messages: the conversation, in place of ``prompt``
        :param system_prompt: what the model is told first
        :param images: paths of images that belong to the last message of the user, five at most
        :param response_format: the form of the answer: a JSON schema, a Pydantic model class, or as the API has it
        :param repair: whether an answer of another form is sent back once
        :param tools: typed Python functions, which are run, and dictionaries in OpenAI's format, whose calls the answer
            holds
        :param max_tool_rounds: how often functions are run at most, 0 for never
        :param fallback_models: models that are asked in turn when one is gone, deprecated or overloaded
        :param max_cost: what all requests may cost, in the currency of the service's list of models; the one that
            exceeds it is the last
        :param max_total_tokens: tokens of all requests at most, likewise
        :param stream: whether answers are written into the log as they come
        :param extra_body: fields of the request that are sent as they are
        :param options: whatever :meth:`chat_completion` takes beside these
        :return: what has yet to be :meth:`~.conversation.Conversation.run`
        :raises ConfigurationError: if an argument cannot work
        """
        from ...client.chat.image_parts import with_images
        from ...client.chat.tools import Tools
        from ..files.image_inputs import read_images

        with self.boundary():
            structured = is_structured(response_format)
            structure = ResponseFormat(response_format) if structured else None
            own = {"response_format": structure.parameter if structure else response_format}
            known = None if tools is None else Tools(tools)
            if known:
                own["tools"] = known.definitions
            said = build_messages(messages, prompt, system_prompt)
            if images is not None:
                said = with_images(said, read_images(images))
            return Conversation(
                self._asking({**own, **options, **(extra_body or {})}, stream=stream),
                said,
                models=model_list(self.model_for(model, "chat_model"), fallback_models),
                structure=structure,
                repair=repair,
                tools=known,
                max_tool_rounds=integer(max_tool_rounds, "max_tool_rounds", 0, 100),
                usage_tracker=self.track_usage(max_cost, max_total_tokens),
                token=self.settings.client.token,
                boundary=self.boundary,
                log=self.log,
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
        seconds = min(self.settings.client.timeout, defaults.TEST_TIMEOUT)
        return self._models(lambda request: self.get_conn().send_once(request, seconds))

    def _asking(self, options: dict[str, Any], *, stream: bool) -> Callable[[Any, Any], CompletionResult]:
        def whole(model: Any, messages: Any) -> CompletionResult:
            value, reply = self._answer(chat_request.chat(model, messages, **_now(options, messages)))
            return _to_completion_result(value, reply)

        def streamed(model: Any, messages: Any) -> CompletionResult:
            answer = self.stream_chat_completion(model, messages, **_now(options, messages))
            value = log_lines(answer, self.log, self.settings.client.token)
            return _to_completion_result(value, answer.reply)

        return streamed if stream else whole

    def _ask(self, request: http_request.Request, level: int = logging.INFO) -> dict[str, Any]:
        return self._answer(request, level)[0]

    def _answer(self, request: http_request.Request, level: int = logging.INFO) -> tuple[dict[str, Any], Reply]:
        reply = self._send(request)
        value = http_response.parse(reply, request, self.settings.client)
        self._report("chat", request.model, [reply], value, level)
        return chat_response.check_chat(value, reply, request), reply


def _now(options: dict[str, Any], messages: Any) -> dict[str, Any]:
    """
    Leave the choice of a tool to the model once one was run: one that must call would never answer.
    """
    last = messages[-1] if isinstance(messages, (list, tuple)) and messages else None
    was_run = isinstance(last, Mapping) and last.get("role") == "tool"
    return {**options, "tool_choice": None} if was_run and "tool_choice" in options else options


def _to_completion_result(value: dict[str, Any], reply: Reply) -> CompletionResult:
    return CompletionResult(value, reply.request_id, reply.headers.get("x-warning"))
