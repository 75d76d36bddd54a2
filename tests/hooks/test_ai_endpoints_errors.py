"""
What the hook says when something cannot work, before anything is sent and after.
"""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.compat import AirflowException, AirflowFailException
from apache_airflow_provider_ovhcloud_ai.errors import (
    AIEndpointsError,
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    InvalidResponseError,
    NotFoundError,
    OutputTruncatedError,
)
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from support.saved_connections import HELLO, MODEL, Make, stored
from support.scripted_server import Server, reply

pytestmark = pytest.mark.airflow


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (
            lambda hook: hook.chat_completion(messages=HELLO),
            "No model: name one, or set 'Chat model' in the connection 'stored'.",
        ),
        (
            lambda hook: hook.create_embedding(input="a"),
            "No model: name one, or set 'Embedding model' in the connection",
        ),
        (lambda hook: hook.chat_completion(MODEL), "messages must be a list of messages such as"),
        (lambda hook: hook.create_embedding("bge-m3"), "input must be a text or a list of texts, not None."),
        (
            lambda hook: hook.chat_completion(MODEL, HELLO, temperature="hot"),
            "temperature must be a number from 0 to 2, not 'hot'.",
        ),
        (
            lambda hook: hook.chat_completion(MODEL, HELLO, temperature=3.5),
            "temperature must be a number from 0 to 2, not 3.5.",
        ),
        (
            lambda hook: hook.chat_completion(MODEL, HELLO, temperature=math.nan),
            "temperature must be a number from 0 to 2, not nan.",
        ),
        (
            lambda hook: hook.chat_completion(MODEL, HELLO, temperature=True),
            "temperature must be a number from 0 to 2, not True.",
        ),
        (lambda hook: hook.chat_completion(MODEL, []), "messages must hold at least one message."),
        (lambda hook: hook.chat_completion(MODEL, "Hello"), "messages must be a list of messages such as"),
        (
            lambda hook: hook.chat_completion(MODEL, [{"role": "robot", "content": ""}]),
            "messages[0] has the role 'robot'; a role is one of",
        ),
        (
            lambda hook: hook.chat_completion(MODEL, [{"role": "user", "content": 5}]),
            "messages[0] must have a text or a list of parts",
        ),
        (lambda hook: hook.chat_completion(5, HELLO), "model must be a text, not 5."),
        (lambda hook: hook.chat_completion("", HELLO), "model must not be empty."),
        (
            lambda hook: hook.chat_completion(MODEL, HELLO, logit_bias={"a": math.nan}),
            "logit_bias cannot be written as JSON: Out of range",
        ),
        (
            lambda hook: hook.chat_completion(MODEL, [{"role": "user", "content": "\udc80"}]),
            "messages[0] cannot be written as JSON: 'utf-8' codec",
        ),
        (lambda hook: hook.create_embedding("bge-m3", ""), "input must not be empty."),
        (lambda hook: hook.create_embedding("bge-m3", []), "input must hold at least one text."),
        (lambda hook: hook.create_embedding("bge-m3", ["a", 5]), "input[1] must be a text, not 5."),
        (lambda hook: hook.create_embedding(5, "a"), "model must be a text, not 5."),
        (
            lambda hook: hook.create_embedding("bge-m3", ["a", "\ud800"]),
            "input[1] cannot be written as JSON: 'utf-8' codec",
        ),
    ],
)
@pytest.mark.parametrize("fail_fast", [True, False])
def test_arguments_that_cannot_work(
    hook_for: Make, sandbox: Sandbox, call: Callable[[Any], Any], says: str, fail_fast: bool
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        call(hook_for(stored(sandbox), fail_fast=fail_fast))
    assert str(caught.value).startswith(says)
    assert isinstance(caught.value, AirflowFailException) is fail_fast
    assert sandbox.requests == []
    pickle.loads(pickle.dumps(caught.value))


@pytest.mark.parametrize(
    ("changed", "options", "says"),
    [
        ({"password": "a\nb"}, {}, "The API token holds a line break or blank at position 2: nothing was sent."),
        ({"password": None}, {}, "API key not found: connection 'stored' has no API token."),
        ({"host": "ftp://example.com"}, {}, "The base URL must begin with https://, not 'ftp://'."),
        (
            {"host": "http://example.com/v1"},
            {},
            "The base URL 'http://example.com/v1' would send the token unencrypted",
        ),
        ({"host": "https://user:pass@example.com/v1"}, {}, "The base URL must hold no user or password"),
        (
            {"host": "https://example.com/v1?a=b"},
            {},
            "The base URL 'https://example.com/v1' must end before any '?'",
        ),
        ({"host": "example.com", "port": 70_000}, {}, "Port must be a number from 0 to 65535, not 70000."),
        ({"host": "example.com", "port": -1}, {}, "Port must be a number from 0 to 65535, not -1."),
        ({"extra": "not json"}, {}, "The connection"),  # which 2.11 reads so far, and later releases do not
        ({}, {"timeout": -1}, "timeout must be a number from 0.001 to 86400, not -1."),
        ({}, {"timeout": "soon"}, "timeout must be a number from 0.001 to 86400, not 'soon'."),
        ({}, {"timeout": 0}, "timeout must be a number from 0.001 to 86400, not 0."),
        ({}, {"max_retries": -1}, "max_retries must be a number from 0 to 20, not -1."),
        ({}, {"max_retries": 1.5}, "max_retries must be a whole number from 0 to 20, not 1.5."),
    ],
)
def test_connections_that_cannot_work(
    hook_for: Make, sandbox: Sandbox, changed: dict[str, Any], options: dict[str, Any], says: str
) -> None:
    hook = hook_for(stored(sandbox) | changed, **options)
    for call in (hook.get_conn, hook.list_models, lambda: hook.chat_completion(MODEL, HELLO)):
        with pytest.raises(ConfigurationError) as caught:
            call()
        assert str(caught.value).startswith(says)
        assert isinstance(caught.value, AirflowFailException)
        pickle.loads(pickle.dumps(caught.value))
    assert sandbox.requests == []


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, BadRequestError),
        (401, AuthenticationError),
        (403, AuthenticationError),
        (413, BadRequestError),
        (422, BadRequestError),
    ],
)
@pytest.mark.parametrize("fail_fast", [True, False])
def test_errors_that_no_retry_can_cure(
    hook_for: Make, sandbox: Sandbox, status: int, kind: type[AIEndpointsError], fail_fast: bool
) -> None:
    sandbox.fail_next(status, {"message": "No"}, {"X-Request-Id": "r-9"})
    with pytest.raises(kind) as caught:
        hook_for(stored(sandbox), fail_fast=fail_fast).chat_completion(MODEL, HELLO)
    assert isinstance(caught.value, AirflowFailException) is fail_fast
    assert isinstance(caught.value, AirflowException)
    assert (caught.value.status, caught.value.request_id, len(sandbox.requests)) == (status, "r-9", 1)
    # A log shows the error once, without the one it was made of.
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("status", [429, 500, 503, 504])
def test_errors_that_a_retry_may_cure(hook_for: Make, sandbox: Sandbox, status: int) -> None:
    sandbox.fail_next(status)
    with pytest.raises(AIEndpointsError) as caught:
        hook_for(stored(sandbox), max_retries=0).chat_completion(MODEL, HELLO)
    assert not isinstance(caught.value, AirflowFailException)


