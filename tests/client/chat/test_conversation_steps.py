"""
The steps of a conversation: given what the service and the tools returned, what is done next, and how it ends.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pytest
from apache_airflow_provider_ovhcloud_ai import errors
from apache_airflow_provider_ovhcloud_ai.client.chat.conversation_steps import (
    ChatPlan,
    CompletionResult,
    ConversationEnd,
    RunTools,
    SendRequest,
    iter_steps,
)
from apache_airflow_provider_ovhcloud_ai.client.chat.structured_output import ResponseFormat
from apache_airflow_provider_ovhcloud_ai.client.chat.tool_calls import read_tool_calls
from apache_airflow_provider_ovhcloud_ai.client.chat.tools import Tools
from hypothesis import given
from hypothesis import strategies as st
from support.services import TOKEN
from support.tool_functions import DICTIONARY, call, nothing, weather

QUESTION = [{"role": "user", "content": "Where?"}]
STRUCTURE = ResponseFormat({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]})
GOOD, BAD = '{"n": 1}', '{"n": "one"}'
DEPRECATED = "This model is deprecated and will be redirected to z"


def respond(text: str | None = None, *calls: Any, finish: str = "stop", warning: str | None = None) -> CompletionResult:
    message = {"role": "assistant", "content": text, **({"tool_calls": list(calls)} if calls else {})}
    response = {"choices": [{"index": 0, "message": message, "finish_reason": finish}], "model": "m"}
    return CompletionResult(response, "req-1", warning)


def fail(status: int, detail: str = "") -> errors.AIEndpointsError:
    return errors.for_status(status)(f"{status}. More of it.", status=status, detail=detail)


class Play(NamedTuple):
    """All that a conversation did, and the events that it left."""

    steps: list[SendRequest | RunTools]
    end: ConversationEnd | None
    error: errors.AIEndpointsError | None
    rest: list[Any]

    @property
    def requests(self) -> list[SendRequest]:
        return [step for step in self.steps if isinstance(step, SendRequest)]

    @property
    def summary(self) -> str:
        """The models that got a request, and ``tools`` for each round of tools."""
        return " ".join(step.model if isinstance(step, SendRequest) else "tools" for step in self.steps)


def answer_calls(calls: Any) -> list[dict[str, Any]]:
    return [{"role": "tool", "tool_call_id": each.id, "content": "Rain"} for each in calls]


def play(plan: ChatPlan, *events: Any) -> Play:
    """
    Hold a conversation. Each request gets the next event: a result or an error.
    """
    steps, rest = iter_steps(plan, QUESTION), list(events)
    played: list[SendRequest | RunTools] = []
    end = error = None
    try:
        step = next(steps)
        while True:
            played.append(step)
            event = answer_calls(step.calls) if isinstance(step, RunTools) else rest.pop(0)
            step = steps.throw(event) if isinstance(event, Exception) else steps.send(event)
    except StopIteration as stop:
        end = stop.value
    except errors.AIEndpointsError as raised:
        error = raised
    return Play(played, end, error, rest)


def plan(models: str = "a", **options: Any) -> ChatPlan:
    return ChatPlan(models.split(), **options)


@dataclass(frozen=True)
class Case:
    """
    A script, and what comes of it.

    :param steps: see :attr:`Play.summary`
    :param end: text of the answer, or the class of the error
    :param reason: a part of the last request's reason; None if it has none
    """

    plan: ChatPlan
    events: list[Any]
    steps: str
    end: str | type[Exception]
    parsed: Any = None
    reason: str | None = None
    message: str = field(default="", kw_only=True)


STRUCTURED = plan(structure=STRUCTURE)
TOOLED = plan(tools=Tools([weather, DICTIONARY]), max_tool_rounds=2)

CASES = {
    "answer": Case(plan(), [respond("Yes")], "a", "Yes"),
    "error": Case(plan(), [fail(503)], "a", errors.APIStatusError),
    # Structure.
    "valid at once": Case(STRUCTURED, [respond(GOOD)], "a", GOOD, {"n": 1}),
    "in a code fence": Case(STRUCTURED, [respond(f"```json\n{GOOD}\n```")], "a", f"```json\n{GOOD}\n```", {"n": 1}),
    "repair": Case(
        STRUCTURED,
        [respond(BAD), respond(GOOD)],
        "a a",
        GOOD,
        {"n": 1},
        "'one' is not of type 'integer'): asking for it",
    ),
    "repair exhausted": Case(
        STRUCTURED,
        [respond(BAD), respond("none")],
        "a a",
        errors.InvalidOutputError,
        reason="once more",
        message="it is not JSON",
    ),
    "no repair": Case(
        plan(structure=STRUCTURE, repair=False),
        [respond(BAD)],
        "a",
        errors.InvalidOutputError,
        message="is not of type",
    ),
    "truncated": Case(
        STRUCTURED, [respond('{"n":', finish="length")], "a", errors.OutputTruncatedError, message="Raise max_tokens"
    ),
    "truncated repair": Case(
        STRUCTURED,
        [respond(BAD), respond('{"n":', finish="length")],
        "a a",
        errors.OutputTruncatedError,
        reason="once more",
    ),
    "truncated after valid JSON": Case(STRUCTURED, [respond(GOOD, finish="length")], "a", GOOD, {"n": 1}),
    "truncated without a structure": Case(plan(), [respond("Ye", finish="length")], "a", "Ye"),
    "error of a repair": Case(STRUCTURED, [respond(BAD), fail(503)], "a a", errors.APIStatusError, reason="once more"),
    # Fallback.
    "fallback": Case(
        plan("a b"), [fail(503), respond("Yes")], "a b", "Yes", reason="a did not answer (503): asking b."
    ),
    "each model once": Case(
        plan("a b c"), [fail(429), fail(410), respond("Yes")], "a b c", "Yes", reason="b did not answer"
    ),
    "all models fail": Case(plan("a b"), [fail(503), fail(429)], "a b", errors.RateLimitError, reason="asking b"),
    "deprecated": Case(
        plan("a b"), [respond("Old", warning=DEPRECATED), respond("Yes")], "a b", "Yes", reason="a is deprecated (This"
    ),
    "deprecated last model": Case(plan(), [respond("Old", warning=DEPRECATED)], "a", "Old"),
    "another warning": Case(plan("a b"), [respond("Yes", warning="maintenance tonight")], "a", "Yes"),
    "truncated answers don't fall back": Case(
        plan("a b"), [errors.OutputTruncatedError("cut")], "a", errors.OutputTruncatedError
    ),
    "repair stays with the fallback model": Case(
        plan("a b", structure=STRUCTURE), [fail(503), respond(BAD), respond(GOOD)], "a b b", GOOD, {"n": 1}, "once more"
    ),
    "fallback during a repair": Case(
        plan("a b", structure=STRUCTURE), [respond(BAD), fail(503), respond(GOOD)], "a a b", GOOD, {"n": 1}, "asking b"
    ),
    # Tools.
    "a round of tools": Case(TOOLED, [respond(None, call()), respond("Rain")], "a tools a", "Rain"),
    "rounds exhausted": Case(
        TOOLED,
        [respond(None, call()), respond(None, call()), respond(None, call())],
        "a tools a tools a",
        errors.InvalidOutputError,
        message="still calls tools after 2 rounds",
    ),
    "no rounds": Case(
        plan(tools=Tools(weather)), [respond(None, call())], "a", errors.InvalidOutputError, message="after 0 rounds"
    ),
    "calls of a dictionary": Case(TOOLED, [respond(None, call("theirs"))], "a", ""),
    "calls of a dictionary and a function": Case(TOOLED, [respond(None, call(), call("theirs"))], "a", ""),
    "calls without tools": Case(plan(structure=STRUCTURE), [respond(None, call())], "a", ""),
    "an unknown tool is answered": Case(TOOLED, [respond(None, call("other")), respond("Rain")], "a tools a", "Rain"),
    "tools, then a structure": Case(
        plan(tools=Tools([weather, nothing]), max_tool_rounds=1, structure=STRUCTURE),
        [respond(None, call()), respond(BAD), respond(GOOD)],
        "a tools a a",
        GOOD,
        {"n": 1},
        "once more",
    ),
    "tools after a repair": Case(
        plan(tools=Tools(weather), max_tool_rounds=1, structure=STRUCTURE),
        [respond(BAD), respond(None, call()), respond(GOOD)],
        "a a tools a",
        GOOD,
        {"n": 1},
    ),
    "tools with a fallback model": Case(
        plan("a b", tools=Tools(weather), max_tool_rounds=1),
        [fail(503), respond(None, call()), respond("Rain")],
        "a b tools b",
        "Rain",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_events_lead_to_steps_and_end(name: str) -> None:
    case = CASES[name]
    result = play(case.plan, *case.events)
    assert (result.summary, result.rest) == (case.steps, [])
    if isinstance(case.end, str):
        assert result.end is not None, result.error
        assert result.end.messages[-1]["content"] == (case.end or None)
        assert (result.end.parsed, result.end.result) == (case.parsed, case.events[-1])
    else:
        assert type(result.error) is case.end
        assert case.message in str(result.error)
    reasons = [request.reason for request in result.requests]
    assert reasons[0] is None
    assert (reasons[-1] is None) == (case.reason is None)
    assert (case.reason or "") in (reasons[-1] or "")


@pytest.mark.parametrize(
    ("error", "falls_back"),
    [
        *((fail(status), True) for status in (410, 429, 500, 502, 503, 529)),
        (
            errors.NotFoundError(
                "Not found: the host says: no model 'a'. Choose another.", status=404, detail="no model 'a'"
            ),
            True,
        ),
        (fail(400, "The model has been decommissioned"), True),
        (fail(422, "This model is retired"), True),
        *((fail(status), False) for status in (400, 401, 403, 404, 408, 422, 504)),
        (errors.APITimeoutError("late"), False),
        (errors.APIConnectionError("lost"), False),
        (errors.BudgetExceededError("enough"), False),
        (errors.InvalidResponseError("odd"), False),
    ],
)
def test_status_decides_whether_to_use_the_next_model(error: errors.AIEndpointsError, falls_back: bool) -> None:
    result = play(plan("a b"), error, *([respond("Yes")] if falls_back else []))
    assert result.summary == ("a b" if falls_back else "a")
    assert (result.error is None) == falls_back
    if not falls_back:
        assert result.error is error


def test_a_repair_request_holds_the_answer_and_its_fault() -> None:
    result = play(plan(structure=STRUCTURE), respond(f"<think>Hm.</think>{BAD}"), respond(GOOD))
    first, second = result.requests
    assert first == SendRequest("a", QUESTION)
    question, answer, repair = second.messages
    assert [question, answer] == [*QUESTION, {"role": "assistant", "content": BAD}]
    assert repair["role"] == "user"
    assert "$.n: 'one' is not of type 'integer'" in repair["content"]
    assert result.end is not None
    assert result.end.messages == [*second.messages, {"role": "assistant", "content": GOOD}]


def test_tools_get_their_calls_and_the_model_their_messages() -> None:
    calls = [call(identifier="1"), call(identifier="2")]
    result = play(TOOLED, respond(None, *calls), respond("Rain"))
    read = read_tool_calls(calls)
    assert result.steps[1] == RunTools(read)
    message = {"role": "assistant", "content": None, "tool_calls": calls}
    assert result.requests[1].messages == [*QUESTION, message, *answer_calls(read)]


@pytest.mark.parametrize(
    ("error", "is_named"),
    [
        (fail(400, "This model's maximum context length is 8192 tokens"), True),
        (fail(413), True),
        (errors.BadRequestError("400. No.", status=400, code="context_length_exceeded"), True),
        (errors.ConfigurationError("The request is 9,000,000 bytes."), True),
        (fail(400, "temperature must be a number"), False),
        (fail(503), False),
    ],
)
def test_tool_result_that_makes_a_request_too_long_is_named(error: errors.AIEndpointsError, is_named: bool) -> None:
    result = play(TOOLED, respond(None, call()), error)
    assert result.error is error
    assert ("The longest result of a tool, of weather, has 4 characters" in str(error)) is is_named


@pytest.mark.parametrize("kind", [errors.InvalidOutputError, errors.AnswerWithheldError])
def test_answer_without_text_is_repaired_unless_it_was_withheld(kind: type[errors.InvalidOutputError]) -> None:
    error = kind("no text", response=respond("").response)
    result = play(plan(structure=STRUCTURE), error, respond(GOOD))
    assert (result.error is None, result.rest == []) == ((kind is errors.InvalidOutputError),) * 2


def test_a_token_in_an_answer_is_in_no_message() -> None:
    secret = plan("a b", structure=STRUCTURE, token=TOKEN)
    wrong = respond(f'{{"n": "{TOKEN}"}}', warning=f"deprecated {TOKEN}")
    result = play(secret, wrong, respond(f'{{"n": "{TOKEN}"}}'), respond(f'{{"n": "{TOKEN}"}}'))
    reasons = [request.reason for request in result.requests if request.reason]
    assert ["deprecated ***" in reasons[0], "'***' is not of type" in reasons[1]] == [True, True]
    assert TOKEN not in "".join([*reasons, str(result.error), result.requests[-1].messages[-1]["content"]])


def test_an_error_of_the_answer_holds_its_response() -> None:
    result = play(plan(structure=STRUCTURE, repair=False), respond(BAD))
    assert result.error is not None
    assert (result.error.response, result.error.request_id) == (respond(BAD).response, "req-1")


events = st.sampled_from(
    [respond(GOOD), respond(BAD), respond(GOOD, warning=DEPRECATED), fail(503), respond(None, call())]
)


@given(st.lists(events, min_size=20, max_size=20), st.integers(1, 4), st.booleans(), st.integers(0, 3))
def test_a_conversation_ends_within_its_bounds(script: list[Any], models: int, repair: bool, rounds: int) -> None:
    """And it doesn't change the first messages, or return to a model that it has left."""
    names = list("abcd")[:models]
    result = play(ChatPlan(names, {}, STRUCTURE, repair, Tools(weather), rounds), *script)
    assert len(result.requests) <= models + repair + rounds
    assert [request.model for request in result.requests] == sorted(request.model for request in result.requests)
    assert result.error or (result.end and result.end.parsed == {"n": 1})
    assert QUESTION == [{"role": "user", "content": "Where?"}]
    assert all(request.messages[0] is QUESTION[0] for request in result.requests)
