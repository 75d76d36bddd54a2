"""
A question that is asked until it is answered: tools run, a wrong form sent back once, other models fallen back on.
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
    What one request brought.

    :param response: a checked chat completion
    :param request_id: the service's id of the request
    :param warning: what its ``x-warning`` header says
    """

    response: dict[str, Any]
    request_id: str | None
    warning: str | None


@dataclass(frozen=True)
class ChatAnswer:
    """
    The answer to a conversation.

    Safe to use from several threads: nothing changes it.

    :param response: the last response in OpenAI's format
    :param parsed: what the answer says as data, where a form was asked for: an instance of the Pydantic model class,
        else what the JSON says
    :param request_id: the service's id of the last request
    :param messages: the conversation with all that was said in it, the answer included
    :param usage_tracker: what all requests used
    """

    response: dict[str, Any]
    parsed: Any
    request_id: str | None
    messages: list[dict[str, Any]]
    usage_tracker: UsageTracker

    @property
    def text(self) -> str:
        """
        The text without reasoning, empty where there is none.
        """
        return chat_response.read_text(self.response)

    @property
    def reasoning(self) -> str | None:
        """
        What the model thought first, None where it does not say.
        """
        return chat_response.read_reasoning(self.response)

    @property
    def message(self) -> dict[str, Any]:
        """
        The message as it came.
        """
        return chat_response.find_message(self.response)

    @property
    def model(self) -> str | None:
        """
        The model that answered.
        """
        return self.response.get("model")

    @property
    def finish_reason(self) -> str | None:
        """
        Why the answer ended.
        """
        return chat_response.read_finish_reason(self.response)

    def output(self, kind: str) -> Any:
        """
        Give the answer in one of its forms.

        :param kind: ``response``, ``text``, ``json`` or ``message``
        :return: what XCom can hold
        :raises ConfigurationError: if there is no such form
        :raises InvalidOutputError: if the answer has none
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
    Asks until there is an answer.

    Not safe to use from several threads: it keeps what was said. Each thread may have a conversation of its own.

    :param ask: asks a model once
    :param messages: how it begins
    :param models: whom to ask: the first, and in turn those to fall back on
    :param structure: the form that the answer must have, or None
    :param repair: whether an answer of another form is sent back once
    :param tools: what the model may call, or None
    :param max_tool_rounds: how often tools are run at most
    :param usage_tracker: what is used, and may be
    :param token: the secret that an answer may echo, or None
    :param boundary: raises errors in the form that ``fail_fast`` asks for
    :param log: where tool calls, repairs and changes of the model are told
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
        #: All that was said so far.
        self.messages = messages
        #: What was used so far.
        self.usage_tracker = usage_tracker
        #: The last response, also one that cannot be used; None before the first.
        self.response: dict[str, Any] | None = None
        self.request_id: str | None = None

    def run(self) -> ChatAnswer:
        """
        Ask, and go on while tools are called or a repair is due.

        :return: the answer
        :raises InvalidOutputError: if it has not the form asked for, or tools are called without end
        :raises BudgetExceededError: if a limit was reached before the end
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
        said = [*self.messages, chat_response.to_history(response)]
        return ChatAnswer(response, parsed, self.request_id, said, self.usage_tracker)

    def _next_response(self) -> dict[str, Any]:
        while True:
            asked = self._ask_model()
            if asked is not None:
                return asked.response

    def _ask_model(self) -> CompletionResult | None:
        """
        Ask the first of the models that are left; None where the next one has its turn.
        """
        model, others = self._models[0], self._models[1:]
        self.usage_tracker.check(model)
        try:
            asked = self._ask(model, self.messages)
        except AIEndpointsError as error:
            if error.response:
                self._note(model, error.response, error.request_id)
            if not others or not should_fall_back(error):
                raise
            reason = error.args[0].partition(". ")[0].rstrip(".")
            self._fall_back(f"{model} did not answer ({excerpt(reason, 200)})")
            return None
        self._note(model, asked.response, asked.request_id)
        if others and warns_of_deprecation(asked.warning):
            # The service answers with a model of its own choice then, and from some day on not at all.
            self._fall_back(f"{model} is deprecated ({excerpt(scrub(asked.warning or '', self._token), 200)})")
            return None
        return asked

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
