"""
A conversation as steps: given what came back, what to do next. Pure: the caller sends requests and runs tools.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from ...errors import (
    AIEndpointsError,
    AnswerWithheldError,
    ConfigurationError,
    InvalidOutputError,
    OutputTruncatedError,
)
from ...redaction import excerpt, scrub
from ..answer_check import is_cut
from ..http.error_meaning import is_too_long
from . import chat_response
from .fallback import should_fall_back, warns_of_deprecation
from .structured_output import ResponseFormat, SchemaMismatch
from .tool_calls import ToolCall, read_tool_calls, to_mapping

if TYPE_CHECKING:
    from .tools import Tools

_REPAIR = (
    "Your answer cannot be used: {fault}. Answer once more, with nothing but JSON in the form that was asked for: no "
    "explanation, no code fence."
)


@dataclass(frozen=True)
class ChatPlan:
    """
    What the conversations of a task have in common.

    Safe to use from several threads: nothing changes it.

    :param models: model id, followed by the ids of fallback models
    :param params: fields of each request beside model and messages
    :param structure: required form of the answer, or None
    :param repair: whether to request invalid output again, once
    :param tools: tools that the model may call, or None
    :param max_tool_rounds: maximum number of rounds of tool calls
    :param token: token to remove from messages and errors, or None
    """

    models: Sequence[Any]
    params: Mapping[str, Any] = field(default_factory=dict)
    structure: ResponseFormat | None = None
    repair: bool = True
    tools: Tools | None = None
    max_tool_rounds: int = 0
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class CompletionResult:
    """
    The result of one request.

    :param response: a valid chat completion
    :param request_id: the service's id of the request, or None
    :param warning: value of its ``x-warning`` header, or None
    """

    response: dict[str, Any]
    request_id: str | None = None
    warning: str | None = None


@dataclass(frozen=True)
class SendRequest:
    """
    The step of sending a request. The caller sends its :class:`CompletionResult`, or throws its error.

    :param model: model id
    :param messages: all messages
    :param reason: why it isn't the first request: an invalid answer, or a model that is unavailable; else None
    """

    model: Any
    messages: Any
    reason: str | None = None


@dataclass(frozen=True)
class RunTools:
    """
    The step of running tools. The caller sends the messages that answer the calls.

    :param calls: the tool calls
    """

    calls: Sequence[ToolCall]


@dataclass(frozen=True)
class ConversationEnd:
    """
    The end of a conversation.

    :param result: the last result
    :param parsed: the answer as data if the plan has a structure, else None
    :param messages: all messages, including the answer
    """

    result: CompletionResult
    parsed: Any
    messages: list[dict[str, Any]]


#: A conversation under way: yields what to do, and receives what came of it.
Steps: TypeAlias = "Generator[SendRequest | RunTools, Any, ConversationEnd]"


def iter_steps(plan: ChatPlan, messages: Any) -> Steps:
    """
    Hold a conversation: run tools, request a repair of invalid output, fall back on other models.

    :param plan: the plan of the conversation
    :param messages: first messages
    :return: a generator of steps, which returns the end of the conversation
    :raises InvalidOutputError: if the answer doesn't match the structure, or the model keeps calling tools
    :raises AIEndpointsError: the error of a request, if no further model can be tried
    """
    models, repairs, rounds = list(plan.models), int(plan.repair), plan.max_tool_rounds
    reason: str | None = None
    while True:
        result: CompletionResult = yield from _send(plan, models, messages, reason)
        response = result.response
        calls = read_tool_calls(chat_response.find_tool_calls(response), messages)
        if calls and plan.tools and plan.tools.runs(calls):
            if not rounds:
                raise _too_many_rounds(plan, result)
            rounds, reason = rounds - 1, None
            answers = yield RunTools(calls)
            messages = [*messages, chat_response.to_history(response, calls), *answers]
            continue
        history = [*messages, chat_response.to_history(response, calls)]
        if calls or plan.structure is None:
            return ConversationEnd(result, None, history)
        try:
            return ConversationEnd(result, plan.structure.read(chat_response.read_text(response)), history)
        except SchemaMismatch as mismatch:
            fault = scrub(str(mismatch), plan.token)
        _check_repair(result, fault, repairs)
        repairs -= 1
        reason = f"The answer has not the form that was asked for ({fault}): asking for it once more."
        messages = [*history, {"role": "user", "content": _REPAIR.format(fault=fault)}]


def _send(
    plan: ChatPlan, models: list[Any], messages: Any, reason: str | None
) -> Generator[SendRequest, CompletionResult, CompletionResult]:
    """
    Send a request to the first of the models that answers. Removes the others before it from the list.
    """
    while True:
        model = models[0]
        try:
            result = yield SendRequest(model, messages, reason)
        except AIEndpointsError as error:
            if plan.structure and plan.repair and error.response and _is_repairable(error):
                return CompletionResult(error.response, error.request_id)
            _name_tool_result(error, messages)
            if len(models) == 1 or not should_fall_back(error):
                raise
            detail = error.args[0].partition(". ")[0].rstrip(".")
            why = f"{model} did not answer ({excerpt(detail, 200)})"
        else:
            if len(models) == 1 or not warns_of_deprecation(result.warning):
                return result
            # The service substitutes another model for a deprecated one, until it removes it.
            why = f"{model} is deprecated ({excerpt(scrub(result.warning or '', plan.token), 200)})"
        del models[0]
        reason = f"{why}: asking {models[0]}."


def _is_repairable(error: AIEndpointsError) -> bool:
    return isinstance(error, InvalidOutputError) and not isinstance(error, AnswerWithheldError)


def _name_tool_result(error: AIEndpointsError, messages: Any) -> None:
    """
    Name the tool result that may have made a request too long.
    """
    results = [message for message in messages if to_mapping(message).get("role") == "tool"]
    if not results or not (isinstance(error, ConfigurationError) or is_too_long(error)):
        return
    longest = max(results, key=lambda message: len(str(message.get("content"))))
    name = _find_tool_name(longest.get("tool_call_id"), messages)
    size = len(str(longest.get("content")))
    error.args = (f"{error.args[0]} The longest result of a tool, of {name}, has {size:,} characters: return less.",)


def _find_tool_name(identifier: Any, messages: Any) -> str:
    for message in messages:
        for call in to_mapping(message).get("tool_calls") or ():
            if to_mapping(call).get("id") == identifier:
                return str(to_mapping(to_mapping(call).get("function")).get("name"))
    return "an unknown tool"


def _too_many_rounds(plan: ChatPlan, result: CompletionResult) -> InvalidOutputError:
    return InvalidOutputError(
        f"The model still calls tools after {plan.max_tool_rounds} rounds, all of which were billed. Raise "
        "max_tool_rounds, or tell it in the prompt when to stop.",
        response=result.response,
        request_id=result.request_id,
    )


def _check_repair(result: CompletionResult, fault: str, repairs: int) -> None:
    error: type[AIEndpointsError] = InvalidOutputError
    message = f"The answer has not the form that was asked for: {fault}."
    if is_cut(chat_response.read_finish_reason(result.response)):
        error = OutputTruncatedError
        message = (
            f"The answer was cut at its token limit (finish_reason 'length') before its JSON was whole ({fault}), "
            "and was billed. Raise max_tokens, or leave it out."
        )
    elif repairs:
        return
    raise error(message, response=result.response, request_id=result.request_id)
