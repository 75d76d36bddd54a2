"""
Whether an answer is usable: by its text, its tool calls, and the reason why it ended.
"""

from __future__ import annotations

from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.client.answer_check import Answer, find_fault, is_cut
from apache_airflow_provider_ovhcloud_ai.errors import AnswerWithheldError, InvalidOutputError, OutputTruncatedError
from support.services import TOKEN

CUT = ("length", "LENGTH", "max_tokens", "MAX_TOKENS", "max-output-tokens", "model_length")
WITHHELD = ("content_filter", "Content-Filter", "SAFETY", "sensitive", "refusal", "ERROR_TOXIC")
BROKEN = ("abort", "error", "ERROR", "insufficient_system_resource", "network_error", "cancelled", "queued")
WHOLE = ("stop", "STOP", "eos", "end_turn", "COMPLETE", "tool_calls", "stop_sequence", "unheard of", None, "")
CALL = {"name": "f", "arguments": '{"a": 1}'}
CONTENTS: list[dict[str, Any]] = [{}, {"text": "", "calls": [CALL]}, {"text": "", "has_media": True}, {"refusal": "No"}]


def find(**fields: Any) -> Any:
    return find_fault(Answer(**{"text": "Yes", "finish_reason": "stop", **fields}), "m", None)


@pytest.mark.parametrize("reason", [*WHOLE, *CUT])
@pytest.mark.parametrize("fields", CONTENTS)
def test_answer_with_content_is_usable(reason: Any, fields: dict[str, Any]) -> None:
    assert find(finish_reason=reason, **fields) is None
    assert is_cut(reason) == (reason in CUT)


@pytest.mark.parametrize("text", ["", " \n", "Half a"])
@pytest.mark.parametrize("calls", [[], [CALL]])
@pytest.mark.parametrize(
    ("reasons", "kind", "retryable", "words"),
    [
        (WITHHELD, AnswerWithheldError, False, "A content filter withheld the answer of m (finish_reason '{}')"),
        (BROKEN, InvalidOutputError, True, "The service broke off the answer of m (finish_reason '{}')"),
    ],
)
def test_answer_without_its_end_is_not_usable(
    text: str, calls: Any, reasons: Any, kind: type[Exception], retryable: bool, words: str
) -> None:
    for reason in reasons:
        fault = find(text=text, calls=calls, finish_reason=reason)
        assert type(fault) is kind
        assert (fault.retryable, str(fault).startswith(words.format(reason))) == (retryable, True)


@pytest.mark.parametrize("text", ["", " \n"])
@pytest.mark.parametrize(
    ("fields", "kind", "words"),
    [
        ({}, InvalidOutputError, "has no text (finish_reason 'stop')"),
        ({"finish_reason": None}, InvalidOutputError, "The answer of m has no text, and was billed"),
        ({"has_reasoning": True}, InvalidOutputError, "has reasoning, but no text"),
        ({"refusal": "I may not."}, AnswerWithheldError, "m refused to answer (finish_reason 'stop'): I may not."),
        ({"finish_reason": "length"}, OutputTruncatedError, "before the first word (finish_reason 'length')"),
        ({"finish_reason": "length", "has_reasoning": True}, OutputTruncatedError, "Raise max_tokens"),
    ],
)
def test_answer_without_text_is_not_usable(text: str, fields: Any, kind: type[Exception], words: str) -> None:
    fault = find(text=text, **fields)
    assert type(fault) is kind
    assert words in str(fault)


@pytest.mark.parametrize("arguments", ['{"a": ', '{"a"'])
@pytest.mark.parametrize("text", ["", "I look it up."])
def test_arguments_that_were_cut_are_reported_as_a_cut(arguments: str, text: str) -> None:
    fault = find(text=text, calls=[CALL, {"arguments": arguments}], finish_reason="length")
    assert isinstance(fault, OutputTruncatedError)
    assert "within the arguments of a tool call" in str(fault)


@pytest.mark.parametrize("arguments", [None, "", {"a": 1}, '{"a": 1}'])
def test_whole_arguments_are_usable_at_the_limit(arguments: Any) -> None:
    assert find(text="", calls=[{"arguments": arguments}], finish_reason="length") is None


@pytest.mark.parametrize("fields", [{"refusal": f"no: {TOKEN}"}, {"finish_reason": f"error {TOKEN}"}])
def test_token_is_in_no_error(fields: Any) -> None:
    fault = find_fault(Answer(**{"text": "", "finish_reason": "stop", **fields}), "m", TOKEN)
    assert fault is not None
    assert TOKEN not in str(fault)


@pytest.mark.parametrize("name", ["refusal", "finish_reason"])
def test_no_part_of_a_long_token_is_in_an_error(name: str) -> None:
    token = "eyJhbGciOi" + "0123456789" * 120
    fault = find_fault(Answer(**{"text": "", "finish_reason": "stop", name: token * 60}), "m", token)
    assert token[:8] not in str(fault)
