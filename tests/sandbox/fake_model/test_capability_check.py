from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from support.sandbox import PIXEL, TOOL, check_refusal

Ask = Callable[..., Any]


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"stream_options": {"include_usage": True}}, "needs 'stream': true"),
        ({"top_logprobs": 2}, "needs 'logprobs': true"),
        ({"messages": [{"role": "user", "content": [PIXEL]}]}, "does not read"),
        ({"messages": [{"role": "user", "content": "a " * 140_000}]}, "more than the context of 131072"),
        ({"tool_choice": "auto"}, "needs 'tools'"),
        ({"tools": [TOOL], "model": "Qwen2.5-VL-72B-Instruct"}, "'tools' is not supported by Qwen2.5"),
        ({"response_format": {"type": "text"}, "model": "Qwen3Guard-Gen-0.6B"}, "not supported by Qwen3Guard"),
        ({"reasoning_effort": "low"}, "not supported by Meta-Llama"),
        ({"reasoning_effort": "none", "model": "gpt-oss-20b"}, "one of low, medium, high for gpt-oss-20b"),
        ({"reasoning_effort": "max", "model": "gpt-oss-20b"}, "'reasoning_effort'"),
    ],
)
def test_parameters_that_fit_neither_the_model_nor_each_other_are_refused(
    chat: Ask, params: dict[str, Any], words: str
) -> None:
    check_refusal(chat(**params), words)
