"""
A question that is asked until it is answered: which requests are sent for it, and what comes of them.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import pytest
from apache_airflow_provider_ovhcloud_ai.compat import AirflowFailException
from apache_airflow_provider_ovhcloud_ai.errors import (
    AnswerWithheldError,
    BadRequestError,
    BudgetExceededError,
    ConfigurationError,
    InvalidOutputError,
    NotFoundError,
    OutputTruncatedError,
    RateLimitError,
)
from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from pydantic import BaseModel
from support.saved_connections import Make, stored
from support.services import MODELS, TOKEN, Service, ServiceRequest, ServiceResponse, running

pytestmark = pytest.mark.airflow

PLACE = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "people": {"type": "integer"}},
    "required": ["city", "people"],
}
LYON = '{"city": "Lyon", "people": 520774}'


class Place(BaseModel):
    city: str
    people: int


class Size(enum.Enum):
    SMALL = "small"
    LARGE = "large"


@dataclass
class Point:
    x: int
    y: int = 2


#: Type -> the sandbox's answer as `parsed` and in XCom.
TYPES: list[tuple[Any, Any, Any]] = [
    (list[Place], [], []),
    (tuple[Place, Size], (Place(city="sandbox", people=0), Size.SMALL), [{"city": "sandbox", "people": 0}, "small"]),
    (Literal["a", "b"], "a", "a"),
    (Size, Size.SMALL, "small"),
    (int, 0, 0),
    (float, 0.0, 0.0),
    (bool, True, True),
    (str | None, "sandbox", "sandbox"),
    (Place | Point, Place(city="sandbox", people=0), {"city": "sandbox", "people": 0}),
    (Point, Point(0), {"x": 0, "y": 2}),
    (dict[str, int], {}, {}),
]


def says(text: str | None = None, finish: str = "stop", model: str = "m", **message: Any) -> ServiceResponse:
    choice = {"index": 0, "message": {"role": "assistant", "content": text, **message}, "finish_reason": finish}
    usage = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
    body = {"id": "c", "object": "chat.completion", "created": 1, "model": model, "choices": [choice], "usage": usage}
    return ServiceResponse(200, body, {"x-request-id": "req-1"})


def calls(*named: tuple[str, str]) -> ServiceResponse:
    tool_calls = [
        {"id": f"call_{number}", "type": "function", "function": {"name": name, "arguments": arguments}}
        for number, (name, arguments) in enumerate(named)
    ]
    return says(None, "tool_calls", tool_calls=tool_calls)


class Script:
    """
    A service that says one thing after the other, and a hook that talks to it.
    """

    def __init__(self, make: Make, service: Service, responses: list[ServiceResponse]) -> None:
        self.hook: OVHCloudAIEndpointsHook = make(
            {"conn_type": "ovh_ai_endpoints", "host": service.base_url, "password": TOKEN}, max_retries=0
        )
        self._service = service
        self._responses = iter(responses)
        service.answer = self._answer

    def _answer(self, request: ServiceRequest) -> ServiceResponse:
        return ServiceResponse(200, MODELS) if request.path.endswith("/models") else next(self._responses)

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [request.body for request in self._service.requests if request.path.endswith("/chat/completions")]


@pytest.fixture
def script(hook_for: Make) -> Iterator[Callable[..., Script]]:
    with running(lambda _: ServiceResponse(500)) as service:
        yield lambda *responses: Script(hook_for, service, list(responses))


class TestOneAnswer:
    def test_prompts_are_short_forms_of_messages(self, script: Any) -> None:
        play = script(says("Yes."))
        answer = play.hook.ask("Really?", "m", system_prompt="Be brief.", temperature=0.5)
        messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Really?"}]
        assert play.bodies == [{"model": "m", "messages": messages, "temperature": 0.5}]
        assert (answer.text, answer.model, answer.finish_reason, answer.request_id) == ("Yes.", "m", "stop", "req-1")
        assert answer.messages == [*messages, {"role": "assistant", "content": "Yes."}]
        assert answer.message == {"role": "assistant", "content": "Yes."}
        assert answer.response["usage"]["total_tokens"] == 10
        assert (answer.parsed, answer.reasoning) == (None, None)

    def test_a_system_prompt_comes_before_messages(self, script: Any) -> None:
        play = script(says("Yes."))
        play.hook.ask(model="m", messages=[{"role": "user", "content": "Really?"}], system_prompt="Be brief.")
        assert [message["role"] for message in play.bodies[0]["messages"]] == ["system", "user"]

    @pytest.mark.parametrize(
        ("params", "sentence"),
        [
            ({}, "Nothing is asked: give prompt, or messages"),
            ({"prompt": ""}, "prompt must not be empty"),
            ({"prompt": 7}, "prompt must be a text, not 7"),
            ({"prompt": "a", "messages": [{"role": "user", "content": "b"}]}, "Give messages or prompt, not both"),
            ({"prompt": "a", "system_prompt": " "}, "system_prompt must not be empty"),
            ({"messages": [{"role": "system", "content": "b"}], "system_prompt": "a"}, "give one of them"),
            ({"messages": "Hello", "system_prompt": "a"}, "messages must be a list"),
            ({"prompt": "a", "max_tool_rounds": -1}, "max_tool_rounds must be a number"),
            ({"prompt": "a", "fallback_models": 5}, "fallback_models must be a list"),
            ({"prompt": "a", "response_format": "json"}, "response_format must be a JSON schema"),
            ({"prompt": "a", "response_format": str}, "response_format=str allows any text"),
        ],
    )
    def test_what_cannot_work_is_refused_before_anything_is_sent(
        self, script: Any, params: dict[str, Any], sentence: str
    ) -> None:
        play = script()
        with pytest.raises(ConfigurationError, match=sentence) as caught:
            play.hook.ask(params.pop("prompt", None), "m", **params)
        assert isinstance(caught.value, AirflowFailException)
        assert play.bodies == []

    def test_text_is_refused_where_there_is_none(self, script: Any) -> None:
        with pytest.raises(AnswerWithheldError, match=r"refused to answer.*: I may not") as caught:
            script(says("", refusal="I may not.")).hook.ask("a", "m")
        assert caught.value.response["choices"][0]["message"]["refusal"] == "I may not."
        assert caught.value.request_id == "req-1"
        with pytest.raises(ConfigurationError, match="output must be one of response, text, json, message"):
            script(says("Yes.")).hook.ask("a", "m").output("texts")
        with pytest.raises(AnswerWithheldError, match="content filter withheld the answer of m"):
            script(says(None, "content_filter")).hook.ask("a", "m")

    def test_reasoning_is_a_separate_field(self, script: Any) -> None:
        answer = script(says("<think>Hm.</think>Yes.")).hook.ask("a", "m", reasoning_effort="low")
        assert (answer.output("text"), answer.reasoning) == ("Yes.", "Hm.")
        assert answer.output("response")["choices"][0]["message"]["content"] == "<think>Hm.</think>Yes."

    def test_a_truncated_empty_answer_is_not_asked_for_again(self, script: Any) -> None:
        play = script(says("", "length"), says("Yes."))
        conversation = play.hook.conversation("a", "m", fallback_models=["n"])
        with pytest.raises(OutputTruncatedError, match="Raise max_tokens") as caught:
            conversation.run()
        assert isinstance(caught.value, AirflowFailException)
        assert len(play.bodies) == 1
        assert conversation.usage_tracker.usage.total_tokens == 10

    def test_a_streamed_conversation_comes_to_the_same(self, hook_for: Make, sandbox: Sandbox) -> None:
        hook = hook_for(stored(sandbox))
        whole = hook.ask("Hello", "gpt-oss-20b", response_format=PLACE)
        streamed = hook.ask("Hello", "gpt-oss-20b", response_format=PLACE, stream=True)
        assert streamed.parsed == whole.parsed
        assert streamed.reasoning == whole.reasoning
        assert streamed.reasoning
        assert streamed.request_id is not None


class TestForm:
    def test_a_schema_is_sent_and_its_answer_read(self, script: Any) -> None:
        play = script(says(f"```json\n{LYON}\n```"))
        answer = play.hook.ask("Where?", "m", response_format=PLACE)
        assert play.bodies[0]["response_format"]["json_schema"]["schema"] == PLACE
        assert answer.parsed == answer.output("json") == {"city": "Lyon", "people": 520774}

    def test_a_model_class_answers_its_instance_and_xcom_its_fields(self, script: Any) -> None:
        answer = script(says(LYON)).hook.ask("Where?", "m", response_format=Place)
        assert answer.parsed == Place(city="Lyon", people=520774)
        assert answer.output("json") == {"city": "Lyon", "people": 520774}

    @pytest.mark.parametrize(("annotation", "parsed", "xcom"), TYPES)
    def test_a_type_answers_its_value_and_xcom_its_json(
        self, hook_for: Make, sandbox: Sandbox, annotation: Any, parsed: Any, xcom: Any
    ) -> None:
        answer = hook_for(stored(sandbox)).ask("Hello", "gpt-oss-20b", response_format=annotation)
        assert (answer.parsed, type(answer.parsed)) == (parsed, type(parsed))
        assert answer.output("json") == xcom

    def test_a_wrong_value_of_a_type_is_sent_back_with_its_path(self, script: Any) -> None:
        play = script(says('{"value": [{"city": "Lyon"}]}'), says(f'{{"value": [{LYON}]}}'))
        answer = play.hook.ask("Where?", "m", response_format=list[Place])
        assert answer.parsed == [Place(city="Lyon", people=520774)]
        assert answer.output("json") == [{"city": "Lyon", "people": 520774}]
        assert "value.0.people: Field required" in play.bodies[1]["messages"][-1]["content"]
        schema = play.bodies[0]["response_format"]["json_schema"]["schema"]
        assert (schema["type"], schema["required"]) == ("object", ["value"])

    def test_a_list_without_its_wrapper_costs_no_second_request(self, script: Any) -> None:
        play = script(says(f"[{LYON}]"))
        assert play.hook.ask("Where?", "m", response_format=list[Place]).output("json")[0]["city"] == "Lyon"
        assert len(play.bodies) == 1

    def test_a_wrong_answer_is_sent_back_once(self, script: Any) -> None:
        play = script(says('{"city": "Lyon"}'), says(LYON))
        answer = play.hook.ask("Where?", "m", response_format=PLACE)
        assert answer.parsed["people"] == 520774
        question, wrong, again = play.bodies[1]["messages"]
        assert (question["content"], wrong) == ("Where?", {"role": "assistant", "content": '{"city": "Lyon"}'})
        assert "'people' is a required property" in again["content"]
        assert play.bodies[1]["response_format"] == play.bodies[0]["response_format"]
        assert answer.usage_tracker.usage.total_tokens == 20

    @pytest.mark.parametrize(("repair", "requests"), [(True, 2), (False, 1)])
    def test_an_answer_that_stays_wrong_fails_and_is_kept(self, script: Any, repair: bool, requests: int) -> None:
        play = script(says("Lyon"), says("Lyon."), says(LYON))
        with pytest.raises(InvalidOutputError, match="it is not JSON") as caught:
            play.hook.ask("Where?", "m", response_format=PLACE, repair=repair)
        assert len(play.bodies) == requests
        assert caught.value.response["choices"][0]["message"]["content"].startswith("Lyon")
        assert not isinstance(caught.value, AirflowFailException)

    def test_an_answer_that_was_cut_is_not_sent_back(self, script: Any) -> None:
        play = script(says('{"city": "Ly', "length"), says(LYON))
        with pytest.raises(OutputTruncatedError, match="before its JSON was whole") as caught:
            play.hook.ask("Where?", "m", response_format=PLACE)
        assert isinstance(caught.value, AirflowFailException)
        assert len(play.bodies) == 1

    def test_a_token_in_an_answer_is_not_repeated(self, script: Any) -> None:
        play = script(says(json.dumps({"city": 5, "people": TOKEN})))
        with pytest.raises(InvalidOutputError) as caught:
            play.hook.ask("Where?", "m", response_format=PLACE, repair=False)
        assert TOKEN not in str(caught.value)
        assert "***" in str(caught.value)


def population(city: str, year: int = 2026) -> int:
    """
    Count the people of a city.

    :param city: its name
    :param year: when
    """
    return {"Lyon": 520_774, "Lille": 236_710}[city] + (year - 2026)


DICTIONARY = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}


class TestTools:
    def test_functions_are_run_until_there_is_an_answer(self, script: Any) -> None:
        play = script(
            calls(("population", '{"city": "Lyon"}'), ("population", '{"city": "Lille", "year": 2027}')),
            calls(("population", '{"city": "Lille"}')),
            says("Many."),
        )
        answer = play.hook.ask("How many?", "m", tools=[population])
        assert answer.text == "Many."
        (tool,) = play.bodies[0]["tools"]
        assert tool["function"]["name"] == "population"
        assert "Count the people" in tool["function"]["description"]
        roles = [message["role"] for message in play.bodies[2]["messages"]]
        assert roles == ["user", "assistant", "tool", "tool", "assistant", "tool"]
        first, second = play.bodies[1]["messages"][2:]
        assert first == {"role": "tool", "tool_call_id": "call_0", "content": "520774"}
        assert second == {"role": "tool", "tool_call_id": "call_1", "content": "236711"}
        assert answer.usage_tracker.usage.total_tokens == 30

    def test_what_the_model_does_wrong_is_answered(self, script: Any) -> None:
        play = script(calls(("populatoin", "{}"), ("population", "{")), says("Sorry."))
        assert play.hook.ask("How many?", "m", tools=[population]).text == "Sorry."
        unknown, broken = (message["content"] for message in play.bodies[1]["messages"][2:])
        assert "populatoin" in unknown
        assert "Error" in broken

    def test_what_a_function_raises_ends_the_task(self, script: Any) -> None:
        with pytest.raises(KeyError, match="Paris"):
            script(calls(("population", '{"city": "Paris"}'))).hook.ask("How many?", "m", tools=[population])

    def test_rounds_are_bounded(self, script: Any) -> None:
        play = script(*[calls(("population", '{"city": "Lyon"}'))] * 5)
        with pytest.raises(InvalidOutputError, match="still calls tools after 2 rounds") as caught:
            play.hook.ask("How many?", "m", tools=[population], max_tool_rounds=2)
        assert len(play.bodies) == 3
        assert caught.value.response["choices"][0]["message"]["tool_calls"]

    def test_calls_of_dictionaries_are_the_authors(self, script: Any) -> None:
        play = script(calls(("weather", "{}"), ("population", '{"city": "Lyon"}')))
        answer = play.hook.ask("How many?", "m", tools=[DICTIONARY, population], response_format=PLACE)
        assert [call["function"]["name"] for call in answer.message["tool_calls"]] == ["weather", "population"]
        assert len(play.bodies) == 1
        for kind in ("text", "json"):
            with pytest.raises(InvalidOutputError, match="makes 2 tool calls"):
                answer.output(kind)
        assert answer.output("response")["choices"][0]["finish_reason"] == "tool_calls"

    def test_a_model_that_must_call_may_answer_afterwards(self, script: Any) -> None:
        play = script(calls(("population", '{"city": "Lyon"}')), says("Many."))
        assert play.hook.ask("How many?", "m", tools=population, tool_choice="required").text == "Many."
        assert [body.get("tool_choice") for body in play.bodies] == ["required", None]

    def test_the_form_is_that_of_the_last_answer(self, script: Any) -> None:
        play = script(calls(("population", '{"city": "Lyon"}')), says("Lyon"), says(LYON))
        assert play.hook.ask("Where?", "m", tools=[population], response_format=Place).parsed.city == "Lyon"
        assert len(play.bodies) == 3

    def test_tools_of_a_real_conversation(self, hook_for: Make, sandbox: Sandbox) -> None:
        cities = []

        def look_up(city: str) -> str:
            cities.append(city)
            return "It rains."

        answer = hook_for(stored(sandbox)).ask("Please look up the weather", "gpt-oss-20b", tools=[look_up])
        assert len(cities) == 1
        assert 'The tool answered: "It rains."' in answer.text


class TestFallback:
    GONE = ServiceResponse(404, {"error": {"message": "The model 'a' does not exist"}})
    BUSY = ServiceResponse(503, "<html>")

    @pytest.mark.parametrize(
        "response",
        [GONE, BUSY, ServiceResponse(429, {"message": "API rate limit exceeded"}), ServiceResponse(410, "{}")],
    )
    def test_the_next_model_is_asked(self, script: Any, response: ServiceResponse) -> None:
        play = script(response, says("Yes.", model="b"))
        answer = play.hook.ask("a", "a", fallback_models=["b", "c"])
        assert [body["model"] for body in play.bodies] == ["a", "b"]
        assert answer.model == "b"

    def test_a_deprecated_model_is_passed_over_while_there_is_another(self, script: Any) -> None:
        old = says("Old.", model="a")
        old = ServiceResponse(200, old.body, {"x-warning": "This model is deprecated and will be redirected to z"})
        play = script(old, says("Yes.", model="b"))
        answer = play.hook.ask("a", "a", fallback_models=["b"])
        assert (answer.text, answer.usage_tracker.usage.total_tokens) == ("Yes.", 20)
        assert script(old).hook.ask("a", "a").text == "Old."

    def test_the_last_error_is_raised(self, script: Any) -> None:
        with pytest.raises(NotFoundError, match="'a' does not exist"):
            script(self.BUSY, self.GONE).hook.ask("a", "b", fallback_models=["a"])
        with pytest.raises(RateLimitError):
            script(self.GONE, ServiceResponse(429)).hook.ask("a", "a", fallback_models=["b"])

    def test_error_that_another_model_has_too_is_raised_at_once(self, script: Any) -> None:
        play = script(ServiceResponse(400, {"error": "max_tokens is too large"}), says("Yes."))
        with pytest.raises(BadRequestError, match="max_tokens"):
            play.hook.ask("a", "a", fallback_models=["b"])
        assert len(play.bodies) == 1

    def test_later_rounds_stay_with_the_model_that_answers(self, script: Any) -> None:
        play = script(self.BUSY, calls(("population", '{"city": "Lyon"}')), says("Many."))
        play.hook.ask("a", "a", fallback_models=["b"], tools=[population])
        assert [body["model"] for body in play.bodies] == ["a", "b", "b"]

    def test_one_question_to_the_real_sandbox(self, hook_for: Make, sandbox: Sandbox) -> None:
        answer = hook_for(stored(sandbox)).ask("Hello", "gone-1b", fallback_models=["gpt-oss-20b"])
        assert answer.model == "gpt-oss-20b"


class TestBudget:
    def test_a_limit_stops_before_the_next_request(self, script: Any) -> None:
        play = script(calls(("population", '{"city": "Lyon"}')), says("Many."))
        conversation = play.hook.conversation("a", "m", tools=[population], max_total_tokens="9")
        with pytest.raises(BudgetExceededError, match="max_total_tokens") as caught:
            conversation.run()
        assert isinstance(caught.value, AirflowFailException)
        assert len(play.bodies) == 1
        assert conversation.response["choices"][0]["message"]["tool_calls"]

    def test_an_answer_within_it_is_given(self, script: Any) -> None:
        assert script(says("Yes.")).hook.ask("a", "m", max_total_tokens=9).text == "Yes."
