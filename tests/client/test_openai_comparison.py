"""
The same bytes, read by the ``openai`` package and by the hook. The table says why they differ, if they do.
"""

from __future__ import annotations

import base64
import json
import math
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import openai
import pytest
from apache_airflow_provider_ovhcloud_ai.errors import AIEndpointsError
from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook
from support.saved_connections import HELLO, MODEL, stored
from support.scripted_server import Manner, Received, Server, Wire, message, reset
from support.streams import DONE, HEAD, chunk, event, usage

#: In place of a value: the reader raises an error.
ERROR = "an error"

#: Why the hook doesn't take such a stream for an answer.
UNFINISHED = "an answer is whole only with a finish reason: without one, a cut can't be told from its end"

#: Seconds without a byte after which either gives up.
TIMEOUT_S = 2.0


@dataclass(frozen=True)
class Case:
    """
    One response.

    :param manner: how a server sends it
    :param openai: what the package reads: the text of an answer, vectors, or ``ERROR``
    :param hook: what the hook reads
    :param reason: why they differ
    """

    manner: Manner
    openai: Any
    hook: Any
    reason: str = ""


def both(manner: Manner, value: Any) -> Case:
    """Both read the same."""
    return Case(manner, value, value)


def stream(*pieces: bytes, head: bytes = HEAD, then: Callable[[Wire, Received], bool] = lambda *_: False) -> Manner:
    """Send a stream in pieces, and then do something to its connection."""

    def manner(wire: Wire, request: Received) -> bool:
        for piece in [head, *pieces]:
            wire.send(piece)
        return then(wire, request)

    return manner


def chunked(*pieces: bytes, then: Callable[[Wire, Received], bool]) -> Manner:
    """Send a stream in chunks of HTTP, without the last one."""
    head = HEAD.replace(b"Connection: close", b"Transfer-Encoding: chunked")
    return stream(*(f"{len(piece):x}\r\n".encode() + piece + b"\r\n" for piece in pieces), head=head, then=then)


def hang(wire: Wire, _: Received) -> bool:
    wire.hang()
    return False


def ping(wire: Wire, _: Received) -> bool:
    while not wire.closing.wait(0.05):
        wire.send(b": ping\n\n")
    return False


def close(*_: Any) -> bool:
    return False


def answer(body: Any, status: int = 200, kind: str = "application/json") -> Manner:
    def manner(wire: Wire, _: Received) -> bool:
        wire.send(message(status, body, {"Content-Type": kind}))
        return True

    return manner


def completion(text: Any = "Hello", finish: Any = "stop", **fields: Any) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish}
    return {"id": "c", "object": "chat.completion", "created": 1, "model": MODEL, "choices": [choice], **fields}


def packed(*numbers: float) -> str:
    return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()


def vectors(*embeddings: Any, indexed: bool = True, **fields: Any) -> dict[str, Any]:
    data = [
        {"object": "embedding", "embedding": each, **({"index": index} if indexed else {})}
        for index, each in enumerate(embeddings)
    ]
    return {"object": "list", "data": data, "model": "m", **fields}


HEL, LO, STOP = chunk("Hel"), chunk("lo"), chunk(finish="stop")
WHOLE = (HEL, LO, STOP, usage(1, 2), DONE)
TEXT = b"".join(WHOLE)


