"""
A service under load in a process of its own, whose answers are made beforehand, so that clients are what is measured.

    python load.py SECONDS [--spread SHARE] [--limit REQUESTS --window SECONDS]

Answers so many seconds after a request has arrived, give or take a share of them. With a limit, it lets so many
requests through in each window and says so as Kong does. Prints its address, and ends with its standard input.
``GET /figures`` returns what it did since the last such request.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import math
import random
import re
import selectors
import socket
import statistics
import sys
import time
from array import array
from pathlib import Path

from service import BODY, Answering

sys.path.insert(0, str(Path(__file__).with_name("in_process")))

import corpus

NUMBERS = re.compile(rb"Text (\d+): ")
USAGE = b'"usage":{"prompt_tokens":2000,"total_tokens":2000}'
BATCH = 25


class Vectors:
    """
    Embeddings of the corpus, as bytes.
    """

    def __init__(self):
        tails = corpus.tails()
        self.numbers = [json.dumps(tail.tolist()).encode()[1:] for tail in tails]
        whole = (array("f", [number]) + tails[number % corpus.KINDS] for number in range(corpus.TEXTS))
        self.base64 = [base64.b64encode(vector.tobytes()) for vector in whole]

    def body(self, request):
        """Answer one request."""
        # Further texts get the vectors again.
        indexes = [int(number) % corpus.TEXTS for number in NUMBERS.findall(request)]
        encoded = b'"encoding_format":"base64"' in request.replace(b" ", b"")
        head = b'{"object":"embedding","index":%d,"embedding":%s}'
        data = [head % (index, self.value(number, encoded)) for index, number in enumerate(indexes)]
        return b'{"object":"list","data":[%s],"model":"bge-m3",%s}' % (b",".join(data), USAGE)

    def value(self, number, encoded):
        """Write one vector."""
        if encoded:
            return b'"%s"' % self.base64[number]
        return b"[%d.0,%s" % (number, self.numbers[number % corpus.KINDS])


class Limit:
    """
    Kong's fixed windows. The first request comes in the middle of one, as requests do.

    :param allowed: requests in a window, None for any number
    :param window: seconds of a window, which the headers call a minute
    """

    def __init__(self, allowed, window):
        self.allowed, self.window = allowed, window
        self.begin, self.count = None, 0

    def take(self, now):
        """Count a request: whether it passes, and what the headers say."""
        if self.allowed is None:
            return True, b""
        self.begin = now - self.window / 2 if self.begin is None else self.begin
        gone = (now - self.begin) // self.window
        if gone:
            self.begin, self.count = self.begin + gone * self.window, 0
        passes = self.count < self.allowed
        self.count += passes
        reset = math.ceil((self.begin + self.window - now) * 60 / self.window)
        return passes, self.headers(passes, self.allowed - self.count, reset)

    def headers(self, passes, left, reset):
        """Say it."""
        lines = [
            f"x-ratelimit-limit-minute: {self.allowed}",
            f"x-ratelimit-remaining-minute: {left}",
            f"RateLimit-Limit: {self.allowed}",
            f"RateLimit-Remaining: {left}",
            f"RateLimit-Reset: {reset}",
            *([] if passes else [f"Retry-After: {reset}"]),
        ]
        return "".join(f"{line}\r\n" for line in lines).encode()


class Figures:
    """
    What was done: moments at which requests passed, how many did not, and what answering cost beyond the delay.
    """

    def __init__(self):
        self.passed, self.refused = [], 0
        self.busy, self.late = [], []

    def report(self):
        """Sum it up."""
        return {
            "passed": len(self.passed),
            "refused": self.refused,
            "moments": [moment - self.passed[0] for moment in self.passed],
            "seconds": self.passed[-1] - self.passed[0] if self.passed else 0.0,
            "busy": statistics.mean(self.busy or [0.0]),
            "late": statistics.mean(self.late or [0.0]),
        }


class Loaded(Answering):
    """
    One connection to the service.

    :param service: what all share
    """

    def __init__(self, service):
        self.service = service

    def connection_made(self, transport):
        """Make room for a whole answer, so that it leaves at once."""
        super().connection_made(transport)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1_000_000)

    def answer(self, head, body):
        """Prepare the answer, and send it when it is due."""
        arrived = time.monotonic()
        if head.startswith(b"GET"):
            figures, self.service.figures = self.service.figures.report(), Figures()
            self.transport.write(respond(b"200 OK", json.dumps(figures).encode()))
            return
        passes, prepared = self.service.answer(head, body, arrived)
        due = arrived + (self.service.pick_delay() if passes else 0.0)
        self.service.figures.busy.append(time.monotonic() - arrived)
        asyncio.get_running_loop().call_at(due, self.send, due, prepared)

    def send(self, due, prepared):
        """Send it, and note how late that was."""
        started = time.monotonic()
        self.transport.write(prepared)
        self.service.figures.late.append(started - due)
        self.service.figures.busy.append(time.monotonic() - started)


class Service:
    """
    What all connections share.

    :param delay: mean seconds from a request to its answer
    :param spread: share by which they vary, up or down
    :param limit: how many pass
    """

    def __init__(self, delay, spread, limit):
        self.delay, self.spread, self.limit = delay, spread, limit
        self.random = random.Random(7)
        self.vectors = Vectors()
        self.figures = Figures()

    def pick_delay(self):
        """Pick the seconds of one answer."""
        return self.delay * (1 + self.random.uniform(-self.spread, self.spread))

    def answer(self, head, body, now):
        """Answer a request: whether it passes the limit, and with what."""
        passes, headers = self.limit.take(now)
        if not passes:
            self.figures.refused += 1
            return False, respond(b"429 Too Many Requests", b'{"message": "API rate limit exceeded"}', headers)
        self.figures.passed.append(now)
        if b"/embeddings " not in head:
            return True, respond(b"200 OK", BODY, headers)
        if len(NUMBERS.findall(body)) > BATCH:
            return True, respond(
                b"400 Bad Request", b'{"message": "too many inputs: the limit is %d"}' % BATCH, headers
            )
        return True, respond(b"200 OK", self.vectors.body(body), headers)


def respond(status, body, headers=b""):
    """Write an HTTP response."""
    lines = b"HTTP/1.1 %s\r\n%sContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
    return lines % (status, headers, len(body), body)


async def main(options):
    """Serve until standard input ends."""
    service = Service(options.delay, options.spread, Limit(options.limit, options.window))
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Loaded(service), "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("delay", type=float, help="seconds from a request to its answer")
    parser.add_argument("--spread", type=float, default=0.0, help="share by which they vary")
    parser.add_argument("--limit", type=int, help="requests in a window")
    parser.add_argument("--window", type=float, default=60.0, help="seconds")
    # select() waits for microseconds where epoll rounds up to milliseconds.
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selectors.SelectSelector())) as runner:
        runner.run(main(parser.parse_args()))
