"""
What a strict sandbox refuses, and that the same is accepted otherwise.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from apache_airflow_provider_ovhcloud_ai.sandbox.endpoints.strict import check_strictly
from apache_airflow_provider_ovhcloud_ai.sandbox.http.messages import Refusal, Request
from support.sandbox import CHAT, QUESTION, TOOL

CALL = {"id": "call-1", "type": "function", "function": {"name": "look_up", "arguments": "{}"}}
ANSWER = {"role": "tool", "tool_call_id": "call-1", "content": "Rain"}
TOKEN = {"authorization": "Bearer sandbox-token"}


def calling(*calls: Any, content: Any = None) -> dict[str, Any]:
    return {"role": "assistant", "content": content, "tool_calls": list(calls)}


def answer(path: str, payload: Any, *, strict: bool) -> Any:
    sandbox = Sandbox(strict=strict)
    return sandbox._service.answer(Request("POST", path, TOKEN, json.dumps(payload).encode()))


@pytest.mark.parametrize(
    ("path", "payload", "status"),
    [
        ("/v1/chat/completions", {"stream": True, "stream_options": {"include_usage": True}}, 400),
        ("/v1/chat/completions", {"tools": [TOOL], "parallel_tool_calls": True}, 400),
        ("/v1/embeddings", {"model": "bge-m3", "input": "a", "encoding_format": "base64"}, 422),
    ],
)
def test_optional_fields(path: str, payload: dict[str, Any], status: int) -> None:
    chat = {} if "input" in payload else {"model": CHAT, "messages": QUESTION}
    refused = answer(path, chat | payload, strict=True)
    assert refused.status == status
    assert list(payload)[-1] in json.dumps(refused.body)
    assert answer(path, chat | payload, strict=False).status == 200
    del payload[list(payload)[-1]]
    assert answer(path, chat | payload, strict=True).status == 200


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        ([calling({**CALL, "id": None}), ANSWER], "messages[1]: a tool call needs an id"),
        ([calling({**CALL, "id": ""}), ANSWER], "messages[1]: a tool call needs an id"),
        ([calling({**CALL, "type": None}), ANSWER], "messages[1]: the type of a tool call must be 'function'"),
        ([calling("text"), ANSWER], "messages[1]: a tool call needs an id"),
        *[
            (
                [calling({**CALL, "function": {"name": "look_up", "arguments": arguments}}), ANSWER],
                "messages[1]: the arguments of a tool call must be a JSON object in a string",
            )
            for arguments in (None, {}, "", '{"city": "Par', "[]", "NaN")
        ],
        ([calling(CALL), {**ANSWER, "tool_call_id": ""}], "messages[2]: tool_call_id is not the id of a tool call"),
        ([calling(CALL), {**ANSWER, "tool_call_id": "call-2"}], "messages[2]: tool_call_id is not the id"),
        ([calling(CALL), ANSWER, ANSWER], "messages[3]: tool_call_id is not the id of a tool call before it"),
        ([calling(CALL)], "messages[1]: tool calls have no answer: call-1"),
        ([calling(CALL), *QUESTION, ANSWER], "messages[2]: the tool calls before it have no answer: call-1"),
        ([{"role": "assistant", "content": None}], "messages[1]: content must not be null"),
        ([calling()], "messages[1]: content must not be null"),
        ([calling(CALL), {**ANSWER, "content": None}], "messages[2]: content must not be null"),
    ],
)
def test_messages_that_do_not_fit_together(messages: list[Any], words: str) -> None:
    with pytest.raises(Refusal) as refused:
        check_strictly("/v1/chat/completions", {"messages": [*QUESTION, *messages]})
    assert refused.value.response.status == 422
    assert words in refused.value.response.body["error"]["message"]


@pytest.mark.parametrize(
    "messages",
    [
        [calling(CALL), ANSWER],
        [calling(CALL, {**CALL, "id": "call-2"}), {**ANSWER, "tool_call_id": "call-2"}, ANSWER, *QUESTION],
        [calling(CALL, content="Let me see."), ANSWER, {"role": "assistant", "content": ""}, *QUESTION],
    ],
)
def test_messages_that_fit_together(messages: list[Any]) -> None:
    payload = {"model": CHAT, "messages": [*QUESTION, *messages]}
    assert answer("/v1/chat/completions", payload, strict=True).status == 200


def test_lines_of_a_batch_are_checked_too() -> None:
    sandbox = Sandbox(strict=True)
    (create, *_) = (route.endpoint for route in sandbox._service._routes if route.path == "/v1/batches")
    batches = create.__self__  # type: ignore[union-attr]  # it is a method
    status, _ = batches._run("/v1/embeddings", {"model": "bge-m3", "input": "a", "encoding_format": "float"})
    assert status == 422
