"""
A service in a process of its own that answers as :mod:`.answering` does, and does one in four requests some harm.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # it is started as a file

from support.scripted_server import Manner, Received, Server, Wire, hang, message, raw, reset, respond, vanish

from endurance.echo_server import answer_to

#: Of how many requests one is harmed.
HARMED = 4

#: Numbers in a vector.
DIMENSIONS = 8


def build_vector(text: str) -> list[float]:
    return [int(answer_to(text)[at], 16) / 16 for at in range(DIMENSIONS)]


class Faulty:
    """
    The service while its context lasts.

    :param seed: what decides about the faults
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def __enter__(self) -> Faulty:
        command = [sys.executable, __file__, str(self._seed)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdout
        self.base_url = f"http://127.0.0.1:{int(self._process.stdout.readline())}/v1"
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        # It ends with its standard input, and so with whoever started it.
        self._process.communicate()


def build_response(request: Received) -> bytes:
    """
    The response that is right.
    """
    if request.method == "GET":  # for suggestions after a 404
        return message(200, {"object": "list", "data": [{"id": "some-model"}]})
    params = request.json
    if request.path.endswith("/embeddings"):
        data = [{"index": index, "embedding": build_vector(text)} for index, text in enumerate(params["input"])]
        return message(200, {"object": "list", "data": data, "model": params["model"], "usage": {}})
    text = answer_to(params["messages"][-1]["content"])
    if not params.get("stream"):
        answer = {"role": "assistant", "content": text}
        return message(200, {"choices": [{"index": 0, "message": answer, "finish_reason": "stop"}], "model": "m"})
    deltas = [{"delta": {"content": text[at : at + 64]}} for at in range(0, len(text), 64)]
    events = [{"choices": [each]} for each in [*deltas, {"delta": {}, "finish_reason": "stop"}]]
    body = "".join(f"data: {json.dumps(each)}\n\n" for each in events) + "data: [DONE]\n\n"
    return message(200, body, {"Content-Type": "text/event-stream"})


def well(wire: Wire, request: Received) -> bool:
    wire.send(build_response(request))
    return True


def late(seconds: float) -> Manner:
    def manner(wire: Wire, request: Received) -> bool:
        wire.closing.wait(seconds)
        return well(wire, request)

    return manner


def cut(wire: Wire, request: Received) -> bool:
    whole = build_response(request)
    wire.send(whole[: len(whole) // 2])
    return False


def reset_halfway(wire: Wire, request: Received) -> bool:
    cut(wire, request)
    time.sleep(0.02)  # or the reset overtakes what was sent
    return reset(wire, request)


def drip(wire: Wire, request: Received) -> bool:
    start, _, body = build_response(request).partition(b"\r\n\r\n")
    wire.send(start + b"\r\n\r\n")
    wire.drip(body)
    return False


def half_of_its_json(wire: Wire, request: Received) -> bool:
    _, _, body = build_response(request).partition(b"\r\n\r\n")
    wire.send(message(200, body[: len(body) // 2], {"Content-Type": "application/json"}))
    return True


REFUSAL = {"error": {"message": "no", "code": "c"}}

#: What may be done to a request; statuses come with and without what they say about waiting.
HARMS: list[Manner] = [
    hang,
    vanish,
    reset,
    cut,
    reset_halfway,
    drip,
    half_of_its_json,
    late(0.2),
    late(0.7),
    raw(b"\x00\xff SSH-2.0\r\n\r\n"),
    raw(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 900\r\n\r\ndata: {}\n\n"),
    respond(200, b""),
    respond(200, "<html><title>Sign in</title></html>", {"Content-Type": "text/html"}),
    *(respond(status, REFUSAL) for status in (400, 403, 404, 408, 429, 500, 502, 503, 504)),
    *(respond(status, REFUSAL, {"Retry-After": wait}) for status in (429, 503) for wait in ("0.05", "9999", "soon")),
    respond(429, REFUSAL, {"RateLimit-Reset": "0.1", "RateLimit-Remaining": "0"}),
]


def _main(seed: int) -> None:
    order = random.Random(seed)

    def manner(wire: Wire, request: Received) -> bool:
        if len(request.body) < int(request.headers.get("content-length", 0)):
            return False  # its client gave it up on the way
        harmed, harm = order.randrange(HARMED) == 0, order.choice(HARMS)
        return (harm if harmed else well)(wire, request)

    server: Any = Server(manner)
    # Nobody asks it what it saw, for as long as it runs.
    server.requests, server._threads, server._lines = deque(maxlen=1), deque(maxlen=200), deque(maxlen=200)
    with server:
        print(server.port, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    _main(int(sys.argv[1]))
