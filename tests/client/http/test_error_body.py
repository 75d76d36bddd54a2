from __future__ import annotations

import json
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.client.http.error_body import (
    MAX_NESTED_CHARS,
    MAX_WORDS_CHARS,
    find_error,
    read_error,
)


def nest(depth: int) -> Any:
    return {"error": nest(depth - 1)} if depth else {"message": "deep"}


#: JSON of errors, by who sends it; and its words, code and status.
ERRORS: dict[str, tuple[Any, str, str | None, int | None]] = {
    "OpenAI": (
        {"error": {"message": "Bad", "type": "invalid_request_error", "param": None, "code": "invalid_api_key"}},
        "Bad",
        "invalid_api_key",
        401,
    ),
    "OpenRouter": (
        {"error": {"message": "Provider returned error", "code": 429, "metadata": {"raw": '{"error": "Slow down"}'}}},
        "Provider returned error: Slow down",
        "429",
        429,
    ),
    "Gemini": (
        [{"error": {"code": 400, "message": "API key not valid", "status": "INVALID_ARGUMENT"}}],
        "API key not valid",
        "INVALID_ARGUMENT",
        400,
    ),
    "Anthropic": (
        {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
        "Overloaded",
        "overloaded_error",
        529,
    ),
    "vLLM, old": (
        {"object": "error", "message": "No such", "type": "NotFoundError", "code": 404},
        "No such",
        "NotFoundError",
        404,
    ),
    "FastChat": ({"text": "**NETWORK ERROR**", "error_code": 50002}, "**NETWORK ERROR**", "50002", None),
    "FastAPI": ({"detail": "Not authenticated"}, "Not authenticated", None, None),
    "Cloudflare": (
        {"success": False, "errors": [{"code": 10000, "message": "Authentication error"}], "result": None},
        "Authentication error",
        "10000",
        None,
    ),
    "Cloudflare, strings": ({"success": False, "errors": ["one", "two"]}, "one; two", None, None),
    "only success": ({"success": False}, "", None, None),
    "only status": ({"status": "error", "message": "boom"}, "boom", None, None),
    "RFC 9457": (
        {"type": "about:blank", "title": "Too many requests", "status": 429, "detail": "Slow down"},
        "Too many requests: Slow down",
        "429",
        429,
    ),
    "Spring": ({"status": 404, "error": "Not Found", "message": "No handler", "path": "/x"}, "No handler", "404", 404),
    "Spring without a message": ({"status": 404, "error": "Not Found", "path": "/x"}, "Not Found", "404", 404),
    "AWS": (
        {"Message": "No", "__type": "com.amazon.coral#AccessDeniedException"},
        "No",
        "AccessDeniedException",
        403,
    ),
    "Apigee": ({"fault": {"faultstring": "Over quota", "detail": {"code": 1}}}, "Over quota", None, None),
    "OAuth": ({"error": "invalid_token", "error_description": "Expired"}, "Expired", "invalid_token", None),
    "OAuth, only a code": ({"error": "unauthorized"}, "unauthorized", None, 401),
    "msg": ({"msg": "No", "code": 401, "data": None}, "No", "401", 401),
    "errorMessage": ({"errorMessage": "boom"}, "boom", None, None),
    "error_msg": ({"error_code": 336003, "error_msg": "Open api daily limit"}, "Open api daily limit", "336003", None),
    "JSON in a message": (
        {"error": {"message": '{"error": {"message": "inner"}}', "code": 503}},
        "inner",
        "503",
        503,
    ),
    "message as an object": ({"error": {"message": {"error": "inner"}}}, "inner", None, None),
    "a message without words": ({"error": {"message": {"a": 1}}}, '{"a": 1}', None, None),
    "a choice": ({"index": 0, "message": {"content": ""}, "error": {"message": "Up", "code": 502}}, "Up", "502", 502),
}


@pytest.mark.parametrize("sender", ERRORS)
def test_error_is_found(sender: str) -> None:
    value, *fields = ERRORS[sender]
    assert find_error(value) == read_error(value) == tuple(fields)


@pytest.mark.parametrize(
    "value",
    [
        {"choices": [{}], "error": None},
        {"choices": [{}], "error": {"message": "of a kind of its own"}},
        {"choices": [], "usage": {}, "error": None},
        {"id": "b", "object": "batch", "status": "failed", "errors": {"data": [{"message": "x"}]}},
        {"id": "r", "object": "response", "status": "failed", "error": {"message": "x"}},
        {"id": "f", "object": "file", "status": "error", "status_details": "x"},
        {"object": "list", "data": [], "error": None},
        {"object": "list", "data": [{}], "code": 500, "message": "x"},
        {"code": 0, "message": "ok"},
        {"text": "Hello", "error_code": 0},
        {"text": "Hello", "detail": "fine"},
        {"success": True, "errors": []},
        {"message": {"content": "Hello"}, "done": True},
        {"message": "Hello"},
        [{"id": "model"}],
        {"status": "9" * 5_000, "message": "Hello"},
        [],
        {},
        None,
        "error",
        5,
    ],
    ids=repr,
)
def test_no_error_is_found(value: Any) -> None:
    assert find_error(value) is None


def test_search_is_bounded() -> None:
    assert read_error(nest(3)).words == "deep"
    assert "deep" in read_error(nest(50)).words
    text = json.dumps({"message": "x" * MAX_NESTED_CHARS})
    assert read_error({"message": text}).words == text
    assert read_error({"errors": ["x"] * 1_000_000}).words == "x; x; x"
    assert set(read_error({"message": "two " * MAX_WORDS_CHARS}).words.split()) == {"two"}
    assert len(read_error({"message": "two " * MAX_WORDS_CHARS}).words) <= MAX_WORDS_CHARS
