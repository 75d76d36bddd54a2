"""
What can go wrong on the way, as what a server does; and what the provider is to make of it.
"""

from __future__ import annotations

import gzip
import json
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from support.scripted_server import Manner, Received, Wire, drip_headers, hang, message, raw, reset, respond, vanish

from .endpoints import CHUNKS, Endpoint

#: Bytes of a response that the provider reads at most, in these tests.
LIMIT = 300_000

#: How often a request is sent that may be sent twice.
NEVER, UNLESS_BILLED, ALWAYS = "never", "unless billed", "always"


@dataclass(frozen=True)
class Fault:
    """
    One thing that goes wrong.

    :param make: of an endpoint, what the server does each time
    :param outcome: class of the error, or ``answer``; several where one driver sees more than the other
    :param again: whether the request is sent a second time
    :param of: endpoints that it is for, all unless given
    """

    make: Callable[[Endpoint], Manner]
    outcome: str
    again: str = NEVER
    of: Callable[[str], bool] = field(default=lambda _: True)


def _headed(endpoint: Endpoint, **headers: Any) -> bytes:
    return message(200, endpoint.body, {"Content-Type": endpoint.kind, **headers})


def _chunked(endpoint: Endpoint, *, ended: bool, size: bytes | None = None) -> Manner:
    body = endpoint.body
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {endpoint.kind}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    piece = (size or f"{len(body):x}".encode()) + b"\r\n" + body + b"\r\n"
    return raw(head + piece + (b"0\r\n\r\n" if ended else b""))


def _in_bytes(endpoint: Endpoint) -> Manner:
    """Each byte in a packet of its own, as far as the system lets it."""

    def manner(wire: Wire, _: Received) -> bool:
        for byte in _headed(endpoint):
            wire.send(bytes([byte]))
        return True

    return manner


def _drip(endpoint: Endpoint) -> Manner:
    def manner(wire: Wire, _: Received) -> bool:
        head, _, body = _headed(endpoint, **{"Content-Length": str(len(endpoint.body) + 5_000)}).partition(b"\r\n\r\n")
        wire.send(head + b"\r\n\r\n")
        wire.drip(body + b" " * 5_000)
        return False

    return manner


