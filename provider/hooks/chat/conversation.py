"""
A conversation until the answer: runs tools, requests a repair of invalid output, falls back on other models.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...client.chat import chat_response
from ...client.chat.fallback import should_fall_back, warns_of_deprecation
from ...client.chat.structured_output import ResponseFormat, SchemaMismatch, to_jsonable
from ...errors import AIEndpointsError, InvalidOutputError, OutputTruncatedError
from ...redaction import excerpt, scrub
from ..airflow_errors import raise_for_airflow

if TYPE_CHECKING:
    from ...client.chat.tools import Tools
    from ..usage.usage_tracker import UsageTracker

_REPAIR = (
    "Your answer cannot be used: {fault}. Answer once more, with nothing but JSON in the form that was asked for: no "
    "explanation, no code fence."
)


@dataclass(frozen=True)
class CompletionResult:
    """
    The result of one request.

    :param response: a valid chat completion
    :param request_id: the service's id of the request, or None
    :param warning: value of its ``x-warning`` header, or None
    """

    response: dict[str, Any]
    request_id: str | None
    warning: str | None


@dataclass(frozen=True)
class ChatAnswer:
    """
    The answer at the end of a conversation.

    Safe to use from several threads: nothing changes it.

    :param response: the last response in OpenAI's format
    :param parsed: the answer as data if you set ``response_format``: an instance of the Pydantic model class, or the
        value of the JSON; otherwise None
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
    :param models: model id, followed by the ids of fallback models
    :param structure: required form of the answer, or None
    :param repair: whether to request invalid output again, once
    :param tools: tools that the model may call, or None
    :param max_tool_rounds: maximum number of rounds of tool calls
    :param usage_tracker: adds up the usage, and enforces its limits
    :param token: token to remove from logs and errors, or None
    :param boundary: raises errors in the form that ``fail_fast`` asks for
    :param log: logger for tool calls, repairs and fallbacks
    """

    def __init__(
        self,
        ask: Callable[[Any, Any], CompletionResult],
        messages: Any,
        *,
        models: Sequence[Any],
        structure: ResponseFormat | None,
        repair: bool,
        tools: Tools | None,
        max_tool_rounds: int,
        usage_tracker: UsageTracker,
        token: str | None,
        boundary: Callable[[], AbstractContextManager[None]],
        log: Any,
    ) -> None:
        self._ask = ask
        self._models = list(models)
        self._structure = structure
        self._repairs = 1 if repair else 0
        self._tools = tools
        self._max_tool_rounds = self._tool_rounds = max_tool_rounds
        self._token = token
        self._boundary = boundary
        self._log = log
        #: All messages so far.
        self.messages = messages
        #: Usage of all requests so far.
        self.usage_tracker = usage_tracker
        #: The last response, even if its output is invalid; None before the first.
        self.response: dict[str, Any] | None = None
        self.request_id: str | None = None

    def run(self) -> ChatAnswer:
        """
        Send requests until there is an answer: run tools, request a repair, fall back on other models.

        :return: the answer
        :raises InvalidOutputError: if the answer doesn't match ``response_format``, or the model keeps calling tools
        :raises BudgetExceededError: if a limit is reached before the end
        :raises AIEndpointsError: see :mod:`..errors` for which, and what a retry would do
        """
        with self._boundary():
            while True:
                response = self._next_response()
                calls = chat_response.find_tool_calls(response)
                if calls and self._tools and self._tools.runs(calls):
                    self._run_tools(self._tools, calls, response)
                    continue
                if calls or self._structure is None:
                    return self._answer(response, None)
                try:
                    return self._answer(response, self._structure.read(chat_response.read_text(response)))
                except SchemaMismatch as mismatch:
                    fault = scrub(str(mismatch), self._token)
                self._send_back(response, fault)

    def _answer(self, response: dict[str, Any], parsed: Any) -> ChatAnswer:
        if chat_response.read_finish_reason(response) == "length":
            self._log.warning("The answer was cut at its token limit (finish_reason 'length'): raise max_tokens.")
        messages = [*self.messages, chat_response.to_history(response)]
        return ChatAnswer(response, parsed, self.request_id, messages, self.usage_tracker)

    def _next_response(self) -> dict[str, Any]:
        while True:
            result = self._ask_model()
            if result is not None:
                return result.response

    def _ask_model(self) -> CompletionResult | None:
        """
        Send a request to the first remaining model. None if the next model is to be tried.
        """
        model, others = self._models[0], self._models[1:]
        self.usage_tracker.check(model)
        try:
            result = self._ask(model, self.messages)
        except AIEndpointsError as error:
            if error.response:
                self._note(model, error.response, error.request_id)
            if not others or not should_fall_back(error):
                raise
            reason = error.args[0].partition(". ")[0].rstrip(".")
            self._fall_back(f"{model} did not answer ({excerpt(reason, 200)})")
            return None
        self._note(model, result.response, result.request_id)
        if others and warns_of_deprecation(result.warning):
            # The service substitutes another model for a deprecated one, until it removes it.
            self._fall_back(f"{model} is deprecated ({excerpt(scrub(result.warning or '', self._token), 200)})")
            return None
        return result

    def _note(self, model: Any, response: dict[str, Any], request_id: str | None) -> None:
        self.response, self.request_id = response, request_id
        self.usage_tracker.add(response, model)

    def _fall_back(self, why: str) -> None:
        del self._models[0]
        self._log.warning("%s: asking %s.", why, self._models[0])

    def _run_tools(self, tools: Tools, calls: list[Any], response: dict[str, Any]) -> None:
        if not self._tool_rounds:
            raise InvalidOutputError(
                f"The model still calls tools after {self._max_tool_rounds} rounds, all of which were billed. Raise "
                "max_tool_rounds, or tell it in the prompt when to stop.",
                response=response,
                request_id=self.request_id,
            )
        self._tool_rounds -= 1
        answers = []
        for call in calls:
            answer = tools.answer(call)
            self._log.info(
                "Tool %s: %d characters of arguments, %d of result%s",
                scrub(answer.name, self._token),
                answer.arguments_size,
                answer.result_size,
                f" ({answer.problem})" if answer.problem else "",
            )
            answers.append(answer.message)
        self.messages = [*self.messages, chat_response.to_history(response), *answers]

    def _send_back(self, response: dict[str, Any], fault: str) -> None:
        if chat_response.read_finish_reason(response) == "length":
            raise OutputTruncatedError(
                f"The answer was cut at its token limit (finish_reason 'length') before its JSON was whole ({fault}), "
                "and was billed. Raise max_tokens, or leave it out.",
                response=response,
                request_id=self.request_id,
            )
        if not self._repairs:
            raise InvalidOutputError(
                f"The answer has not the form that was asked for: {fault}.",
                response=response,
                request_id=self.request_id,
            )
        self._repairs -= 1
        self._log.warning("The answer has not the form that was asked for (%s): asking for it once more.", fault)
        request = {"role": "user", "content": _REPAIR.format(fault=fault)}
        self.messages = [*self.messages, chat_response.to_history(response), request]


def _no_text(response: dict[str, Any]) -> str:
    calls = chat_response.find_tool_calls(response)
    if calls:
        return (
            f"The answer has no text: it makes {len(calls)} tool calls, at least one of them of a tool given as a "
            "dictionary. Take output='message' or 'response' and answer them yourself, or give Python functions."
        )
    if chat_response.find_message(response).get("refusal"):
        return "The model refused to answer; its words stand in the error's response, as 'refusal' of the message."
    return f"The answer has no text (finish_reason {chat_response.read_finish_reason(response)!r})."
