from __future__ import annotations

import json
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai import defaults
from apache_airflow_provider_ovhcloud_ai.client.chat import chat_request
from apache_airflow_provider_ovhcloud_ai.client.http import http_request
from apache_airflow_provider_ovhcloud_ai.client.http.error_responses import parse_error
from apache_airflow_provider_ovhcloud_ai.client.http.http_response import HTTPResponse
from apache_airflow_provider_ovhcloud_ai.client.models import model_list
from apache_airflow_provider_ovhcloud_ai.client.models.model_names import with_suggestions
from apache_airflow_provider_ovhcloud_ai.errors import (
    AIEndpointsError,
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    NotFoundError,
    QuotaExceededError,
    RateLimitError,
)
from support import canary

CHAT = chat_request.chat("gpt-oss-12b", [{"role": "user", "content": "Hi"}])
MODELS = model_list.models()
NOW = 1_790_000_000.0


def refusal(
    status: int, body: Any = b"", request: http_request.Request = CHAT, token: str | None = canary.TOKEN, **headers: str
) -> AIEndpointsError:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {"content-type": "text/plain" if isinstance(body, bytes) else "application/json"}
    named |= {name.replace("_", "-"): value for name, value in headers.items()}
    error = parse_error(HTTPResponse(status, named, content), request, "https://service.example/v1", token, NOW)
    assert error is not None
    return error


@pytest.mark.parametrize("status", [200, 201, 204, 302, 399])
def test_success_is_no_error(status: int) -> None:
    assert parse_error(HTTPResponse(status, {}, b""), CHAT, "https://service.example/v1", None, NOW) is None


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (400, BadRequestError, "400 Bad Request: service.example refused the chat completion. Correct the request"),
        (
            401,
            AuthenticationError,
            "401 Unauthorized: service.example refused the chat completion. Check the API token",
        ),
        (
            402,
            QuotaExceededError,
            "402 Payment Required: service.example refused the chat completion. Check the payment",
        ),
        (403, AuthenticationError, "403 Forbidden: service.example refused the chat completion. Check the API token"),
        (404, NotFoundError, "404 Not Found: service.example refused the chat completion. Check the base URL"),
        (405, BadRequestError, "405 Method Not Allowed: service.example refused the chat completion. Check the base"),
        (407, BadRequestError, "407 Proxy Authentication Required: service.example refused the chat completion. Check"),
        (408, APIStatusError, "408 Request Timeout: service.example refused the chat completion. Try again later"),
        (409, APIStatusError, "409: service.example refused the chat completion. Try again later"),
        (413, BadRequestError, "413 Payload Too Large: service.example refused the chat completion. Send less"),
        (418, BadRequestError, "418: service.example refused the chat completion. Correct the request"),
        (422, BadRequestError, "422 Unprocessable Entity: service.example refused the chat completion. Correct"),
        (429, RateLimitError, "429 Too Many Requests: service.example refused the chat completion. Try again later"),
        (500, APIStatusError, "500 Internal Server Error: service.example failed at the chat completion. Try again"),
        (502, APIStatusError, "502 Bad Gateway: service.example failed at the chat completion. Try again later"),
        (503, APIStatusError, "503 Service Unavailable: service.example failed at the chat completion. Try again"),
        (504, APIStatusError, "504 Gateway Timeout: service.example failed at the chat completion. Try again later"),
        (599, APIStatusError, "599: service.example failed at the chat completion. Try again later"),
    ],
)
def test_status(status: int, kind: type[AIEndpointsError], words: str) -> None:
    error = refusal(status)
    assert (type(error), error.status, error.detail) == (kind, status, None)
    assert str(error).startswith(words)


@pytest.mark.parametrize(
    ("body", "message", "code", "request_id"),
    [
        # Kong, old and new.
        ({"message": "API rate limit exceeded"}, "API rate limit exceeded", None, None),
        ({"message": "Unauthorized", "request_id": "k-1"}, "Unauthorized", None, "k-1"),
        # OpenAI.
        (
            {"error": {"message": "Bad.", "type": "invalid_request_error", "param": None, "code": "invalid_api_key"}},
            "Bad",
            "invalid_api_key",
            None,
        ),
        (
            {"error": {"message": "Bad", "type": "invalid_request_error", "code": None}},
            "Bad",
            "invalid_request_error",
            None,
        ),
        # llama.cpp and vLLM, new and old: a number that only repeats the status.
        (
            {"error": {"code": 401, "message": "Invalid API Key", "type": "authentication_error"}},
            "Invalid API Key",
            "authentication_error",
            None,
        ),
        (
            {"object": "error", "message": "No such", "type": "NotFoundError", "code": 404},
            "No such",
            "NotFoundError",
            None,
        ),
        ({"error": {"message": "Bad", "code": 400}}, "Bad", "400", None),
        # FastAPI, with a text and with what pydantic found.
        ({"detail": "Not authenticated"}, "Not authenticated", None, None),
        (
            {"detail": [{"loc": ["body", "model"], "msg": "Field required", "type": "missing"}, {"msg": "Also"}]},
            "body.model: Field required; Also",
            None,
            None,
        ),
        ({"detail": [{"loc": 5, "msg": 6}]}, "6", None, None),
        ({"detail": {"reason": "x"}}, "x", None, None),
        # Ollama and others.
        ({"error": "model is required"}, "model is required", None, None),
        ({"error": "first", "message": "second"}, "second", "first", None),
        ({"error": True, "message": "second"}, "second", None, None),
        ({"error": {"code": 5}, "message": "outer"}, "outer", "5", None),
        ({"error": {}, "message": "outer"}, "outer", None, None),
        ({"error": None, "message": None, "detail": None}, None, None, None),
        ({"error": {"message": {"a": 1}}}, '{"a": 1}', None, None),
        ({"error": ["x"]}, "x", None, None),
        ("just text", "just text", None, None),
        ([], None, None, None),
        (None, None, None, None),
        (5, None, None, None),
        ({"message": "two\nlines\x1b[0m"}, "two lines [0m", None, None),
        ({"message": "x" * 400}, "x" * 297, None, None),
        ({"message": "half \ud800 a pair"}, "half a pair", None, None),
        # No JSON.
        (b"upstream connect error", "upstream connect error", None, None),
        (b"<html><head><title>502 Bad Gateway</title></head>", "an HTML page titled '502 Bad Gateway'", None, None),
        (b"<html><p>secret page", "an HTML page", None, None),
        (b"\xff\xfe\x00 bytes", "bytes", None, None),
        (b"", None, None, None),
    ],
    ids=lambda value: repr(value)[:50],
)
def test_servers_words(body: Any, message: str | None, code: str | None, request_id: str | None) -> None:
    error = refusal(400, body)
    if message is None:
        assert "says" not in str(error)
    else:
        assert f"and says: {message}" in str(error) or f"{message}." in str(error)
    assert (error.code, error.request_id) == (code, request_id)
    assert bool(error.detail) == (message is not None and not isinstance(body, bytes))
    assert "secret" not in str(error)
    assert "\x1b" not in str(error)
    str(error).encode()


