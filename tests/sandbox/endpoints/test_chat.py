from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox

Ask = Callable[..., Any]
PIXEL = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
TOOL = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}
OTHER = {"type": "function", "function": {"name": "add"}}


def message(answer: Any) -> dict[str, Any]:
    assert answer.status == 200, answer.body
    return answer.body["choices"][0]["message"]


def test_same_request_gets_the_same_bytes(chat: Ask) -> None:
    assert chat().body == chat().body
    assert chat().body["id"] != chat(seed=1).body["id"]


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


def test_logprobs_cover_the_answer(chat: Ask) -> None:
    answer = chat(logprobs=True, top_logprobs=2)
    tokens = answer.body["choices"][0]["logprobs"]["content"]
    assert "".join(token["token"] for token in tokens) == message(answer)["content"]
    assert tokens[0]["top_logprobs"][0]["logprob"] == 0.0


def test_conversation_is_counted(chat: Ask) -> None:
    turns = [
        {"role": "user", "content": "Who?"},
        {"role": "assistant", "content": "Me."},
        {"role": "user", "content": [{"type": "text", "text": "Why?"}]},
    ]
    content = message(chat(messages=turns))["content"]
    assert '"Why?"' in content
    assert "question number 2" in content


def test_images_are_counted_by_a_vision_model(chat: Ask) -> None:
    parts = [{"role": "user", "content": [PIXEL, PIXEL]}]
    assert "Images received: 2" in message(chat("Qwen3.5-9B", messages=parts))["content"]


@pytest.mark.parametrize(
    ("text", "verdict"), [("a poem", "Safe"), ("build a bomb", "Unsafe"), ("gambling", "Controversial")]
)
def test_guard_model_gives_a_verdict(chat: Ask, text: str, verdict: str) -> None:
    answer = chat("Qwen3Guard-Gen-8B", messages=[{"role": "user", "content": text}])
    assert message(answer)["content"].startswith(f"Safety: {verdict}\nCategories: ")


@pytest.mark.parametrize(("answer", "refuses"), [("Here it is.", "No"), ("I cannot tell you.", "Yes")])
def test_guard_model_says_whether_an_answer_refuses(chat: Ask, answer: str, refuses: str) -> None:
    said = [{"role": "user", "content": "a poem"}, {"role": "assistant", "content": answer}]
    verdict = message(chat("Qwen3Guard-Gen-8B", messages=said))["content"]
    assert verdict.endswith(f"Refusal: {refuses}")


def test_retired_model_warns_and_is_not_listed(chat: Ask, ask: Ask) -> None:
    answer = chat("Mixtral-8x22B-Instruct-v0.1")
    assert answer.headers["x-warning"].startswith("This model is deprecated and will be redirected to Mistral-Small")
    assert "x-warning" not in chat().headers
    listed = [model["id"] for model in ask("/models", method="GET").body["data"]]
    assert "Mixtral-8x22B-Instruct-v0.1" not in listed


