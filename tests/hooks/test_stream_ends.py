"""
Streams as real servers send and end them, over a socket: what the hook, a task and the page's trial make of them.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.errors import AIEndpointsError
from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook
from apache_airflow_provider_ovhcloud_ai.ui.console.views.playground import Trial
from support.saved_connections import HELLO, Make, stored
from support.scripted_server import Manner, Received, Server, Wire
from support.streams import DONE, HEAD, chunk, event, usage

#: A text in two chunks, without its end.
TEXT = [chunk("Ye"), chunk("s.")]
END, USAGE = chunk(finish="stop"), usage(7, 2)


def stream(hook: OVHCloudAIEndpointsHook) -> str:
    return "".join(hook.stream_chat_completion("m", HELLO))


def ask(hook: OVHCloudAIEndpointsHook) -> str:
    return hook.ask("Hello", "m", stream=True).text


def trial(hook: OVHCloudAIEndpointsHook) -> str:
    lines = list(Trial("k", hook.settings, "stored", "chat", "m", "Hello", 50).lines())
    if "error" in lines[-1]:
        raise AIEndpointsError(lines[-1]["error"])
    return "".join(line.get("text", "") for line in lines)


VERBS = (stream, ask, trial)
verbs = pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.__name__)


@pytest.fixture
def run(hook_for: Make) -> Callable[..., str]:
    def call(verb: Callable[[OVHCloudAIEndpointsHook], str], manner: Manner) -> str:
        with Server(manner) as server:
            return verb(hook_for(stored(server), max_retries=0, timeout=5))

    return call


def close(wire: Wire) -> None:
    """As a service that has sent all."""


def reset(wire: Wire) -> None:
    wire.line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def keep_open(wire: Wire) -> None:
    wire.hang()


def ping(wire: Wire) -> None:
    wire.drip(b": ping\n\n" * 1000, pause=0.01)


def send_garbage(wire: Wire) -> None:
    wire.send(b"5\r\n\x00\xff<htm")


ENDS = (close, reset, keep_open, ping, send_garbage)


def send(pieces: Sequence[bytes], end: Callable[[Wire], None], *, is_chunked: bool) -> Manner:
    def manner(wire: Wire, _: Received) -> bool:
        wire.send(HEAD.replace(b"Connection: close", b"Transfer-Encoding: chunked") if is_chunked else HEAD)
        for piece in pieces:
            wire.send(f"{len(piece):x}\r\n".encode() + piece + b"\r\n" if is_chunked else piece)
        end(wire)
        return False

    return manner


@verbs
@pytest.mark.parametrize("is_chunked", [True, False], ids=["chunked", "until it closes"])
@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.__name__)
@pytest.mark.parametrize(
    "rest",
    [[END, USAGE, DONE], [END, USAGE], [END, DONE], [chunk(finish="stop", usage={"total_tokens": 9})]],
    ids=["all", "no DONE", "no usage", "usage in the last chunk"],
)
def test_whole_answer_is_kept_even_if_the_connection_breaks_afterwards(
    run: Any, verb: Any, rest: list[bytes], end: Any, is_chunked: bool
) -> None:
    assert run(verb, send([*TEXT, *rest], end, is_chunked=is_chunked)) == "Yes."


@verbs
@pytest.mark.parametrize("end", [close, reset, send_garbage], ids=lambda end: end.__name__)
def test_answer_without_usage_is_kept_if_its_end_came(run: Any, verb: Any, end: Any) -> None:
    assert run(verb, send([*TEXT, END], end, is_chunked=True)) == "Yes."


@verbs
def test_finish_reason_and_usage_in_each_chunk_end_nothing(run: Any, verb: Any) -> None:
    pieces = [chunk(text, finish="normal", usage={"total_tokens": 9}) for text in ("Ye", "s.")]
    assert run(verb, send([*pieces, DONE], close, is_chunked=True)) == "Yes."


REASONS = (
    {"finish_reason": "stop"},
    {"finishReason": "STOP"},
    {"stop_reason": "end_turn"},
    {"finish_reason": {"type": "stop"}},
)


@verbs
@pytest.mark.parametrize("fields", REASONS, ids=str)
def test_end_has_several_spellings(run: Any, verb: Any, fields: dict[str, Any]) -> None:
    last = event({"choices": [{"index": 0, "delta": {}, **fields}]})
    assert run(verb, send([*TEXT, last, DONE], close, is_chunked=True)) == "Yes."


@verbs
@pytest.mark.parametrize("reason", [None, "", "absent"])
@pytest.mark.parametrize("last", [b"", DONE, USAGE, USAGE + DONE], ids=["nothing", "DONE", "usage", "usage, DONE"])
@pytest.mark.parametrize("end", [close, reset], ids=lambda end: end.__name__)
def test_answer_without_an_end_is_broken_off(run: Any, verb: Any, reason: Any, last: bytes, end: Any) -> None:
    fields = {} if reason == "absent" else {"finish_reason": reason}
    texts = [event({"choices": [{"index": 0, "delta": {"content": text}, **fields}]}) for text in ("Ye", "s.")]
    with pytest.raises(AIEndpointsError, match=r"broke off before its end|connection was lost"):
        run(verb, send([*texts, last], end, is_chunked=True))


ERRORS: dict[str, Any] = {
    "error": {"error": {"message": "out of memory", "code": 500}},
    "string": {"error": "out of memory"},
    "error_code": {"text": "out of memory", "error_code": 50002},
    "object": {"object": "error", "message": "out of memory", "code": 500},
    "detail": {"detail": "out of memory"},
    "list": {"errors": [{"message": "out of memory"}]},
    "beside a choice": {
        "id": "gen-1",
        "object": "chat.completion.chunk",
        "error": {"code": 502, "message": "out of memory"},
        "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}],
    },
    "in a choice": {
        "choices": [{"index": 0, "delta": {}, "finish_reason": "error", "error": {"message": "out of memory"}}]
    },
}


@verbs
@pytest.mark.parametrize("name", ERRORS)
@pytest.mark.parametrize("before", [[], TEXT], ids=["at first", "in the middle"])
def test_error_in_an_event_ends_the_answer(run: Any, verb: Any, name: str, before: list[bytes]) -> None:
    with pytest.raises(AIEndpointsError, match="out of memory"):
        run(verb, send([*before, event(ERRORS[name]), END, DONE], close, is_chunked=True))


@verbs
@pytest.mark.parametrize(
    "other",
    [{"type": "ping"}, {"x_status": {"queue": 3}}, {"choices": []}, {"event": "heartbeat", "text": "5"}],
    ids=str,
)
def test_other_event_is_passed_over(run: Any, verb: Any, other: dict[str, Any]) -> None:
    assert (
        run(verb, send([event(other), TEXT[0], event(other), TEXT[1], END, USAGE, DONE], close, is_chunked=True))
        == "Yes."
    )


def test_fields_of_other_events_are_not_in_the_response(hook_for: Make) -> None:
    pieces = [event({"text": "5", "kind": "heartbeat"}), *TEXT, END, USAGE, DONE]
    with Server(send(pieces, close, is_chunked=True)) as server:
        answer = hook_for(stored(server)).stream_chat_completion("m", HELLO)
        assert "".join(answer) == "Yes."
    assert set(answer.response) == {"object", "choices", "usage", "model"}


DELTAS: dict[str, tuple[list[dict[str, Any]], str]] = {
    "parts": ([{"content": [{"type": "text", "text": "Ye"}]}, {"content": [{"type": "text", "text": "s."}]}], "Yes."),
    "reasoning in parts": (
        [{"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}]}, {"content": "Yes."}],
        "Yes.",
    ),
    "reasoning in tags": (
        [{"content": "<th"}, {"content": "ink>Hm.</thi"}, {"content": "nk>\n"}, {"content": "Yes."}],
        "Yes.",
    ),
    "half characters": ([{"content": "Yes \ud83d"}, {"content": "\ude00."}], "Yes \U0001f600."),
    "half a character alone": ([{"content": "Yes\ud83d"}, {"content": "."}], "Yes\ufffd."),
    "NUL": ([{"content": "Yes\0."}], "Yes\ufffd."),
    "the whole message": ([{"role": "assistant", "content": "Yes."}], "Yes."),
}


@verbs
@pytest.mark.parametrize("name", DELTAS)
def test_text_of_deltas_of_any_shape(run: Any, verb: Any, name: str) -> None:
    deltas, text = DELTAS[name]
    pieces = [event({"choices": [{"index": 0, "delta": delta}]}) for delta in deltas]
    assert run(verb, send([*pieces, END, USAGE, DONE], close, is_chunked=True)) == text


CALL_DELTAS: dict[str, tuple[list[list[dict[str, Any]]], list[tuple[Any, str, Any]]]] = {
    "arguments as an object": (
        [[{"index": 0, "id": "a", "function": {"name": "f", "arguments": {"x": 1}}}]],
        [("a", "f", {"x": 1})],
    ),
    "one index for all": (
        [
            [{"index": 0, "id": "a", "function": {"name": "f", "arguments": '{"x": 1}'}}],
            [{"index": 0, "id": "b", "function": {"name": "g", "arguments": '{"y": 2}'}}],
        ],
        [("a", "f", {"x": 1}), ("b", "g", {"y": 2})],
    ),
    "one index and no ids": (
        [
            [{"index": 0, "function": {"name": "f", "arguments": '{"x": 1}'}}],
            [{"index": 0, "function": {"name": "f", "arguments": '{"x": 2}'}}],
        ],
        [(None, "f", {"x": 1}), (None, "f", {"x": 2})],
    ),
    "no index": (
        [
            [{"id": "a", "function": {"name": "f", "arguments": '{"x"'}}],
            [{"function": {"arguments": ": 1}"}}],
            [{"id": "b", "function": {"name": "g", "arguments": "{}"}}],
        ],
        [("a", "f", {"x": 1}), ("b", "g", {})],
    ),
    "name and id in each chunk": (
        [
            [{"index": 0, "id": "a", "function": {"name": "f", "arguments": '{"x"'}}],
            [{"index": 0, "id": "a", "function": {"name": "f", "arguments": ": 1}"}}],
        ],
        [("a", "f", {"x": 1})],
    ),
    "several in a chunk": (
        [
            [
                {"id": "a", "function": {"name": "f", "arguments": "{}"}},
                {"id": "b", "function": {"name": "g", "arguments": "{}"}},
            ]
        ],
        [("a", "f", {}), ("b", "g", {})],
    ),
}


@pytest.mark.parametrize("name", CALL_DELTAS)
def test_tool_calls_of_deltas_of_any_shape(hook_for: Make, name: str) -> None:
    deltas, expected = CALL_DELTAS[name]
    pieces = [event({"choices": [{"index": 0, "delta": {"tool_calls": calls}}]}) for calls in deltas]
    with Server(send([*pieces, chunk(finish="tool_calls"), USAGE, DONE], close, is_chunked=True)) as server:
        answer = hook_for(stored(server)).stream_chat_completion("m", HELLO)
        assert list(answer) == []
    calls = answer.response["choices"][0]["message"]["tool_calls"]
    read = [(call["id"], call["function"]["name"], json.loads(call["function"]["arguments"])) for call in calls]
    assert read == expected


@pytest.fixture
def standard_server() -> Iterator[str]:
    """Python's own server, which closes a connection as the client asked, and doesn't repeat it in a header."""
    body = b"".join([*TEXT, END, USAGE, DONE])

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    server.server_close()
    thread.join()


def test_connection_of_a_stream_is_never_used_again(hook_for: Make, standard_server: str) -> None:
    hook = hook_for({"conn_type": "ovh_ai_endpoints", "host": standard_server, "password": "t"}, max_retries=0)
    assert [stream(hook) for _ in range(200)] == ["Yes."] * 200
