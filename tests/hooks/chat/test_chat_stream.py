"""
An answer that the hook gives as it comes, and what is left of one that breaks off.
"""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.compat import AirflowFailException
from apache_airflow_provider_ovhcloud_ai.errors import (
    APIConnectionError,
    ConfigurationError,
    InvalidResponseError,
    NotFoundError,
    OutputTruncatedError,
)
from apache_airflow_provider_ovhcloud_ai.hooks.chat.chat_stream import MAX_LINE_CHARS, log_lines
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from support import canary
from support.saved_connections import HELLO, MODEL, Make, stored
from support.scripted_server import Received, Server, Wire
from support.streams import DONE, HEAD, answer, chunk, chunked, send_stream

pytestmark = pytest.mark.airflow

WEATHER = {
    "type": "function",
    "function": {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}},
}


def served(server: Server) -> dict[str, Any]:
    return {"conn_type": "ovh_ai_endpoints", "host": server.base_url, "password": canary.TOKEN}


@pytest.mark.parametrize("options", [{}, {"tools": [WEATHER], "tool_choice": "required"}, {"max_tokens": 40}])
def test_the_response_is_the_one_that_comes_in_one_piece(
    hook_for: Make, each_sandbox: Sandbox, options: dict[str, Any]
) -> None:
    hook = hook_for(stored(each_sandbox))
    stream = hook.stream_chat_completion(MODEL, HELLO, **options)
    text = "".join(stream)
    whole = hook.chat_completion(MODEL, HELLO, **options)
    usage = {} if "stream_options" in each_sandbox.requests[-2].json else {"usage": None}
    assert stream.response | {"id": None} == whole | {"id": None} | usage
    assert text == (whole["choices"][0]["message"]["content"] or "")
    assert 0 <= stream.first_token_seconds <= stream.seconds


def test_pieces_come_while_the_answer_is_under_way(hook_for: Make) -> None:
    come = threading.Event()

    def manner(wire: Wire, _: Received) -> bool:
        wire.send(HEAD + chunk("one"))
        assert come.wait(30)
        wire.send(chunk("two", finish="stop") + DONE)
        return False

    with Server(manner) as server, hook_for(served(server)).stream_chat_completion(MODEL, HELLO) as stream:
        assert next(stream) == "one"
        come.set()
        assert list(stream) == ["two"]


def test_usage_is_reported_and_a_warning_passed_on(hook_for: Make, sandbox: Sandbox, ear: Any) -> None:
    hook = ear.listen(hook_for(stored(sandbox)))
    list(hook.stream_chat_completion(MODEL, HELLO))
    (line,) = ear.lines("AI Endpoints chat:")
    assert f"model={MODEL} input_tokens=" in line
    assert "attempts=1 request_id=" in line
    assert "finish_reason=stop" in line


def test_nothing_is_sent_for_what_cannot_work(hook_for: Make, sandbox: Sandbox) -> None:
    with pytest.raises(ConfigurationError, match="temperature"):
        hook_for(stored(sandbox)).stream_chat_completion(MODEL, HELLO, temperature=9)
    assert sandbox.requests == []


def test_a_model_that_does_not_exist(hook_for: Make, sandbox: Sandbox) -> None:
    stream = hook_for(stored(sandbox)).stream_chat_completion("gpt-oss-20", HELLO)
    with pytest.raises(NotFoundError, match="Did you mean gpt-oss-20b") as raised:
        next(stream)
    assert isinstance(raised.value, AirflowFailException)


@pytest.mark.parametrize(
    ("manner", "kind", "words"),
    [
        (chunked([chunk("one "), chunk("two")], end=b""), APIConnectionError, "connection was lost"),
        (
            send_stream(chunk("one "), chunk("two")),
            InvalidResponseError,
            "broke off before its end; what arrived was billed",
        ),
        (
            send_stream(chunk("one "), chunk("two"), b'data: {"error": "no memory"}\n\n'),
            InvalidResponseError,
            "no memory",
        ),
    ],
)
def test_one_that_breaks_off_leaves_what_has_come(hook_for: Make, manner: Any, kind: Any, words: str) -> None:
    with Server(manner) as server, pytest.raises(kind, match=words) as raised:
        list(hook_for(served(server)).stream_chat_completion(MODEL, HELLO))
    assert raised.value.response["choices"][0]["message"]["content"] == "one two"
    assert raised.value.response["choices"][0]["finish_reason"] is None
    # Not a second time by itself: it was billed.
    assert len(server.requests) == 1
    assert not isinstance(raised.value, AirflowFailException)


def test_one_that_is_cut_before_its_first_word(hook_for: Make) -> None:
    with (
        Server(send_stream(chunk(finish="length") + DONE)) as server,
        pytest.raises(OutputTruncatedError, match="max_tokens"),
    ):
        list(hook_for(served(server)).stream_chat_completion(MODEL, HELLO))


def test_one_that_is_left_ends_the_request(hook_for: Make) -> None:
    closed = threading.Event()

    def manner(wire: Wire, _: Received) -> bool:
        wire.send(HEAD + chunk("one"))
        wire.line.settimeout(30)
        if wire.line.recv(1) == b"":
            closed.set()
        return False

    with Server(manner) as server:
        with hook_for(served(server)).stream_chat_completion(MODEL, HELLO) as stream:
            next(stream)
        assert closed.wait(30)
        assert stream.response["choices"][0]["message"]["content"] == "one"


def logged(hook: Any) -> list[str]:
    lines: list[str] = []
    log = SimpleNamespace(info=lambda words, *values: lines.append(words % values))
    try:
        log_lines(hook.stream_chat_completion(MODEL, HELLO), log, canary.TOKEN)
    except InvalidResponseError:
        lines.append("broken")
    return lines


def test_the_log_has_whole_lines(hook_for: Make) -> None:
    with Server(send_stream(answer("It is", " so.\n\nAnd", " that\nis ", "all"))) as server:
        *lines, speed = logged(hook_for(served(server)))
    assert lines == ["It is so.", "", "And that", "is all"]
    assert speed.startswith("AI Endpoints chat: first token after ")
    assert speed.endswith(" tokens/s")


def test_a_long_paragraph_does_not_wait_for_its_end(hook_for: Make) -> None:
    words = [f"word{number} " for number in range(100)]
    with Server(send_stream(answer(*words))) as server:
        *lines, _ = logged(hook_for(served(server)))
    assert " ".join(lines).split() == [word.strip() for word in words]
    assert all(MAX_LINE_CHARS <= len(line) < MAX_LINE_CHARS + 10 for line in lines[:-1])


def test_the_log_has_what_came_before_an_answer_broke_off(hook_for: Make) -> None:
    with Server(send_stream(chunk("one\ntw"))) as server:
        assert logged(hook_for(served(server))) == ["one", "tw", "broken"]


def test_a_token_that_an_answer_echoes_is_not_logged(hook_for: Make) -> None:
    half = len(canary.TOKEN) // 2
    with Server(send_stream(answer("It is ", canary.TOKEN[:half], canary.TOKEN[half:], "."))) as server:
        lines = logged(hook_for(served(server)))
    assert canary.TOKEN not in "".join(lines)
    assert lines[0].startswith("It is ")
