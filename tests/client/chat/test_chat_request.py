from __future__ import annotations

import json
import math
import re
from types import MappingProxyType
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.client.chat import chat_request
from apache_airflow_provider_ovhcloud_ai.errors import ConfigurationError

HELLO = [{"role": "user", "content": "Hi"}]


CIRCULAR: dict[str, Any] = {}


CIRCULAR["self"] = CIRCULAR


def test_chat_sends_what_was_given_and_nothing_else() -> None:
    request = chat_request.chat("m", HELLO)
    assert (request.method, request.path, request.model, request.safe_to_retry) == (
        "POST",
        "/chat/completions",
        "m",
        False,
    )
    assert json.loads(request.content or b"") == {"model": "m", "messages": HELLO}


def test_chat_reads_rendered_text() -> None:
    request = chat_request.chat(
        "m",
        HELLO,
        temperature="0.5",
        max_tokens="12",
        top_p=" 1 ",
        stop=("a", "b"),
        seed=7,
        user=None,
        tools=[{"a": 1}],
    )
    assert json.loads(request.content or b"") == {
        "model": "m",
        "messages": HELLO,
        "temperature": 0.5,
        "max_tokens": 12,
        "top_p": 1.0,
        "stop": ["a", "b"],
        "seed": 7,
        "tools": [{"a": 1}],
    }


@pytest.mark.parametrize(
    "message",
    [
        {"role": "system", "content": "Be short."},
        {"role": "developer", "content": "Be short."},
        {"role": "assistant", "content": None, "tool_calls": []},
        {"role": "assistant", "tool_calls": []},
        {"role": "tool", "content": "4", "tool_call_id": "1"},
        {"role": "user", "content": [{"type": "text", "text": "Hi"}]},
        {"role": "user", "content": "d\u00e9j\u00e0 vu \U0001f40d", "name": "Ann"},
    ],
)
def test_messages_are_sent_as_they_are(message: dict[str, Any]) -> None:
    assert json.loads(chat_request.chat("m", (message,)).content or b"")["messages"] == [message]


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"model": 5}, "model must be a text, not 5."),
        ({"model": ""}, "model must not be empty."),
        ({"model": None}, "model must be a text, not None."),
        ({"temperature": "hot"}, "temperature must be a number from 0 to 2, not 'hot'."),
        ({"temperature": 3.5}, "temperature must be a number from 0 to 2, not 3.5."),
        ({"temperature": math.nan}, "temperature must be a number from 0 to 2, not nan."),
        ({"temperature": True}, "temperature must be a number from 0 to 2, not True."),
        ({"max_tokens": 0}, "max_tokens must be a number of at least 1, not 0."),
        ({"max_tokens": 1.5}, "max_tokens must be a whole number of at least 1, not 1.5."),
        ({"top_p": 1.1}, "top_p must be a number from 0 to 1, not 1.1."),
        ({"stop": 5}, "stop must be a text or a list of texts, not 5."),
        ({"stop": ["a", 5]}, "stop must be a text or a list of texts, not a value of type list."),
        ({"stream": True}, "stream=True is not supported here: leave it out, the answer comes in one piece. ..."),
        ({"messages": []}, "messages must hold at least one message."),
        ({"messages": None}, "messages must be a list of messages such as ..., not None."),
        ({"messages": "Hi"}, "messages must be a list of messages such as ..., not 'Hi'."),
        ({"messages": {"role": "user"}}, "messages must be a list of messages such as ..., not a value of type dict."),
        ({"messages": ["Hi"]}, "messages[0] must be a dictionary with 'role' and 'content', not 'Hi'."),
        (
            {"messages": [*HELLO, {"role": "robot", "content": "x"}]},
            "messages[1] has the role 'robot'; a role is one of system, developer, user, assistant, tool, function.",
        ),
        ({"messages": [{"content": "x"}]}, "messages[0] has the role None; a role is one of system, ..."),
        ({"messages": [{"role": ["user"], "content": "x"}]}, "messages[0] has the role a value of type list; ..."),
        (
            {"messages": [{"role": "user", "content": 5}]},
            "messages[0] must have a text or a list of parts as 'content', not 5.",
        ),
        ({"messages": [{"role": "user"}]}, "messages[0] must have a text or a list of parts as 'content', not None."),
        (
            {"messages": [*HELLO, {"role": "user", "content": "a\ud800"}]},
            "messages[1] cannot be written as JSON: 'utf-8' codec can't encode character '\\ud800' ...",
        ),
        ({"seed": math.nan}, "seed cannot be written as JSON: Out of range float values are not JSON compliant..."),
        ({"tools": [1, CIRCULAR]}, "tools[1] cannot be written as JSON: Circular reference detected."),
        ({"metadata": CIRCULAR}, "metadata cannot be written as JSON: Circular reference detected."),
        ({"metadata": {1, 2}}, "metadata cannot be written as JSON: Object of type set is not JSON serializable."),
        ({"metadata": {(1, 2): 3}}, "metadata cannot be written as JSON: keys must be str, int, ..."),
        (
            {"messages": [MappingProxyType(HELLO[0])]},
            "messages[0] cannot be written as JSON: Object of type mappingproxy...",
        ),
    ],
    ids=lambda value: repr(value)[:50] if isinstance(value, dict) else None,
)
def test_chat_that_cannot_be_sent(changed: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        chat_request.chat(**{"model": "m", "messages": HELLO, **changed})
    pattern = ".*".join(map(re.escape, says.split("...")))
    assert re.fullmatch(pattern, str(caught.value))


@pytest.mark.parametrize(
    ("message", "message_part"),
    [
        (
            {"role": "tool", "content": "rain"},
            r"messages\[0\] .* 'tool', which needs a text as 'tool_call_id'",
        ),
        ({"role": "function", "content": "rain"}, "which needs a text as 'name'"),
        ({"role": "function", "content": [{"type": "text"}], "name": "f"}, "whose 'content' is a text"),
        ({"role": "user", "content": []}, "has an empty list as 'content'"),
    ],
)
def test_messages_that_no_service_takes_are_refused(message: dict[str, Any], message_part: str) -> None:
    with pytest.raises(ConfigurationError, match=message_part):
        chat_request.chat("m", [message])


@pytest.mark.parametrize("stop", [[], list("abcde")])
def test_a_request_stops_at_four_texts_at_most(stop: list[str]) -> None:
    with pytest.raises(ConfigurationError, match=f"stop holds {len(stop)} texts; a request takes 1 to 4"):
        chat_request.chat("m", HELLO, stop=stop)
    assert json.loads(chat_request.chat("m", HELLO, stop=list("abcd")).content or b"")["stop"] == list("abcd")
