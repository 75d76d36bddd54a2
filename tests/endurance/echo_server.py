"""
A fast service in a process of its own, whose every answer is a function of its prompt.

``GET /v1/seen`` returns what it measures of its clients.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import subprocess
import sys
import urllib.request
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any


def answer_to(prompt: str) -> str:
    """
    Of 64 to 1,024 characters, so that a response that is taken for another's has the wrong length as well.
    """
    digest = hashlib.sha256(prompt.encode()).hexdigest()
    return digest * (1 + int(digest[0], 16))


class Answering:
    """
    The service while its context lasts.
    """

    def __enter__(self) -> Answering:
        self._process = subprocess.Popen([sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdout
        self.base_url = f"http://127.0.0.1:{int(self._process.stdout.readline())}/v1"
        self.connection = {"conn_type": "ovh_ai_endpoints", "host": self.base_url, "password": "some-token"}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        # It ends with its standard input, and so with whoever started it.
        self._process.communicate()

    def read_counts(self) -> dict[str, int]:
        """
        Connections that were accepted, that are open, and that were open at most; and requests.
        """
        with urllib.request.urlopen(f"{self.base_url}/seen") as response:
            return json.load(response)


@dataclass
class _Service:
    counts: dict[str, int] = field(default_factory=lambda: {"accepted": 0, "open": 0, "most": 0, "requests": 0})

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        counts = self.counts
        counts["accepted"] += 1
        counts["open"] += 1
        counts["most"] = max(counts["most"], counts["open"])
        try:
            await self._converse(reader, writer)
        finally:
            counts["open"] -= 1
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
                length = head.partition("content-length:")[2].partition("\r\n")[0]
                body = await reader.readexactly(int(length or 0))
                writer.write(_message(self._answer(body, writer.get_extra_info("peername")[1])))
                await writer.drain()

    def _answer(self, body: bytes, port: int) -> dict[str, Any]:
        if not body:
            return self.counts
        self.counts["requests"] += 1
        request = json.loads(body)
        message = {"role": "assistant", "content": answer_to(request["messages"][-1]["content"])}
        # Which of the client's ports it came from: two processes that share a socket share its port.
        return {
            "id": str(port),
            "object": "chat.completion",
            "model": request["model"],
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
        }


def _message(value: dict[str, Any]) -> bytes:
    body = json.dumps(value).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body


async def _main() -> None:
    server = await asyncio.start_server(_Service().serve, "127.0.0.1", 0, backlog=256)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(_main())
