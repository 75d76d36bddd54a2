"""
Many requests in one task, against services that answer each by what it asks.
"""

from __future__ import annotations

import pickle
import random
import re
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.compat import AirflowFailException
from apache_airflow_provider_ovhcloud_ai.errors import (
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    NotFoundError,
    PartialFailureError,
)
from apache_airflow_provider_ovhcloud_ai.hooks.bulk import failures
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from support.saved_connections import MODEL, Make, stored
from support.services import Service, ServiceRequest, ServiceResponse, running

pytestmark = pytest.mark.airflow


def asking(*texts: str) -> list[list[dict[str, str]]]:
    return [[{"role": "user", "content": text}] for text in texts]


def read_text(request: ServiceRequest) -> str:
    return request.body["messages"][-1]["content"]


def make_response(text: str) -> ServiceResponse:
    usage = {"prompt_tokens": len(text), "completion_tokens": 2, "total_tokens": len(text) + 2}
    choice = {"index": 0, "message": {"role": "assistant", "content": text.upper()}, "finish_reason": "stop"}
    return ServiceResponse(200, {"object": "chat.completion", "model": MODEL, "choices": [choice], "usage": usage})


def by_its_words(request: ServiceRequest) -> ServiceResponse:
    """Fail whatever asks for it: "... 400" is answered with that status."""
    match = re.search(r" (\d{3})$", read_text(request))
    return (
        ServiceResponse(int(match[1]), {"error": {"message": "as ordered"}})
        if match
        else make_response(read_text(request))
    )


@pytest.fixture
def service() -> Iterator[Service]:
    with running(by_its_words) as service:
        yield service


def contents(result: dict[str, Any]) -> list[str | None]:
    return [response and response["choices"][0]["message"]["content"] for response in result["responses"]]


def test_answers_come_in_the_order_asked_over_no_more_connections_than_at_a_time(hook_for: Make) -> None:
    def slow_or_not(request: ServiceRequest) -> ServiceResponse:
        time.sleep(random.Random(read_text(request)).random() / 50)
        return make_response(read_text(request))

    texts = [f"number {n}" for n in range(200)]
    with running(slow_or_not) as service:
        result = hook_for(stored(service)).chat_completions(asking(*texts), MODEL, concurrency=8, temperature=0)
    assert contents(result) == [text.upper() for text in texts]
    assert result["errors"] == []
    tokens = sum(map(len, texts))
    assert result["usage"] == {
        "requests": 200,
        "input_tokens": tokens,
        "output_tokens": 400,
        "total_tokens": tokens + 400,
    }
    assert service.connections <= 8
    assert len(service.requests) == 200
    assert all(request.body["temperature"] == 0 for request in service.requests)


def test_no_more_at_a_time_than_asked_for(hook_for: Make) -> None:
    at_once, most, lock, three = 0, 0, threading.Lock(), threading.Barrier(3)

    def counted(request: ServiceRequest) -> ServiceResponse:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        three.wait(30)
        with lock:
            at_once -= 1
        return make_response(read_text(request))

    with running(counted) as service:
        hook_for(stored(service)).chat_completions(asking(*"abcdefghijkl"), MODEL, concurrency=3)
    assert most == 3