def _endless(piece: bytes, kind: str, status: str = "200 OK") -> Callable[[Endpoint], Manner]:
    """100 MB, or as much as is taken."""

    def make(_: Endpoint) -> Manner:
        def manner(wire: Wire, _: Received) -> bool:
            wire.send(f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nConnection: close\r\n\r\n".encode())
            for _ in range(100_000_000 // len(piece)):
                wire.send(piece)
            return False

        return manner

    return make


def _bomb(press: Callable[[bytes], bytes], encoding: str) -> Callable[[Endpoint], Manner]:
    packed = press(b" " * 20_000_000)
    return lambda endpoint: respond(200, packed, {"Content-Type": endpoint.kind, "Content-Encoding": encoding})


def _cut(at: Callable[[bytes], int]) -> Callable[[Endpoint], Manner]:
    def make(endpoint: Endpoint) -> Manner:
        whole = _headed(endpoint)
        return raw(whole[: at(whole)])

    return make


def _reset_in_body(endpoint: Endpoint) -> Manner:
    def manner(wire: Wire, request: Received) -> bool:
        wire.send(_headed(endpoint)[:-5])
        time.sleep(0.1)  # or the reset overtakes what was sent
        return reset(wire, request)

    return manner


def _status(status: int, body: Any = None, **headers: str) -> Callable[[Endpoint], Manner]:
    content = {"error": {"message": "no", "code": "c"}} if body is None else body
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: respond(status, content, named)


def _is_json(name: str) -> bool:
    return name != "stream"


def _nested(endpoint: Endpoint) -> Manner:
    return respond(200, "[" * 100_000 + "]" * 100_000, {"Content-Type": "application/json"})


def _doubled(endpoint: Endpoint) -> Manner:
    """All keys twice; JSON leaves open which counts, and Python takes the last."""
    text = endpoint.body.decode()
    return respond(200, '{"error": null,' + text[1:-1] + "," + text[1:], {"Content-Type": "application/json"})


#: What a server or something before it does to any request.
COMMON: dict[str, Fault] = {
    "accepts, says nothing": Fault(lambda _: hang, "APITimeoutError", UNLESS_BILLED),
    "closes before the headers": Fault(lambda _: vanish, "APIConnectionError", UNLESS_BILLED),
    "resets before the headers": Fault(lambda _: reset, "APIConnectionError", UNLESS_BILLED),
    "closes within the headers": Fault(
        _cut(lambda whole: whole.index(b"\r\n") + 9), "InvalidResponseError or APIConnectionError", UNLESS_BILLED
    ),
    "closes after the headers": Fault(
        _cut(lambda whole: whole.index(b"\r\n\r\n") + 4), "APIConnectionError", UNLESS_BILLED
    ),
    "closes within the body": Fault(_cut(lambda whole: len(whole) - 5), "APIConnectionError", UNLESS_BILLED, _is_json),
    "resets within the body": Fault(_reset_in_body, "APIConnectionError", UNLESS_BILLED, _is_json),
    "drips the headers": Fault(lambda _: drip_headers, "APITimeoutError", UNLESS_BILLED),
    "drips the body": Fault(_drip, "APITimeoutError", UNLESS_BILLED, _is_json),
    "sends byte by byte": Fault(_in_bytes, "answer"),
    "Content-Length too large": Fault(
        lambda endpoint: raw(_headed(endpoint, **{"Content-Length": str(len(endpoint.body) + 9)})),
        "APIConnectionError",
        UNLESS_BILLED,
        _is_json,
    ),
    "Content-Length too small": Fault(
        lambda endpoint: raw(_headed(endpoint, **{"Content-Length": str(len(endpoint.body) - 9)})),
        "InvalidResponseError",
        of=_is_json,
    ),
    "Content-Length no number": Fault(
        lambda endpoint: raw(_headed(endpoint, **{"Content-Length": "many"})),
        "APIConnectionError or answer",
        UNLESS_BILLED,
    ),
    "Content-Length missing": Fault(
        lambda endpoint: raw(_headed(endpoint, **{"Content-Length": None, "Connection": "close"})), "answer"
    ),
    "chunks": Fault(lambda endpoint: _chunked(endpoint, ended=True), "answer"),
    "chunks without the last": Fault(
        lambda endpoint: _chunked(endpoint, ended=False), "APIConnectionError", UNLESS_BILLED, _is_json
    ),
    "chunks of no size": Fault(
        lambda endpoint: _chunked(endpoint, ended=True, size=b"zz"), "APIConnectionError", UNLESS_BILLED
    ),
    "garbage in place of HTTP": Fault(
        lambda _: raw(b"\x00\xff\x15\x03\x01 SSH-2.0\r\n\r\n"), "APIConnectionError", UNLESS_BILLED
    ),
    "103 before the answer": Fault(
        lambda endpoint: raw(
            2 * b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + _headed(endpoint), keep_alive=True
        ),
        "answer",
    ),
    "100 before the answer": Fault(
        lambda endpoint: raw(b"HTTP/1.1 100 Continue\r\n\r\n" + _headed(endpoint), keep_alive=True), "answer"
    ),
    "gzip": Fault(
        lambda endpoint: respond(
            200, gzip.compress(endpoint.body), {"Content-Type": endpoint.kind, "Content-Encoding": "gzip"}
        ),
        "answer",
        of=_is_json,
    ),
    "gzip that is none": Fault(
        lambda endpoint: respond(200, endpoint.body, {"Content-Type": endpoint.kind, "Content-Encoding": "gzip"}),
        "answer",
    ),
    "an encoding nobody asked for": Fault(
        lambda endpoint: respond(200, b"\x0b\x02\x80", {"Content-Type": endpoint.kind, "Content-Encoding": "br"}),
        "InvalidResponseError",
        of=_is_json,
    ),
    "a bomb of gzip": Fault(_bomb(gzip.compress, "gzip"), "InvalidResponseError"),
    "a bomb of deflate": Fault(_bomb(zlib.compress, "deflate"), "InvalidResponseError"),
    "100 MB": Fault(_endless(b"x" * 50_000, "application/json"), "InvalidResponseError"),
    "HTML with 200": Fault(
        _status(200, "<html><title>Sign in</title></html>", Content_Type="text/html"), "InvalidResponseError"
    ),
    "text with 200": Fault(_status(200, "OK"), "InvalidResponseError"),
    "empty 200": Fault(_status(200, b""), "InvalidResponseError"),
    "204": Fault(lambda _: raw(b"HTTP/1.1 204 No Content\r\n\r\n", keep_alive=True), "InvalidResponseError"),
    "a list": Fault(_status(200, []), "InvalidResponseError"),
    "null": Fault(_status(200, b"null", Content_Type="application/json"), "InvalidResponseError"),
    "a number": Fault(_status(200, b"1e999", Content_Type="application/json"), "InvalidResponseError"),
    "half of its JSON": Fault(
        lambda endpoint: respond(200, endpoint.body[: len(endpoint.body) // 2], {"Content-Type": endpoint.kind}),
        "InvalidResponseError",
        of=_is_json,
    ),
    "JSON in Latin-1": Fault(_status(200, b'{"a": "\xe9"}', Content_Type="application/json"), "InvalidResponseError"),
    "JSON nested deeply": Fault(_nested, "InvalidResponseError"),
    "all keys twice": Fault(_doubled, "answer", of=_is_json),
    "an error with 200": Fault(_status(200, {"error": {"message": "overloaded"}}), "InvalidResponseError"),
    "an error 401 with 200": Fault(_status(200, {"error": {"message": "no", "code": 401}}), "AuthenticationError"),
    "an error 429 with 200": Fault(_status(200, {"error": {"message": "no", "code": 429}}), "RateLimitError", ALWAYS),
    "101 headers": Fault(
        lambda endpoint: raw(_headed(endpoint, **{f"X-{number}": "x" for number in range(101)})),
        "InvalidResponseError or answer",
    ),
    "errors with 200": Fault(_status(200, {"success": False, "errors": ["no"]}), "InvalidResponseError"),
    "credit used up": Fault(
        _status(429, {"error": {"message": "no", "code": "insufficient_quota"}}), "QuotaExceededError"
    ),
    "detail with 200": Fault(_status(200, {"detail": "no"}), "InvalidResponseError"),
    "redirect to the same host": Fault(_status(302, b"", Location="/v1/other"), "InvalidResponseError"),
    "redirect to another host": Fault(_status(307, b"", Location="http://127.0.0.2:9/v1"), "InvalidResponseError"),
    "redirect to a file": Fault(_status(301, b"", Location="file:///etc/passwd"), "InvalidResponseError"),
    "redirect with 100 MB": Fault(
        _endless(b"x" * 50_000, "text/html", "302 Found\r\nLocation: /v1/other"), "InvalidResponseError"
    ),
    "redirect to itself": Fault(_status(308, b"", Location=""), "InvalidResponseError"),
    "redirect nowhere": Fault(
        _status(303, b"", Location="http://[::1"), "InvalidResponseError or APIConnectionError", UNLESS_BILLED
    ),
}

#: Status -> the error, and whether it is sent again.
_STATUSES: dict[int, tuple[str, str]] = {
    400: ("BadRequestError", NEVER),
    401: ("AuthenticationError", NEVER),
    402: ("QuotaExceededError", NEVER),
    403: ("AuthenticationError", NEVER),
    404: ("NotFoundError", NEVER),
    408: ("APIStatusError", ALWAYS),
    409: ("APIStatusError", NEVER),
    413: ("BadRequestError", NEVER),
    418: ("BadRequestError", NEVER),
    422: ("BadRequestError", NEVER),
    424: ("APIStatusError", ALWAYS),
    425: ("APIStatusError", NEVER),
    429: ("RateLimitError", ALWAYS),
    451: ("BadRequestError", NEVER),
    498: ("APIStatusError", ALWAYS),
    499: ("APIStatusError", UNLESS_BILLED),
    500: ("APIStatusError", ALWAYS),
    501: ("APIStatusError", NEVER),
    502: ("APIStatusError", ALWAYS),
    503: ("APIStatusError", ALWAYS),
    504: ("APIStatusError", UNLESS_BILLED),
    520: ("APIStatusError", NEVER),
    529: ("APIStatusError", ALWAYS),
}
STATUSES = {f"{status}": Fault(_status(status), outcome, again) for status, (outcome, again) in _STATUSES.items()}

#: Every form of a header that says how long to wait, and whether a request that may be sent again then is.
_WAITS = {
    "0": ALWAYS,
    "0.01": ALWAYS,
    "1e-3": ALWAYS,
    "9999": NEVER,
    "31536000": NEVER,
    "-5": ALWAYS,
    "nan": ALWAYS,
    "inf": ALWAYS,
    "1e308": NEVER,
    "soon": ALWAYS,
    "": ALWAYS,
    "Wed, 21 Oct 2015 07:28:00 GMT": ALWAYS,
    "Wed, 21 Oct 2099 07:28:00 GMT": NEVER,
    "Wed, 99 Foo 2099": ALWAYS,
    "10ms": ALWAYS,
    "2h": NEVER,
}

_RESETS = ("RateLimit-Reset", "x-ratelimit-reset", "x-ratelimit-reset-requests", "x-ratelimit-reset-tokens")


def _refused(status: int, header: str, value: str) -> Fault:
    """With any status Retry-After is believed; the news of a quota only where it was a quota that refused."""
    outcome, again = _STATUSES[status]
    believed = header == "Retry-After" or status in (429, 498, 503, 529)
    return Fault(
        lambda _: respond(status, {"message": "no"}, {header: value}),
        outcome,
        NEVER if believed and _WAITS[value] == NEVER else again,
        of=({"chat", "embeddings", "models on a loop"} if status == 429 else {"chat"}).__contains__,
    )


#: Each form with each status in the header that HTTP has for it; in those of quotas, where the status is one that is
#: asked again, and with one that is not.
WAITS = {
    f"{status}, {header}: {value}": _refused(status, header, value)
    for status in _STATUSES
    for header in ("Retry-After", *(_RESETS if status in (429, 500, 503, 529) else ()))
    for value in _WAITS
}

#: Bodies of a refusal, each of which is to become a sentence.
_BODIES = {
    "error.message": {"error": {"message": "m", "type": "t", "param": None, "code": "c"}},
    "error as text": {"error": "m"},
    "message": {"message": "m"},
    "detail": {"detail": "m"},
    "detail as a list": {"detail": [{"loc": ["body"], "msg": "m"}]},
    "error.message null": {"error": {"message": None, "code": 404}},
    "a list": ["m"],
    "text": "m",
    "HTML": "<html><head><title>502 Bad Gateway</title></head></html>",
    "empty": b"",
    "no UTF-8": b"\xff\xfe\xfa",
    "null": b"null",
    "a number": b"7",
    "1 MB": "m" * 1_000_000,
    "nested": "[" * 50_000,
}
BODIES = {
    f"400 with {name}": Fault(
        _status(400, body),
        "BadRequestError" if name != "1 MB" else "InvalidResponseError",
        of={"chat", "stream", "batch on a loop"}.__contains__,
    )
    for name, body in _BODIES.items()
}


def _events(*parts: bytes, cut: bool = False) -> Manner:
    """An event stream in packets."""

    def manner(wire: Wire, _: Received) -> bool:
        wire.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
        for part in parts:
            wire.send(part)
            time.sleep(0.001)
        return reset(wire, _) if cut else False

    return manner


def _lines(*chunks: dict[str, Any], end: bytes = b"\n\n") -> list[bytes]:
    return [b"data: " + json.dumps(chunk, ensure_ascii=False).encode() + end for chunk in chunks]


def _split(data: bytes) -> Iterator[bytes]:
    return (data[at : at + 1] for at in range(len(data)))


_WHOLE = b"".join(_lines(*CHUNKS)) + b"data: [DONE]\n\n"

#: What can be wrong with a stream of events.
STREAMS: dict[str, Fault] = {
    name: Fault(lambda _, manner=manner: manner, outcome, again, of="stream".__eq__)
    for name, (manner, outcome, again) in {
        "whole": (_events(_WHOLE), "answer", NEVER),
        "comments and fields": (_events(b": ping\n\nid: 1\nretry: 5\nevent: x\n" + _WHOLE), "answer", NEVER),
        "CRLF": (_events(_WHOLE.replace(b"\n", b"\r\n")), "answer", NEVER),
        "CR": (_events(_WHOLE.replace(b"\n", b"\r")), "answer", NEVER),
        "a byte order mark": (_events(b"\xef\xbb\xbf" + _WHOLE), "answer", NEVER),
        "a character split": (_events(*_split(_WHOLE)), "answer", NEVER),
        "without [DONE]": (_events(*_lines(*CHUNKS)), "answer", NEVER),
        "without [DONE] and the end": (
            _events(*_lines(CHUNKS[0])),
            "InvalidResponseError or APIConnectionError",
            NEVER,
        ),
        "cut before the first": (_events(cut=True), "APIConnectionError", NEVER),
        "cut within an event": (_events(_WHOLE[:60]), "InvalidResponseError or APIConnectionError", NEVER),
        "reset after an event": (_events(*_lines(CHUNKS[0]), cut=True), "APIConnectionError", NEVER),
        "an error event": (
            _events(*_lines(CHUNKS[0], {"error": {"message": "overloaded", "code": 503}})),
            "APIStatusError or InvalidResponseError",
            NEVER,
        ),
        "an error first": (
            _events(*_lines({"error": {"message": "overloaded"}})),
            "APIStatusError or InvalidResponseError",
            NEVER,
        ),
        "no JSON": (_events(b"data: {oops\n\n"), "InvalidResponseError", NEVER),
        "no object": (_events(b"data: [1]\n\n"), "InvalidResponseError", NEVER),
        "nothing but [DONE]": (_events(b"data: [DONE]\n\n"), "InvalidResponseError", NEVER),
        "no events": (_events(b""), "InvalidResponseError or APIConnectionError", NEVER),
        "silence after an event": (
            lambda wire, received: _events(*_lines(CHUNKS[0]))(wire, received) or hang(wire, received),
            "APITimeoutError",
            NEVER,
        ),
        "endless without a blank line": (
            _endless(b"data: " + b"x" * 50_000 + b"\n", "text/event-stream")(None),
            "InvalidResponseError",
            NEVER,
        ),
        "endless comments": (
            _endless(b":" + b"x" * 50_000 + b"\n", "text/event-stream")(None),
            "InvalidResponseError",
            NEVER,
        ),
    }.items()
}


def _answer(fields: dict[str, Any]) -> Callable[[Endpoint], Manner]:
    """A choice with other fields than a good one, as JSON or as a stream."""
    message = {"role": "assistant", "content": fields.get("content"), **fields.get("message", {})}
    end = {"finish_reason": fields.get("finish_reason", "stop"), **fields.get("choice", {})}

    def make(endpoint: Endpoint) -> Manner:
        if endpoint.kind == "text/event-stream":
            events = ({"choices": [{"index": 0, "delta": message}]}, {"choices": [{"index": 0, "delta": {}, **end}]})
            return _events(*(f"data: {json.dumps(each)}\n\n".encode() for each in events), b"data: [DONE]\n\n")
        completion = {**json.loads(endpoint.body), "choices": [{"index": 0, "message": message, **end}]}
        return respond(200, json.dumps(completion).encode(), {"Content-Type": endpoint.kind})

    return make


_CUT_CALL = {"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f", "arguments": '{"city": '}}]}

#: What a model or its service does in place of a whole answer.
ANSWERS: dict[str, Fault] = {
    name: Fault(_answer(fields), outcome, of={"chat", "stream"}.__contains__)
    for name, (fields, outcome) in {
        "an answer without text": ({}, "InvalidOutputError"),
        "reasoning alone": ({"message": {"reasoning_content": "Hm."}}, "InvalidOutputError"),
        "reasoning alone, in tags": ({"content": "<think>Hm."}, "InvalidOutputError"),
        "a refusal": ({"message": {"refusal": "I may not."}}, "AnswerWithheldError"),
        "withheld by a content filter": (
            {"content": "Half a", "finish_reason": "content_filter"},
            "AnswerWithheldError",
        ),
        "aborted": ({"content": "Half a", "finish_reason": "abort"}, "InvalidOutputError"),
        "an error in the choice": (
            {"content": "Half a", "choice": {"error": {"message": "no"}}},
            "InvalidResponseError",
        ),
        "cut before the first word": ({"content": "", "finish_reason": "length"}, "OutputTruncatedError"),
        "cut in a tool call": ({"message": _CUT_CALL, "finish_reason": "length"}, "OutputTruncatedError"),
        "cut in the text": ({"content": "Half a", "finish_reason": "length"}, "answer"),
        "half of a character": ({"content": "Half \ud83d"}, "answer"),
    }.items()
}
