"""
A conversation until the answer: sends the requests and runs the tools that its steps ask for.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...client.answer_check import is_cut
from ...client.chat import chat_response
from ...client.chat.conversation_steps import (
    ChatPlan,
    CompletionResult,
    ConversationEnd,
    RunTools,
    SendRequest,
    Steps,
    iter_steps,
)
from ...client.chat.structured_output import to_jsonable
from ...client.usage import Usage, read_usage
from ...errors import AIEndpointsError, InvalidOutputError
from ...redaction import scrub
from ..airflow_errors import raise_for_airflow

if TYPE_CHECKING:
    from ..usage.usage_tracker import UsageTracker


@dataclass(frozen=True)
class ChatAnswer:
    """
    The answer at the end of a conversation.

    Safe to use from several threads: nothing changes it.

    :param response: the last response in OpenAI's format
    :param parsed: the answer as data if you set ``response_format``: a value of the Python type, or of the JSON;
        otherwise None
    :param request_id: the service's id of the last request, or None
    :param messages: all messages of the conversation, including the answer
    :param usage_tracker: usage of all requests
    """

    response: dict[str, Any]
    parsed: Any
    request_id: str | None
    messages: list[dict[str, Any]]
    usage_tracker: UsageTracker

    @property
    def text(self) -> str:
        """
        The text of the answer without reasoning; empty if it has none.
        """
        return chat_response.read_text(self.response)

    @property
    def reasoning(self) -> str | None:
        """
        The model's reasoning, or None if it returned none.
        """
        return chat_response.read_reasoning(self.response)

    @property
    def message(self) -> dict[str, Any]:
        """
        The message as the service returned it.
        """
        return chat_response.find_message(self.response)

    @property
    def model(self) -> str | None:
        """
        The id of the model that answered, or None if the service doesn't report it.
        """
        return self.response.get("model")

    @property
    def finish_reason(self) -> str | None:
        """
        The reason why the answer ended, such as ``stop`` or ``length``.
        """
        return chat_response.read_finish_reason(self.response)

    @property
    def is_cut(self) -> bool:
        """
        Whether the answer was cut at a limit of tokens.
        """
        return is_cut(self.finish_reason)

    def output(self, kind: str) -> Any:
        """
        Return the answer in one of its forms, as a value for XCom.

        :param kind: ``response``, ``text``, ``json`` or ``message``
        :return: the response, its text, its parsed JSON or its message
        :raises ConfigurationError: if ``kind`` is anything else
        :raises InvalidOutputError: if the answer lacks text
        """
        with raise_for_airflow():
            return self._output(kind)

    def _output(self, kind: str) -> Any:
        chat_response.check_output(kind)
        if kind == "response":
            return self.response
        if kind == "message":
            return self.message
        if chat_response.find_tool_calls(self.response) or (kind == "text" and not self.text):
            raise InvalidOutputError(_no_text(self.response), response=self.response, request_id=self.request_id)
        return to_jsonable(self.parsed) if kind == "json" else self.text


class Conversation:
    """
    Sends requests until the model has answered.

    Not safe to use from several threads: it keeps the messages. Each thread may have a conversation of its own.

    :param ask: sends messages to a model once
    :param messages: first messages
    :param plan: models, form of the answer and tools
    :param usage_tracker: adds up the usage, and enforces its limits
    :param boundary: raises errors in the form that ``fail_fast`` asks for; by default they are raised unchanged
    :param log: logger for tool calls, repairs and fallbacks
    :param max_log_level: highest level of these log lines; ``logging.DEBUG`` for one conversation of many
    """

    def __init__(
        self,
        ask: Callable[[Any, Any], CompletionResult],
        messages: Any,
        plan: ChatPlan,
        *,
        usage_tracker: UsageTracker,
        boundary: Callable[[], AbstractContextManager[None]] = nullcontext,
        log: Any,
        max_log_level: int = logging.WARNING,
    ) -> None:
        self._ask = ask
        self._plan = plan
        self._boundary = boundary
        self._log = log
        self._max_log_level = max_log_level
        #: All messages so far.
        self.messages = messages
        #: Usage of all requests so far, also of other conversations with this tracker.
        self.usage_tracker = usage_tracker
        #: The last response, even if its output is invalid; None before the first.
        self.response: dict[str, Any] | None = None
        self.request_id: str | None = None
        #: Usage of this conversation's requests.
        self.usage = Usage()

    def run(self) -> ChatAnswer:
        """
        Send requests until there is an answer: run tools, request a repair, fall back on other models.

        :return: the answer
        :raises InvalidOutputError: if the answer doesn't match ``response_format``, or the model keeps calling tools
        :raises BudgetExceededError: if a limit is reached before the end
        :raises AIEndpointsError: see :mod:`..errors` for which, and what a retry would do
        """
        with self._boundary():
            end = self._follow(iter_steps(self._plan, self.messages))
            response = end.result.response
            answer = ChatAnswer(response, end.parsed, end.result.request_id, end.messages, self.usage_tracker)
            if answer.is_cut:
                self._log_at(
                    logging.WARNING, "The answer was cut at its token limit (finish_reason 'length'). Raise max_tokens."
                )
            return answer

    def _follow(self, steps: Steps) -> ConversationEnd:
        try:
            step = next(steps)
            while True:
                if isinstance(step, RunTools):
                    step = steps.send([self._run_tool(call) for call in step.calls])
                    continue
                try:
                    result = self._send(step)
                except AIEndpointsError as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(result)
        except StopIteration as stop:
            end: ConversationEnd = stop.value
            return end

    def _send(self, step: SendRequest) -> CompletionResult:
        if step.reason:
            self._log_at(logging.WARNING, "%s", step.reason)
        self.messages = step.messages
        self.usage_tracker.check(step.model)
        try:
            result = self._ask(step.model, step.messages)
        except AIEndpointsError as error:
            if error.response:
                self._note(step.model, error.response, error.request_id)
            raise
        self._note(step.model, result.response, result.request_id)
        return result

    def _note(self, model: Any, response: dict[str, Any], request_id: str | None) -> None:
        self.response, self.request_id = response, request_id
        self.usage += read_usage(response)
        self.usage_tracker.add(response, model)

    def _run_tool(self, call: Any) -> dict[str, Any]:
        assert self._plan.tools is not None  # noqa: S101  (the steps run tools only if there are any)
        answer = self._plan.tools.answer(call)
        self._log_at(
            logging.INFO,
            "Tool %s: %d characters of arguments, %d of result%s",
            scrub(answer.name, self._plan.token),
            answer.arguments_size,
            answer.result_size,
            f" ({answer.problem})" if answer.problem else "",
        )
        return answer.message

    def _log_at(self, level: int, message: str, *args: object) -> None:
        self._log.log(min(level, self._max_log_level), message, *args)


def _no_text(response: dict[str, Any]) -> str:
    calls = chat_response.find_tool_calls(response)
    if calls:
        return (
            f"The answer has no text: it makes {len(calls)} tool calls, at least one of them of a tool given as a "
            "dictionary. Take output='message' or 'response' and answer them yourself, or give Python functions."
        )
    return f"The answer has no text (finish_reason {chat_response.read_finish_reason(response)!r})."
