"""
What all methods of the hook have in common: settings, the log, and errors for Airflow.
"""

from __future__ import annotations

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
    NotFoundError,
)
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from support import canary
from support.saved_connections import HELLO, MODEL, Make, stored
from support.scripted_server import Received, Server, Wire, respond

pytestmark = pytest.mark.airflow


def test_one_line_for_each_call(hook_for: Make, ear: Any, sandbox: Sandbox) -> None:
    hook = ear.listen(hook_for(stored(sandbox)))
    hook.chat_completion(MODEL, [{"role": "user", "content": "a prompt that is nobody's business"}])
    sandbox.fail_next(503, headers={"Retry-After": "0"})
    hook.create_embedding("bge-m3", ["a"] * 30)
    (chat,), (embedding,) = ear.lines("AI Endpoints chat:"), ear.lines("AI Endpoints embedding:")
    assert chat.startswith(f"AI Endpoints chat: model={MODEL} input_tokens=")
    assert " requests=1 attempts=1 request_id=" in chat
    assert " finish_reason=stop" in chat
    assert embedding.startswith("AI Endpoints embedding: model=bge-m3 input_tokens=")
    assert " requests=2 attempts=3 request_id=" in embedding
    assert "nobody's business" not in ear.text


def test_warning_of_the_service_is_repeated(hook_for: Make, ear: Any) -> None:
    answer = {"choices": [{"message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}]}
    warning = "This model is deprecated \x1b[31m" + canary.TOKEN
    with Server(respond(200, answer, {"X-Warning": warning})) as server:
        ear.listen(hook_for(stored(server, canary.TOKEN))).chat_completion(MODEL, HELLO)
    (line,) = ear.lines("The service warns")
    assert line.startswith(f"The service warns about {MODEL}: This model is deprecated [31m***")


def test_cap_is_shared_by_hooks_of_one_connection(hook_for: Make, sandbox: Sandbox) -> None:
    slept: list[float] = []
    for _ in range(3):
        hook = hook_for(stored(sandbox, extra={"requests_per_minute": 6}))
        hook.get_conn()._sleep = slept.append
        hook.list_models()
    assert [round(pause) for pause in slept] == [10, 20]


def test_pickled_hook_works_and_holds_no_token(hook_for: Make, sandbox: Sandbox) -> None:
    hook = hook_for(stored(sandbox), timeout=30, max_retries=1, fail_fast=False)
    hook.list_models()
    pickled = pickle.dumps(hook)
    assert b"sandbox-token" not in pickled
    twin = pickle.loads(pickled)
    assert (twin.ovh_conn_id, twin.timeout, twin.max_retries, twin.fail_fast) == ("stored", 30, 1, False)
    assert twin.list_models() == hook.list_models()


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


def test_unknown_model_is_reported_even_if_the_models_cannot_be_listed(hook_for: Make) -> None:
    missing = respond(404, {"message": "no such model"})
    with Server(missing, respond(429, headers={"Retry-After": "30"})) as server:
        with pytest.raises(NotFoundError, match=r"^Model not found: 'm'"):
            hook_for(stored(server)).chat_completion("m", HELLO)
        assert len(server.requests) == 2


#: A refusal of LiteLLM's, OpenAI's and Azure's, and its status.
UNKNOWN_MODELS = {
    "LiteLLM": (400, {"error": {"message": "{'error': '/chat/completions: Invalid model name passed in model=ax'}"}}),
    "OpenAI": (403, {"error": {"message": "Project has no access", "code": "model_not_found"}}),
    "Azure": (404, {"error": {"message": "The API deployment does not exist", "code": "DeploymentNotFound"}}),
    "within a success": (200, {"error": {"message": "no such model", "code": 404}}),
}


@pytest.mark.parametrize("sender", UNKNOWN_MODELS)
@pytest.mark.parametrize("method", ["chat_completion", "stream_chat_completion", "create_embedding"])
def test_unknown_model_in_any_spelling_is_named_with_similar_ones(hook_for: Make, sender: str, method: str) -> None:
    status, body = UNKNOWN_MODELS[sender]
    models = respond(200, {"object": "list", "data": [{"id": "a-model"}, {"id": "z"}]})
    refuse = respond(status, body)

    def answer(wire: Wire, request: Received) -> bool:
        return (models if request.path.endswith("/models") else refuse)(wire, request)

    content = "Hi" if method == "create_embedding" else HELLO
    with Server(answer) as server, pytest.raises(NotFoundError) as caught:
        list(getattr(hook_for(stored(server, canary.TOKEN)), method)("a-modl", content))
    assert str(caught.value).startswith("Model not found: 'a-modl' (")
    assert "Did you mean a-model?" in str(caught.value)


def test_model_of_another_kind_is_not_a_missing_one(hook_for: Make) -> None:
    body = {"error": {"message": "This is not a chat model and thus not supported", "code": None}}
    with (
        Server(respond(404, body)) as server,
        pytest.raises(BadRequestError, match="choose a model of another kind") as e,
    ):
        hook_for(stored(server, canary.TOKEN)).chat_completion(MODEL, HELLO)
    assert str(e.value).startswith("404 Not Found: ")
    assert len(server.requests) == 1