@pytest.mark.parametrize(
    ("params", "called"),
    [
        ({}, []),
        ({"messages": [{"role": "user", "content": "look_up x and add y"}]}, ["look_up", "add"]),
        (
            {"messages": [{"role": "user", "content": "look up x, add y"}], "parallel_tool_calls": False},
            ["look_up"],
        ),
        ({"messages": [{"role": "user", "content": "the address"}]}, []),
        ({"messages": [{"role": "user", "content": "add"}], "tool_choice": "none"}, []),
        ({"tool_choice": "required"}, ["look_up"]),
        ({"tool_choice": {"type": "function", "function": {"name": "add"}}}, ["add"]),
    ],
)
def test_which_tools_are_called(chat: Ask, params: dict[str, Any], called: list[str]) -> None:
    made = message(chat(tools=[TOOL, OTHER], **params)).get("tool_calls", [])
    assert [call["function"]["name"] for call in made] == called
    assert all(call["function"]["arguments"] == "{}" for call in made)


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"chat_template_kwargs": {}}, "feature 'extra arguments' is not currently supported"),
        ({"n": 1}, "'n'"),
        ({"temperature": 2.1}, "'temperature' must be a number from 0 to 2"),
        ({"temperature": "hot"}, "'temperature'"),
        ({"temperature": True}, "'temperature'"),
        ({"top_p": -0.1}, "'top_p'"),
        ({"max_tokens": 0}, "'max_tokens' must be a whole number of at least 1"),
        ({"max_tokens": 1.5}, "'max_tokens'"),
        ({"stop": ["a", "b", "c", "d", "e"]}, "'stop'"),
        ({"stop": ""}, "'stop'"),
        ({"seed": "x"}, "'seed'"),
        ({"stream": "yes"}, "'stream'"),
        ({"stream_options": {"include_usage": True}}, "needs 'stream': true"),
        ({"stream": True, "stream_options": {"x": 1}}, "'stream_options'"),
        ({"top_logprobs": 2}, "needs 'logprobs': true"),
        ({"logprobs": True, "top_logprobs": 6}, "from 0 to 5"),
        ({"messages": []}, "'messages' must be a list with at least one message"),
        ({"messages": "hello"}, "'messages'"),
        ({"messages": None}, "'messages' is required"),
        ({"messages": ["hello"]}, "position 0: not an object"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "role must be one of system, user, assistant, tool"),
        ({"messages": [{"role": "user"}]}, "content must be"),
        ({"messages": [{"role": "user", "content": []}]}, "content must be"),
        ({"messages": [{"role": "user", "content": [{"type": "audio"}]}]}, "of type 'text' or 'image_url'"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "needs a 'text'"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "tool_call_id"),
        ({"messages": [{"role": "user", "content": [PIXEL]}]}, "does not read"),
        ({"messages": [{"role": "user", "content": "a " * 140_000}]}, "more than the context of 131072"),
        ({"model": "Qwen3.5-9B", "messages": [{"role": "user", "content": [PIXEL] * 6}]}, "at most 5 images"),
        (
            {
                "model": "Qwen3.5-9B",
                "messages": [
                    {
                        "role": "user",
                        "content": [{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}],
                    }
                ],
            },
            "images are not fetched",
        ),
        ({"tools": []}, "'tools'"),
        ({"tools": [{"type": "function", "function": {}}]}, "no function with a name at position 0"),
        ({"tools": [{"type": "function", "function": {"name": "f", "parameters": []}}]}, "no JSON schema"),
        ({"tool_choice": "auto"}, "needs 'tools'"),
        ({"tools": [TOOL], "tool_choice": "always"}, "'tool_choice'"),
        ({"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "g"}}}, "names 'g'"),
        ({"tools": [TOOL], "model": "Qwen2.5-VL-72B-Instruct"}, "'tools' is not supported by Qwen2.5"),
        ({"response_format": {"type": "xml"}}, "'response_format'"),
        ({"response_format": {"type": "json_schema"}}, "needs a 'json_schema'"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "odd"}}}},
            "unknown type 'odd'",
        ),
        ({"response_format": {"type": "text"}, "model": "Qwen3Guard-Gen-0.6B"}, "not supported by Qwen3Guard"),
        ({"reasoning_effort": "low"}, "not supported by Meta-Llama"),
        ({"reasoning_effort": "none", "model": "gpt-oss-20b"}, "one of low, medium, high for gpt-oss-20b"),
        ({"reasoning_effort": "max", "model": "gpt-oss-20b"}, "'reasoning_effort'"),
        ({"model": "bge-m3"}, "'bge-m3' is a model for embedding, not for chat"),
        ({"model": "whisper-large-v3"}, "for transcription, not for chat"),
        ({"model": None}, "'model' is required"),
    ],
)
def test_what_the_service_refuses_is_refused_in_a_sentence(chat: Ask, params: dict[str, Any], words: str) -> None:
    answer = chat(**params)
    assert answer.status == 400
    assert answer.body["error"]["type"] == "invalid_request_error"
    assert words in answer.body["error"]["message"]


def test_null_is_as_good_as_absent(chat: Ask) -> None:
    nothing = dict.fromkeys(("temperature", "max_tokens", "stop", "tools", "response_format", "stream"))
    assert message(chat(**nothing)) == message(chat())


def test_refusal_by_the_model_counts_against_the_limit(chat: Ask) -> None:
    assert chat(temperature=9).headers["x-ratelimit-remaining-minute"] == "399"
    assert chat().headers["x-ratelimit-remaining-minute"] == "398"


def test_unknown_model_does_not_count(chat: Ask, sandbox: Sandbox) -> None:
    answer = chat("no-such-model", max_tokens=1)
    assert answer.status == 404
    assert answer.body["error"]["message"] == "The model `no-such-model` does not exist."
    assert "x-ratelimit-limit-minute" not in answer.headers
