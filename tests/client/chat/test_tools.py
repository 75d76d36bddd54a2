from __future__ import annotations

import json
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.client.chat.tool_calls import ToolCall, read_tool_calls
from apache_airflow_provider_ovhcloud_ai.client.chat.tools import ToolAnswer, Tools
from apache_airflow_provider_ovhcloud_ai.errors import ConfigurationError
from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook
from hypothesis import given
from hypothesis import strategies as st
from support.tool_functions import DICTIONARY, book, call, nothing, weather

# Each release comes with a pydantic of its own.
pytestmark = pytest.mark.airflow


def read(call_: Any) -> ToolCall:
    (tool_call,) = read_tool_calls([call_])
    return tool_call


def test_dictionaries_are_sent_as_they_are() -> None:
    tools = Tools((DICTIONARY, weather))
    assert tools.definitions[0] == DICTIONARY
    assert [each["function"]["name"] for each in tools.definitions] == ["theirs", "weather"]
    assert Tools(DICTIONARY).definitions == [DICTIONARY]


def test_names_at_the_limit() -> None:
    long = {"type": "function", "function": {"name": "a-Z_9" + "x" * 59}}
    assert Tools(long).definitions == [long]


@pytest.mark.parametrize(
    ("names", "runs"),
    [
        (["weather"], True),
        (["weather", "nothing"], True),
        (["unheard"], True),
        (["weather", "unheard"], True),
        (["theirs"], False),
        (["weather", "theirs"], False),
        (["unheard", "theirs"], False),
        ([None], True),
    ],
)
def test_who_answers(names: list[Any], runs: bool) -> None:
    assert Tools([weather, nothing, DICTIONARY]).runs([read(call(name)) for name in names]) is runs


def test_broken_calls_are_answered_here() -> None:
    calls = read_tool_calls([None, 5, {}, {"function": None}, {"function": {"name": ["theirs"]}}])
    assert Tools([weather, DICTIONARY]).runs(calls)


def test_where_nothing_can_be_run_the_author_answers() -> None:
    assert not Tools([DICTIONARY]).runs([read(call("unheard"))])


def test_a_dictionary_is_not_run() -> None:
    with pytest.raises(ConfigurationError, match=r"^The tool theirs is a dictionary, which cannot be run"):
        Tools([DICTIONARY]).answer(read(call("theirs")))


def test_a_call_is_answered() -> None:
    arguments = '{"city": "Besançon", "days": 2}'
    assert Tools(weather).answer(read(call(arguments=arguments))) == ToolAnswer(
        name="weather",
        message={"role": "tool", "tool_call_id": "call_1", "content": "Besançon: 2 days in celsius"},
        arguments_size=31,
        result_size=27,
        problem=None,
    )


def test_no_arguments_at_all() -> None:
    tool_result = Tools(nothing).answer(read({"id": "a", "function": {"name": "nothing"}}))
    assert (tool_result.message["content"], tool_result.arguments_size, tool_result.problem) == ("null", 0, None)


def test_arguments_may_come_as_an_object() -> None:
    tool_result = Tools(weather).answer(read(call(arguments={"city": "Lyon", "days": 2})))
    assert tool_result.message["content"] == "Lyon: 2 days in celsius"
    assert tool_result.arguments_size == len('{"city": "Lyon", "days": 2}')


@pytest.mark.parametrize(
    ("name", "quoted_name"),
    [
        ("wether", "'wether'"),
        ("Weather", "'Weather'"),
        (" weather", "'weather'"),
        ("__import__('os').system", "\"__import__('os').system\""),
        ("os.system", "'os.system'"),
        ("a\nb\x1b[31m\ud800", "'a b [31m'"),
        ("x" * 100_000, "'" + "x" * 61 + "...'"),
    ],
)
def test_an_unknown_tool(name: str, quoted_name: str) -> None:
    tool_result = Tools([weather, DICTIONARY]).answer(read(call(name)))
    assert tool_result.message["content"] == f"Error: there is no tool {quoted_name}; there are weather, theirs."
    assert tool_result.problem == "unknown tool"
    assert len(tool_result.name) <= 64
    assert tool_result.name.isprintable()


@pytest.mark.parametrize(
    "broken",
    [
        None,
        5,
        "weather",
        [],
        {},
        {"function": None},
        {"function": "weather"},
        {"function": {}},
        call(None),
        call(["weather"]),
    ],
)
def test_a_call_without_a_name(broken: Any) -> None:
    tool_result = Tools([weather]).answer(read(broken))
    assert tool_result.message["role"] == "tool"
    assert isinstance(tool_result.message["tool_call_id"], str)
    assert tool_result.message["content"] == "Error: the call names no tool; there are weather."
    assert (tool_result.name, tool_result.problem) == ("(no name)", "unknown tool")


JSON_LIKE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.one_of(
        JSON_LIKE,
        st.builds(call, st.just("weather") | JSON_LIKE, JSON_LIKE | st.text() | JSON_LIKE.map(json.dumps), JSON_LIKE),
        st.fixed_dictionaries({}, optional={"id": JSON_LIKE, "function": JSON_LIKE}),
    )
)
def test_any_call_of_a_model_has_a_result(call_: Any) -> None:
    tools = Tools([weather, DICTIONARY])
    if not tools.runs([read(call_)]):
        return
    tool_result = tools.answer(read(call_))
    assert isinstance(tool_result.message["tool_call_id"], str)
    assert tool_result.message["content"].encode()
    assert tool_result.problem is None or tool_result.message["content"].startswith("Error: ")


def test_the_sandbox_calls_a_function(ovh_ai_endpoints_connection: str) -> None:
    hook = OVHCloudAIEndpointsHook(ovh_ai_endpoints_connection)
    tools = Tools([weather, book])
    messages = [{"role": "user", "content": "What does weather say, and can you book?"}]
    message = hook.chat_completion(messages=messages, tools=tools.definitions)["choices"][0]["message"]
    calls = read_tool_calls(message["tool_calls"])
    assert tools.runs(calls)
    answers = [tools.answer(each) for each in calls]
    assert [(each.name, each.problem) for each in answers] == [("weather", None), ("book", None)]
    assert answers[0].message["content"] == "sandbox: 3 days in celsius"
    assert json.loads(answers[1].message["content"])[:3] == [
        {"city": "sandbox", "zip_code": 0},
        {"start": "2026-01-01", "nights": 1},
        "red",
    ]
    messages += [message, *(each.message for each in answers)]
    last = hook.chat_completion(messages=messages, tools=tools.definitions)["choices"][0]
    assert (last["finish_reason"], last["message"].get("tool_calls")) == ("stop", None)
