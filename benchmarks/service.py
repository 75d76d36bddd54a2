"""
A service in a process of its own that answers every request with the same words as fast as it can.

    python service.py [--certificate FILE] [--delay SECONDS] [--silent]

Prints its address, and ends with its standard input. With a delay, a relay in front of it holds every byte back for so
long in each direction, as a network of that distance would.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import ssl
import sys

ANSWER = {
    "id": "chatcmpl-0123456789",
    "object": "chat.completion",
    "created": 1767225600,
    "model": "gpt-oss-120b",
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "Paris. " * 20}, "finish_reason": "stop"},
    ],
    "usage": {"prompt_tokens": 12, "completion_tokens": 40, "total_tokens": 52},
}
BODY = json.dumps(ANSWER).encode()
RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY)


class Answering(asyncio.Protocol):
    """One connection: counts the bytes of each request, and answers when the last has come."""

    def connection_made(self, transport):
        self.transport = transport
        self.received = b""

    def data_received(self, data):
        self.received += data
        while (end := self.received.find(b"\r\n\r\n")) >= 0:
            length = content_length(self.received[:end])
            if len(self.received) < end + 4 + length:
                return
            head, body = self.received[:end], self.received[end + 4 : end + 4 + length]
            self.received = self.received[end + 4 + length :]
            self.answer(head, body)

    def answer(self, head, body):
        self.transport.write(RESPONSE)


def content_length(head):
    """Read how long the body is."""
    lines = head.lower().split(b"\r\n")
    return next((int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length:")), 0)


class Relay(asyncio.Protocol):
    """One side of a relayed connection: hands bytes on to the other side after a while."""

    def __init__(self, delay, other=None):
        self.delay = delay
        self.other = other
        self.early = []

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        asyncio.get_running_loop().call_later(self.delay, self.hand_on, data)

    def connection_lost(self, error):
        asyncio.get_running_loop().call_later(self.delay, self.hand_on, None)

    def hand_on(self, data):
        if self.other is None:
            self.early.append(data)
        elif data is None:
            self.other.transport.close()
        else:
            self.other.transport.write(data)


class Entrance(Relay):
    """The side that clients connect to; it connects on to the service at the distance of the delay."""

    def __init__(self, delay, port):
        super().__init__(delay)
        self.port = port

    def connection_made(self, transport):
        super().connection_made(transport)
        self.task = asyncio.get_running_loop().create_task(self.connect())

    async def connect(self):
        # The client's own handshake with this end costs nothing; one round trip makes up for it.
        await asyncio.sleep(2 * self.delay)
        loop = asyncio.get_running_loop()
        _, exit_ = await loop.create_connection(lambda: Relay(self.delay, self), "127.0.0.1", self.port)
        self.other = exit_
        early, self.early = self.early, []
        for data in early:
            self.hand_on(data)


async def main(options):
    """Serve until standard input ends."""
    loop = asyncio.get_running_loop()
    context = None
    if options.certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.certificate)
    kind = asyncio.Protocol if options.silent else Answering
    service = await loop.create_server(kind, "127.0.0.1", 0, ssl=context)
    port = service.sockets[0].getsockname()[1]
    door = port
    if options.delay:
        entrance = await loop.create_server(lambda: Entrance(options.delay, port), "127.0.0.1", 0)
        door = entrance.sockets[0].getsockname()[1]
    print(f"{'https' if context else 'http'}://127.0.0.1:{door}/v1", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--certificate", help="PEM file with key and chain, for TLS")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds in each direction")
    parser.add_argument("--silent", action="store_true", help="accept connections and never answer")
    asyncio.run(main(parser.parse_args()))
