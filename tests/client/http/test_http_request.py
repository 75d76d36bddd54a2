from __future__ import annotations

import json
import math
import re
from types import MappingProxyType
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai import defaults
from apache_airflow_provider_ovhcloud_ai.client.chat import chat_request
from apache_airflow_provider_ovhcloud_ai.client.embeddings import embeddings_request
from apache_airflow_provider_ovhcloud_ai.client.http import http_request
from apache_airflow_provider_ovhcloud_ai.client.models import model_list
from apache_airflow_provider_ovhcloud_ai.errors import ConfigurationError

HELLO = [{"role": "user", "content": "Hi"}]
CIRCULAR: dict[str, Any] = {}
CIRCULAR["self"] = CIRCULAR


def test_list_of_models() -> None:
    assert model_list.models() == http_request.Request("GET", "/models", "list of models")


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


def test_requests_have_a_largest_size() -> None:
    def sized(content: Any) -> http_request.Request:
        return chat_request.chat("m", [{"role": "user", "content": content}])

    overhead = len(sized("").content or b"")
    assert len(sized("x" * (defaults.MAX_REQUEST_BYTES - overhead)).content or b"") == defaults.MAX_REQUEST_BYTES
    with pytest.raises(ConfigurationError, match="is 2,000,001 bytes; the service accepts 2,000,000"):
        sized("x" * (defaults.MAX_REQUEST_BYTES - overhead + 1))
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 5_000_000}}
    assert sized([picture])
    with pytest.raises(ConfigurationError, match="the service accepts 10,000,000"):
        sized([picture] * 2 + [{"type": "text", "text": "x" * 10}])


def batches(inputs: Any, **params: Any) -> list[tuple[int, dict[str, Any]]]:
    return [
        (count, json.loads(request.content or b""))
        for count, request in embeddings_request.embeddings("m", inputs, **params)
    ]


@pytest.mark.parametrize("count", [1, 24, 25, 26, 50, 1_000])
def test_texts_are_split_by_number(count: int) -> None:
    texts = [f"text {n}" for n in range(count)]
    split = batches(texts, dimensions=8)
    assert [text for _, body in split for text in body["input"]] == texts
    assert [size for size, _ in split] == [25] * (count // 25) + [count % 25] * (count % 25 > 0)
    assert {(body["model"], body["dimensions"]) for _, body in split} == {("m", 8)}


@pytest.mark.parametrize(
    "letter", ["x", "\u00e9", '"', "\U0001f40d"], ids=["ascii", "two_bytes", "escaped", "four_bytes"]
)
def test_texts_are_split_by_size(letter: str) -> None:
    texts = [letter * 300_000] * 7
    found = list(embeddings_request.embeddings("m", texts))
    assert sum(count for count, _ in found) == 7
    assert len(found) > 1
    assert all(len(request.content or b"") <= defaults.MAX_REQUEST_BYTES for _, request in found)


def test_largest_text_fits_alone() -> None:
    room = defaults.MAX_REQUEST_BYTES - len('{"model":"m","input":[]}')
    found = list(embeddings_request.embeddings("m", ["a", "x" * (room - 3), "b"]))
    assert [count for count, _ in found] == [1, 1, 1]
    assert max(len(request.content or b"") for _, request in found) <= defaults.MAX_REQUEST_BYTES


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        ([], "input must hold at least one text."),
        ("", "input must not be empty."),
        ("  ", "input must not be empty."),
        (["a", ""], "input[1] must not be empty."),
        (["a", 5], "input[1] must be a text, not 5."),
        (["a", None], "input[1] must be a text, not None."),
        (5, "input must be a text or a list of texts, not 5."),
        (None, "input must be a text or a list of texts, not None."),
        ({"a": 1}, "input must be a text or a list of texts, not a value of type dict."),
        pytest.param(
            iter(["a"]), "input must be a text or a list of texts, not a value of type list_iterator.", id="iter"
        ),
        (["a", "b\ud800"], "input[1] cannot be written as JSON: 'utf-8' codec can't encode"),
        (
            ["a", "x" * 2_000_001],
            "input[1] is 2,000,004 bytes; the service accepts 2,000,000 in a request: split the text.",
        ),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_texts_that_cannot_be_sent(inputs: Any, says: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        embeddings_request.embeddings("m", inputs)
    assert str(caught.value).startswith(says)


@pytest.mark.parametrize("model", [5, "", None, ["bge-m3"]])
def test_model_to_embed_with_must_be_a_name(model: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"^model must"):
        embeddings_request.embeddings(model, "a")


def test_parameters_to_embed_with_must_be_json() -> None:
    with pytest.raises(ConfigurationError, match=r"^dimensions cannot be written as JSON: Out of range float"):
        embeddings_request.embeddings("m", "a", dimensions=math.inf)


@pytest.mark.parametrize(
    ("message", "said"),
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
def test_messages_that_no_service_takes_are_refused(message: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        chat_request.chat("m", [message])


@pytest.mark.parametrize("stop", [[], list("abcde")])
def test_a_request_stops_at_four_texts_at_most(stop: list[str]) -> None:
    with pytest.raises(ConfigurationError, match=f"stop holds {len(stop)} texts; a request takes 1 to 4"):
        chat_request.chat("m", HELLO, stop=stop)
    assert json.loads(chat_request.chat("m", HELLO, stop=list("abcd")).content or b"")["stop"] == list("abcd")
