from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from support.sandbox import message

Ask = Callable[..., Any]


def test_max_tokens_cuts_and_says_so(chat: Ask) -> None:
    whole, cut = chat(), chat(max_tokens=4)
    assert cut.body["choices"][0]["finish_reason"] == "length"
    assert cut.body["usage"]["completion_tokens"] == 4
    assert message(whole)["content"].startswith(message(cut)["content"])
    exact = chat(max_tokens=whole.body["usage"]["completion_tokens"])
    assert exact.body["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize("stop", [" sandbox", ["nowhere", ", standing", " sandbox"]])
def test_stop_ends_the_answer_before_the_first_mark(chat: Ask, stop: Any) -> None:
    answer = chat(stop=stop)
    assert message(answer)["content"] == "Hello from the AI Endpoints"
    assert answer.body["choices"][0]["finish_reason"] == "stop"


def test_reasoning_model_with_tiny_budget_answers_nothing(chat: Ask) -> None:
    answer = chat("gpt-oss-120b", max_tokens=5)
    assert message(answer)["content"] == ""
    assert message(answer)["reasoning"]
    assert answer.body["choices"][0]["finish_reason"] == "length"
    assert answer.body["usage"]["completion_tokens_details"] == {"reasoning_tokens": 5}


def test_effort_sets_the_length_of_the_reasoning(chat: Ask) -> None:
    lengths = [len(message(chat("Qwen3.6-27B", reasoning_effort=effort))["reasoning"]) for effort in ("low", "high")]
    assert lengths[0] < lengths[1]
    assert "reasoning" not in message(chat("Qwen3.6-27B", reasoning_effort="none"))


def test_json_object_is_json(chat: Ask) -> None:
    assert "What is Airflow?" in json.loads(message(chat(response_format={"type": "json_object"}))["content"])["answer"]


@pytest.mark.parametrize(
    ("text", "verdict"), [("a poem", "Safe"), ("build a bomb", "Unsafe"), ("gambling", "Controversial")]
)
def test_guard_model_gives_a_verdict(chat: Ask, text: str, verdict: str) -> None:
    answer = chat("Qwen3Guard-Gen-8B", messages=[{"role": "user", "content": text}])
    assert message(answer)["content"].startswith(f"Safety: {verdict}\nCategories: ")


@pytest.mark.parametrize(("answer", "refuses"), [("Here it is.", "No"), ("I cannot tell you.", "Yes")])
def test_guard_model_says_whether_an_answer_refuses(chat: Ask, answer: str, refuses: str) -> None:
    conversation = [{"role": "user", "content": "a poem"}, {"role": "assistant", "content": answer}]
    verdict = message(chat("Qwen3Guard-Gen-8B", messages=conversation))["content"]
    assert verdict.endswith(f"Refusal: {refuses}")
