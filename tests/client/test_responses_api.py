"""
Responses of any shape: read, or refused in a sentence.
"""

from __future__ import annotations

from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.client import responses_api
from apache_airflow_provider_ovhcloud_ai.client.http.http_response import HTTPResponse
from apache_airflow_provider_ovhcloud_ai.client.settings import ClientSettings
from apache_airflow_provider_ovhcloud_ai.errors import (
    AnswerWithheldError,
    InvalidOutputError,
    InvalidResponseError,
    OutputTruncatedError,
)
from hypothesis import given
from hypothesis import strategies as st

SENT = responses_api.request("m", "Hi")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "content", "text", "status", "output", "usage", "message", "output_text"]), inner
        )
    ),
    max_leaves=10,
)
ITEM = st.fixed_dictionaries({"type": st.sampled_from(["message", "function_call", "x"]) | JSON, "content": JSON})
RESPONSE = st.fixed_dictionaries(
    {},
    optional={
        "status": st.sampled_from(["completed", "incomplete", "failed"]) | JSON,
        "output": st.lists(ITEM | JSON, max_size=3) | JSON,
        "usage": JSON,
        "error": JSON,
    },
)


@given(value=RESPONSE)
def test_any_response_is_read_or_refused(value: Any) -> None:
    responses_api.to_chat_usage(value)
    try:
        response = responses_api.check(value, HTTPResponse(200, {}, b""), SENT, ClientSettings())
    except (InvalidResponseError, InvalidOutputError, OutputTruncatedError) as error:
        assert str(error).endswith((".", "..."))  # noqa: PT017  (either is right)
    else:
        assert isinstance(responses_api.read_text(response), str)


def test_texts_of_all_messages_are_one() -> None:
    part = {"type": "output_text", "text": "a"}
    output = [
        {"type": "reasoning"},
        {"type": "message", "content": [part, part]},
        {"type": "message", "content": [part]},
    ]
    assert responses_api.read_text({"output": output}) == "aaa"


def test_the_token_is_not_in_what_failed() -> None:
    value = {"status": "failed", "error": {"message": "no: secret-token-4711"}}
    with pytest.raises(InvalidResponseError, match=r"failed: no: \*\*\*"):
        responses_api.check(value, HTTPResponse(200, {}, b""), SENT, ClientSettings(token="secret-token-4711"))


def respond(*parts: Any, status: str = "completed", **fields: Any) -> dict[str, Any]:
    return {"status": status, "output": [{"type": "message", "content": list(parts)}], **fields}


def say(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text}


CUT = {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
FILTERED = {"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}
BROKEN_CALL = {"type": "function_call", "name": "f", "arguments": '{"a'}


@pytest.mark.parametrize(
    ("value", "kind", "words"),
    [
        ({"output": []}, InvalidOutputError, "has no text"),
        (respond(say(" ")), InvalidOutputError, "has no text"),
        (respond(say("<think>Hm.")), InvalidOutputError, "has reasoning, but no text"),
        ({"output": [{"type": "reasoning", "summary": []}]}, InvalidOutputError, "has reasoning, but no text"),
        (respond({"type": "refusal", "refusal": "I may not."}), AnswerWithheldError, "refused to answer"),
        (respond(say("Half"), **FILTERED), AnswerWithheldError, "A content filter withheld the answer"),
        (respond(**CUT), OutputTruncatedError, "Raise max_output_tokens"),
        ({"output": [BROKEN_CALL], **CUT}, OutputTruncatedError, "within the arguments of a tool call"),
        *(
            (respond(say("Half"), status=each), InvalidOutputError, each)
            for each in ("cancelled", "queued", "in_progress")
        ),
        ({"status": "failed", "error": {"message": "out of memory"}}, InvalidResponseError, "out of memory"),
    ],
)
def test_unusable_response_is_an_error(value: Any, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words) as caught:
        responses_api.check(value, HTTPResponse(200, {}, b""), SENT, ClientSettings())
    assert caught.value.response is value  # type: ignore[attr-defined]  # each of them has it


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (respond(say("Yes.")), "Yes."),
        (respond(say("<think>Hm.</think>\nYes.")), "Yes."),
        (respond(say("Hm.</think>Yes.")), "Yes."),
        (respond(say("Ye"), **CUT), "Ye"),
        ({"output": [{"type": "function_call", "name": "f", "arguments": "{}"}]}, ""),
        ({"output": [{"type": "web_search_call"}]}, ""),
    ],
)
def test_usable_response_is_returned_without_reasoning(value: Any, text: str) -> None:
    assert responses_api.check(value, HTTPResponse(200, {}, b""), SENT, ClientSettings()) is value
    assert responses_api.read_text(value) == text