CHATS: dict[str, Case] = {
    "whole": both(answer(completion(usage={"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2})), "Hello"),
    "no usage": both(answer(completion()), "Hello"),
    "usage null": both(answer(completion(usage=None)), "Hello"),
    "further fields": both(answer(completion(service_tier="x", extra={"a": [1]})), "Hello"),
    "id null": both(answer(completion() | {"id": None, "created": None}), "Hello"),
    "id missing": both(answer({"choices": completion()["choices"]}), "Hello"),
    "finish reason of another spelling": both(answer(completion(finish="eos_token")), "Hello"),
    "finish reason null": both(answer(completion(finish=None)), "Hello"),
    "text/plain": both(answer(completion(), kind="text/plain"), "Hello"),
    "byte order mark": both(answer(b"\xef\xbb\xbf" + json.dumps(completion()).encode()), "Hello"),
    "error in a 200": both(answer({"error": {"message": "no", "code": 502}}), ERROR),
    "no choices": both(answer(completion() | {"choices": []}), ERROR),
    "choices null": both(answer(completion() | {"choices": None}), ERROR),
    "an HTML page": both(answer("<html>", kind="text/html"), ERROR),
}

STREAMS: dict[str, Case] = {
    "whole": both(stream(*WHOLE), "Hello"),
    "connection stays open": both(stream(*WHOLE, then=hang), "Hello"),
    "pings after the end": both(stream(*WHOLE, then=ping), "Hello"),
    "reset after the end": both(stream(*WHOLE, then=reset), "Hello"),
    "no last chunk": both(chunked(*WHOLE, then=close), "Hello"),
    "no last chunk and open": both(chunked(*WHOLE, then=hang), "Hello"),
    "no DONE": both(stream(*WHOLE[:-1]), "Hello"),
    "no DONE and reset": Case(
        stream(*WHOLE[:-1], then=reset), ERROR, "Hello", "all that belongs to an answer came before the reset"
    ),
    "no finish reason": Case(stream(HEL, LO, DONE), "Hello", ERROR, UNFINISHED),
    "finish reason empty": both(stream(chunk("Hel", ""), chunk("lo", ""), STOP, DONE), "Hello"),
    "finish reason always empty": Case(stream(chunk("Hel", ""), chunk("lo", ""), DONE), "Hello", ERROR, UNFINISHED),
    "finish reason always empty and cut": Case(stream(chunk("Hel", "")), "Hel", ERROR, UNFINISHED),
    "finish reason of another spelling": both(stream(HEL, LO, chunk(finish="eos"), DONE), "Hello"),
    "finish reason error": Case(
        stream(HEL, chunk(finish="error"), DONE), "Hel", ERROR, "the finish reason says that the answer failed"
    ),
    "cut": Case(stream(HEL), "Hel", ERROR, UNFINISHED),
    "comments": both(stream(b": OPENROUTER PROCESSING\n\n", HEL, b":\n\n", LO, b": x\n", STOP, DONE), "Hello"),
    "ping events": both(stream(b"event: ping\ndata: {}\n\n", HEL, LO, STOP, DONE), "Hello"),
    "CRLF": both(stream(TEXT.replace(b"\n", b"\r\n")), "Hello"),
    "CR": both(stream(TEXT.replace(b"\n", b"\r")), "Hello"),
    "no space": both(stream(TEXT.replace(b"data: ", b"data:")), "Hello"),
    "byte order mark": Case(stream(b"\xef\xbb\xbf" + TEXT), "lo", "Hello", "the package loses the first event"),
    "byte by byte": both(stream(*(bytes([each]) for each in TEXT)), "Hello"),
    "two lines of data": both(stream(HEL.replace(b'{"choices"', b'{\ndata: "choices"'), LO, STOP, DONE), "Hello"),
    "application/json": both(stream(*WHOLE, head=HEAD.replace(b"text/event-stream", b"application/json")), "Hello"),
    "text/plain": both(stream(*WHOLE, head=HEAD.replace(b"text/event-stream", b"text/plain")), "Hello"),
    "no content type": both(stream(*WHOLE, head=b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"), "Hello"),
    "content in parts": Case(
        stream(
            event({"choices": [{"index": 0, "delta": {"content": [{"type": "text", "text": "Hel"}]}}]}), LO, STOP, DONE
        ),
        ERROR,
        "Hello",
        "some services stream Mistral's content parts",
    ),
    "id null": both(stream(chunk("Hello", id=None), STOP, DONE), "Hello"),
    "usage missing": both(stream(HEL, LO, STOP, DONE), "Hello"),
    "usage first": both(stream(usage(1, 0), HEL, LO, STOP, DONE), "Hello"),
    "choices empty first": both(
        stream(event({"choices": [], "prompt_filter_results": []}), HEL, LO, STOP, DONE), "Hello"
    ),
    "choices null": both(stream(event({"choices": None}), HEL, LO, STOP, DONE), "Hello"),
    "delta null": Case(
        stream(HEL, event({"choices": [{"index": 0, "delta": None}]}), LO, STOP, DONE),
        ERROR,
        "Hello",
        "an event without a delta adds nothing",
    ),
    "further fields": both(stream(chunk("Hello", x={"y": 1}, obfuscation="a"), STOP, DONE), "Hello"),
    "error": both(stream(HEL, event({"error": {"message": "no memory"}}), DONE), ERROR),
    "error as text": both(stream(HEL, event({"error": "no memory"}), DONE), ERROR),
    "error event": Case(
        stream(HEL, b'event: error\ndata: {"message": "no memory"}\n\n', DONE),
        "Hel",
        ERROR,
        "half of a text would count as the answer",
    ),
    "error with error_code": Case(
        stream(HEL, event({"text": "**NETWORK ERROR**", "error_code": 50002}), DONE),
        "Hel",
        ERROR,
        "half of a text would count as the answer",
    ),
    "no JSON": both(stream(HEL, b"data: {\n\n", LO, STOP, DONE), ERROR),
    "in one piece": Case(answer(completion()), "", "Hello", "a service that doesn't stream sends a completion"),
    "error in a 200": Case(
        answer({"error": {"message": "no"}}), "", ERROR, "the package ignores a body without events"
    ),
}

EMBEDDINGS: dict[str, Case] = {
    "floats": both(answer(vectors([0.5, 1.0], [0.0, 2.0])), [[0.5, 1.0], [0.0, 2.0]]),
    "base64": both(answer(vectors(packed(0.5, 1.0), packed(0.0, 2.0))), [[0.5, 1.0], [0.0, 2.0]]),
    "integers": both(answer(vectors([1, -128], [0, 2])), [[1, -128], [0, 2]]),
    "no usage": both(answer(vectors([0.5], [1.0], usage=None)), [[0.5], [1.0]]),
    "further fields": both(answer(vectors([0.5], [1.0], id="x", extra={})), [[0.5], [1.0]]),
    "no index": both(answer(vectors([0.5], [1.0], indexed=False)), [[0.5], [1.0]]),
    "index null": both(
        answer({"data": [{"embedding": [0.5], "index": None}, {"embedding": [1.0], "index": None}]}), [[0.5], [1.0]]
    ),
    "shuffled": Case(
        answer({"data": vectors([0.5], [1.0])["data"][::-1]}),
        [[1.0], [0.5]],
        [[0.5], [1.0]],
        "the index says which text a vector belongs to",
    ),
    "index always 0": Case(
        answer({"data": [{"embedding": [0.5], "index": 0}, {"embedding": [1.0], "index": 0}]}),
        [[0.5], [1.0]],
        ERROR,
        "it isn't known which text a vector belongs to",
    ),
    "text/plain": both(answer(vectors([0.5], [1.0]), kind="text/plain"), [[0.5], [1.0]]),
    "NaN": Case(
        answer(vectors([math.nan], [1.0])),
        [pytest.approx([math.nan], nan_ok=True), [1.0]],
        ERROR,
        "such a vector can't be stored or compared",
    ),
    "null": Case(answer(vectors(None, [1.0])), [None, [1.0]], ERROR, "such a vector can't be stored or compared"),
    "too few": Case(answer(vectors([0.5])), [[0.5]], ERROR, "a text would have no vector"),
    "different dimensions": Case(
        answer(vectors([0.5], [1.0, 2.0])), [[0.5], [1.0, 2.0]], ERROR, "such a vector can't be stored or compared"
    ),
    "no data": both(answer(vectors()), ERROR),
    "error in a 200": both(answer({"error": {"message": "no"}}), ERROR),
}


CASES = {
    f"{kind}: {name}": (kind, case)
    for kind, cases in {"chat": CHATS, "stream": STREAMS, "embeddings": EMBEDDINGS}.items()
    for name, case in cases.items()
}


def read_by_openai(kind: str, server: Server) -> Any:
    with openai.OpenAI(base_url=server.base_url, api_key="k", max_retries=0, timeout=TIMEOUT_S) as client:
        if kind == "chat":
            return client.chat.completions.create(model=MODEL, messages=HELLO).choices[0].message.content  # type: ignore[arg-type]  # plain dictionaries
        if kind == "embeddings":
            return [each.embedding for each in client.embeddings.create(model=MODEL, input=["a", "b"]).data]
        chunks = client.chat.completions.create(model=MODEL, messages=HELLO, stream=True)  # type: ignore[arg-type]  # plain dictionaries
        return "".join(each.choices[0].delta.content or "" for each in chunks if each.choices)


def read_by_hook(kind: str, hook: OVHCloudAIEndpointsHook) -> Any:
    if kind == "chat":
        return hook.chat_completion(MODEL, HELLO)["choices"][0]["message"]["content"]
    if kind == "embeddings":
        return [each["embedding"] for each in hook.create_embedding(MODEL, ["a", "b"])["data"]]
    return "".join(hook.stream_chat_completion(MODEL, HELLO))


@pytest.mark.parametrize(("kind", "case"), CASES.values(), ids=CASES)
def test_openai_reads_what_the_table_says(kind: str, case: Case) -> None:
    with Server(case.manner) as server:
        try:
            value = read_by_openai(kind, server)
        except Exception:  # noqa: BLE001  (also what the package's own types raise when they are read)
            value = ERROR
    assert value == case.openai


@pytest.mark.parametrize(("kind", "case"), CASES.values(), ids=CASES)
def test_hook_reads_what_the_table_says(kind: str, case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(case.manner) as server:
        monkeypatch.setenv("AIRFLOW_CONN_STORED", json.dumps(stored(server)))
        hook = OVHCloudAIEndpointsHook("stored", timeout=TIMEOUT_S, max_retries=0)
        try:
            value = read_by_hook(kind, hook)
        except AIEndpointsError:
            value = ERROR
    assert value == case.hook


def test_each_difference_has_a_reason() -> None:
    assert [name for name, (_, case) in CASES.items() if (case.openai == case.hook) is bool(case.reason)] == []