class TestFailures:
    def test_the_others_are_kept_and_the_error_names_the_first(self, hook_for: Make, service: Service) -> None:
        hook = hook_for(stored(service))
        with pytest.raises(
            PartialFailureError, match=r"2 of 4 rows failed; the first one, row 1: .*400.*as ordered"
        ) as got:
            hook.chat_completions(asking("a", "b 400", "c", "d 422"), MODEL)
        assert contents(got.value.response) == ["A", None, "C", None]
        assert [(each["index"], each["status"]) for each in got.value.response["errors"]] == [(1, 400), (3, 422)]
        assert got.value.response["usage"]["output_tokens"] == 4
        assert isinstance(got.value, AirflowFailException), "no retry cures them"

    def test_skipped(self, hook_for: Make, service: Service) -> None:
        result = hook_for(stored(service)).chat_completions(asking("a", "b 400", "c"), MODEL, on_error="skip")
        assert contents(result) == ["A", None, "C"]
        (error,) = result["errors"]
        assert (error["index"], error["status"], "as ordered" in error["error"]) == (1, 400, True)

    def test_raised_at_once(self, hook_for: Make, service: Service) -> None:
        conversations = asking("a", "b 422", *map(str, range(300)))
        with pytest.raises(APIStatusError, match="as ordered") as got:
            hook_for(stored(service)).chat_completions(conversations, MODEL, on_error="raise", concurrency=2)
        assert contents(got.value.response) == ["A", None]
        assert len(service.requests) < 100

    def test_one_that_a_retry_may_cure_leaves_the_task_to_its_retries(self, hook_for: Make, service: Service) -> None:
        with pytest.raises(PartialFailureError) as got:
            hook_for(stored(service), max_retries=0).chat_completions(asking("a 500", "b 400", "c"), MODEL)
        assert not isinstance(got.value, AirflowFailException)
        copied = pickle.loads(pickle.dumps(got.value))
        assert (copied.retryable, contents(copied.response)) == (True, [None, None, "C"])

    def test_one_that_cannot_be_sent_costs_nothing(self, hook_for: Make, service: Service) -> None:
        conversations = [*asking("a"), [{"role": "nobody", "content": "b"}], *asking("c")]
        result = hook_for(stored(service)).chat_completions(conversations, MODEL, on_error="skip")
        assert contents(result) == ["A", None, "C"]
        assert "has the role 'nobody'" in result["errors"][0]["error"]
        assert len(service.requests) == 2

    @pytest.mark.parametrize("on_error", failures.ON_ERROR)
    def test_a_refused_token_stops_all(self, hook_for: Make, on_error: str) -> None:
        with (
            running(lambda _: ServiceResponse(403, {"message": "Forbidden"})) as service,
            pytest.raises(AuthenticationError),
        ):
            hook_for(stored(service)).chat_completions(asking(*["a"] * 300), MODEL, on_error=on_error, concurrency=2)
        assert len(service.requests) < 40

    def test_an_unknown_model_stops_all(self, hook_for: Make, sandbox: Sandbox) -> None:
        with pytest.raises(NotFoundError, match="gpt-oss-20b"):
            hook_for(stored(sandbox)).chat_completions(asking(*["a"] * 300), "gpt-oss-2b", on_error="skip")
        assert len(sandbox.requests) < 300

    def test_a_service_that_is_down_is_not_asked_a_thousand_times(self, hook_for: Make) -> None:
        with (
            running(lambda _: ServiceResponse(500, {"message": "down"})) as service,
            pytest.raises(APIStatusError, match="down"),
        ):
            hook_for(stored(service), max_retries=0).chat_completions(
                asking(*["a"] * 1_000), MODEL, on_error="skip", concurrency=1
            )
        assert failures.MAX_CONSECUTIVE_FAILURES <= len(service.requests) <= failures.MAX_CONSECUTIVE_FAILURES + 20

    def test_prompts_that_are_all_refused_do_not_count_as_a_service_that_is_down(
        self, hook_for: Make, service: Service
    ) -> None:
        conversations = asking("b", *["a 422"] * (failures.MAX_CONSECUTIVE_FAILURES + 5), "b")
        assert contents(hook_for(stored(service)).chat_completions(conversations, MODEL, on_error="skip"))[-1] == "B"

    @pytest.mark.parametrize(
        ("options", "sentence"),
        [
            ({"on_error": "ignore"}, "on_error must be 'fail', 'skip' or 'raise', not 'ignore'"),
            ({"concurrency": 0}, "concurrency must be a number from 1 to 512, not 0"),
            ({"concurrency": 513}, "concurrency"),
            ({"concurrency": "many"}, "concurrency"),
        ],
    )
    def test_bad_arguments(self, hook_for: Make, service: Service, options: Any, sentence: str) -> None:
        with pytest.raises(ConfigurationError, match=sentence):
            hook_for(stored(service)).chat_completions(asking("a"), MODEL, **options)
        assert service.requests == []


class TestEmbeddings:
    def test_each_text_has_its_own_vector_in_any_order(self, hook_for: Make) -> None:
        def shuffled(request: ServiceRequest) -> ServiceResponse:
            dice = random.Random(request.body["input"][0])
            time.sleep(dice.random() / 50)
            data = [
                {"object": "embedding", "index": index, "embedding": [float(text.split()[1]), 0.5]}
                for index, text in enumerate(request.body["input"])
            ]
            dice.shuffle(data)
            return ServiceResponse(
                200, {"object": "list", "data": data, "model": "m", "usage": {"total_tokens": len(data)}}
            )

        with running(shuffled) as service:
            value = hook_for(stored(service)).create_embedding(
                "m", [f"number {n}" for n in range(1_010)], concurrency=8
            )
        assert [(item["index"], item["embedding"][0]) for item in value["data"]] == [(n, n) for n in range(1_010)]
        assert value["usage"] == {"total_tokens": 1_010}
        assert len(service.requests) == 41
        assert 2 <= service.connections <= 8

    def test_the_first_failure_stops_the_rest(self, hook_for: Make) -> None:
        with running(lambda _: ServiceResponse(400, {"error": {"message": "too long"}})) as service:
            hook = hook_for(stored(service))
            with pytest.raises(BadRequestError, match="too long"):
                hook.create_embedding("m", ["a"] * 10_000, concurrency="2")
        assert len(service.requests) < 50


class TestStreamed:
    def test_answers_are_given_as_their_turn_comes(self, hook_for: Make, service: Service) -> None:
        def endless() -> Iterator[list[dict[str, str]]]:
            number = 0
            while True:
                number += 1
                yield from asking(f"n{number}")

        outcomes = hook_for(stored(service)).each_chat_completion(endless(), MODEL, concurrency=2)
        answers = [next(outcomes) for _ in range(100)]
        outcomes.close()
        assert [each.item[0]["content"].upper() for each in answers] == [
            each.value["choices"][0]["message"]["content"] for each in answers
        ]
        assert len(service.requests) < 200
        assert not [
            each for each in threading.enumerate() if each.name.startswith(("ai-endpoints_", "ai-endpoints-progress"))
        ]


def test_a_prompt_is_in_no_line(hook_for: Make, ear: Any, service: Service) -> None:
    hook = ear.listen(hook_for(stored(service)))
    hook.chat_completions(asking("nobody's business", "nobody's affair 400"), MODEL, on_error="skip")
    assert "nobody's" not in ear.text