def test_wrong_token(hook_for: Make, sandbox: Sandbox) -> None:
    with pytest.raises(AuthenticationError, match=r"^403 Forbidden: 127.0.0.1:.* Check the API token") as caught:
        hook_for(stored(sandbox, "wrong-token-1")).chat_completion(MODEL, HELLO)
    assert "wrong-token-1" not in str(caught.value)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda hook: hook.chat_completion("gpt-oss-12b", HELLO), "Did you mean gpt-oss-120b or gpt-oss-20b"),
        (lambda hook: hook.create_embedding("bge_m3", "a"), "Did you mean bge-m3"),
    ],
)
def test_unknown_model(hook_for: Make, sandbox: Sandbox, call: Callable[[Any], Any], says: str) -> None:
    with pytest.raises(NotFoundError, match=r"^Model not found: ") as caught:
        call(hook_for(stored(sandbox)))
    assert says in str(caught.value)
    assert isinstance(caught.value, AirflowFailException)


def test_unknown_model_is_told_even_if_the_models_cannot_be_listed(hook_for: Make) -> None:
    missing = reply(404, {"message": "no such model"})
    with Server(missing, reply(429, headers={"Retry-After": "30"})) as server:
        with pytest.raises(NotFoundError, match=r"^Model not found: 'm'"):
            hook_for(stored(server)).chat_completion("m", HELLO)
        assert len(server.requests) == 2


def test_chat_model_asked_to_embed_gets_the_services_words(hook_for: Make, sandbox: Sandbox) -> None:
    with pytest.raises(AIEndpointsError, match="and says: ") as caught:
        hook_for(stored(sandbox)).create_embedding(MODEL, "a")
    assert caught.value.detail
    assert caught.value.status in {400, 404}


def test_truncated_answer_is_paid_for_and_kept(hook_for: Make, sandbox: Sandbox) -> None:
    value = {"choices": [{"message": {"role": "assistant", "content": ""}, "finish_reason": "length"}], "usage": {}}
    sandbox.fail_next(200, value)
    with pytest.raises(OutputTruncatedError) as caught:
        hook_for(stored(sandbox)).chat_completion(MODEL, HELLO)
    assert caught.value.response == value
    assert isinstance(caught.value, AirflowFailException)


@pytest.mark.parametrize("body", ["<html><title>Sign in</title>", [1], {"choices": None}, "nothing"])
def test_replies_of_another_shape(hook_for: Make, sandbox: Sandbox, body: Any) -> None:
    sandbox.fail_next(200, body)
    with pytest.raises(InvalidResponseError) as caught:
        hook_for(stored(sandbox)).chat_completion(MODEL, HELLO)
    assert not isinstance(caught.value, AirflowFailException)
