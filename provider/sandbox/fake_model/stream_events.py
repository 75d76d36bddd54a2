"""A chat answer as the events of a stream."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from . import tokenizer
from .answers import Answer


def events(head: dict[str, Any], made: Answer, usage: dict[str, Any] | None) -> Iterator[dict[str, Any]]:
    """
    Split an answer into chunks.

    :param head: what every chunk repeats: id, created, model
    :param made: the answer
    :param usage: counts for a last chunk without choices, where they were asked for
    :return: the chunks
    """
    head = {**head, "object": "chat.completion.chunk"}
    for delta in _deltas(made):
        yield {**head, "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}]}
    yield {**head, "choices": [{"index": 0, "delta": {}, "logprobs": None, "finish_reason": made.finish_reason}]}
    if usage is not None:
        yield {**head, "choices": [], "usage": usage}


def _deltas(made: Answer) -> Iterator[dict[str, Any]]:
    yield {"role": "assistant", "content": ""}
    for piece in tokenizer.pieces(made.reasoning):
        yield {"reasoning": piece}
    for piece in tokenizer.pieces(made.content or ""):
        yield {"content": piece}
    for index, call in enumerate(made.tool_calls):
        function = call["function"]
        begin = {"name": function["name"], "arguments": ""}
        yield {"tool_calls": [{"index": index, "id": call["id"], "type": "function", "function": begin}]}
        for piece in tokenizer.pieces(function["arguments"]):
            yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}