def test_request_id_comes_from_the_headers_first() -> None:
    error = refusal(400, {"message": "x", "request_id": "body"}, x_request_id="header")
    assert error.request_id == "header"
    assert str(error).endswith(" (request id header)")


@pytest.mark.parametrize(
    ("words", "request_", "says"),
    [
        (
            "The model `gpt-oss-12b` does not exist",
            CHAT,
            "Model not found: 'gpt-oss-12b' (404): service.example refused",
        ),
        ("Unknown Model", CHAT, "Model not found: 'gpt-oss-12b' (404)"),
        ("no Route matched with those values", CHAT, "404 Not Found: service.example refused the chat completion"),
        ("model", MODELS, "404 Not Found: service.example refused the list of models"),
    ],
)
def test_model_not_found(words: str, request_: http_request.Request, says: str) -> None:
    error = refusal(404, {"message": words}, request_)
    assert str(error).startswith(says)
    remedy = defaults.CATALOGUE_URL if says.startswith("Model") else "Check the base URL: it usually ends in /v1."
    assert remedy in str(error)


def test_nearest_models_are_suggested() -> None:
    error = refusal(404, {"message": "no such model"})
    assert isinstance(error, NotFoundError)
    suggestion = with_suggestions(error, "gpt-oss-12b", ["bge-m3", "gpt-oss-120b", "GPT-OSS-20b"])
    assert suggestion is error
    assert str(error).endswith(" Did you mean gpt-oss-120b or GPT-OSS-20b?")
    before = str(error)
    assert str(with_suggestions(error, "gpt-oss-12b", ["whisper"])) == before


@pytest.mark.parametrize(
    ("status", "headers", "wait", "says"),
    [
        (429, {"retry_after": "7"}, 7.0, "Try again in 7 s, or send fewer: "),
        (429, {"ratelimit_reset": "0.2"}, 0.2, "Try again in 1 s, or send fewer: "),
        (429, {}, None, "Try again later, or send fewer: "),
        (503, {"retry_after": "90"}, 90.0, "Try again in 90 s; "),
        (500, {"retry_after": "5"}, 5.0, "Try again in 5 s; "),
        (500, {"ratelimit_reset": "5"}, None, "Try again later; "),
    ],
)
def test_wait(status: int, headers: dict[str, str], wait: float | None, says: str) -> None:
    error = refusal(status, **headers)
    assert error.retry_after == wait
    assert says in str(error)


def test_remedies_know_whether_a_token_was_sent() -> None:
    assert "400 requests a minute per project and model with a token" in str(refusal(429))
    assert "2 requests a minute per model without a token" in str(refusal(429, token=None))
    assert "it may be mistyped, expired or revoked" in str(refusal(403))
    assert "No token was sent" in str(refusal(403, token=None))


@pytest.mark.parametrize("spelled", canary.spellings())
@pytest.mark.parametrize("status", [400, 401, 404, 429, 500])
def test_echoed_token_is_taken_out(status: int, spelled: str) -> None:
    body = {"error": {"message": f"Token {spelled} is unknown", "code": f"bad_{spelled}"}}
    error = refusal(status, body, x_request_id=f"id-{spelled}")
    page = refusal(status, f"<title>No {spelled}</title>".encode())
    plain = refusal(status, f"{'x' * 200} {spelled}".encode())
    for each in (error, page, plain):
        assert "***" in str(each)
        assert not any(canary.shows(trace) for trace in canary.traces(each))
    assert "***" in str(error.request_id)
    assert "***" in str(error.code)


#: As long as a signed token, so that few of them fill what is read of a message.
LONG_TOKEN = "eyJhbGciOi" + "0123456789" * 120


@pytest.mark.parametrize("count", [1, 3, 9, 60, 600])
@pytest.mark.parametrize("form", ["{}", '{{"error": {{"message": "{}"}}}}', '["{}"]'])
def test_no_part_of_a_long_token_is_in_an_error(form: str, count: int) -> None:
    body = form.format(LONG_TOKEN * count).encode()
    response = HTTPResponse(401, {"content-type": "text/plain"}, body)
    error = parse_error(response, CHAT, "https://a.test/v1", LONG_TOKEN, 0.0)
    assert LONG_TOKEN[:8] not in f"{error} {error.detail} {error.code}"  # type: ignore[union-attr]  # there is one
