"""A chat answer as the events of a stream."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from . import tokenizer
from .answers import Answer


def events(head: dict[str, Any], answer: Answer, usage: dict[str, Any] | None) -> Iterator[dict[str, Any]]:
    """
    Split an answer into chunks.

    :param head: fields of every chunk: id, created, model
    :param answer: the answer
    :param usage: usage for a last chunk without choices, or None to leave that chunk out
    :return: the chunks
    """
    head = {**head, "object": "chat.completion.chunk"}
    for delta in _deltas(answer):
        yield {**head, "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}]}
    yield {**head, "choices": [{"index": 0, "delta": {}, "logprobs": None, "finish_reason": answer.finish_reason}]}
    if usage is not None:
        yield {**head, "choices": [], "usage": usage}


def _deltas(answer: Answer) -> Iterator[dict[str, Any]]:
    yield {"role": "assistant", "content": ""}
    for piece in tokenizer.pieces(answer.reasoning):
        yield {"reasoning": piece}
    for piece in tokenizer.pieces(answer.content or ""):
        yield {"content": piece}
    for index, call in enumerate(answer.tool_calls):
        function = call["function"]
        begin = {"name": function["name"], "arguments": ""}
        yield {"tool_calls": [{"index": index, "id": call["id"], "type": "function", "function": begin}]}
        for piece in tokenizer.pieces(function["arguments"]):
            yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}
