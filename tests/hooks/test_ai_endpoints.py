"""
The hook, as a Python task uses it: connections from everywhere, verbs, errors, and what must never be shown.
"""

from __future__ import annotations

import json
import logging
import math
import os
import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from apache_airflow_provider_ovhcloud_ai import defaults
from apache_airflow_provider_ovhcloud_ai.compat import AirflowException, AirflowFailException, airflow_version
from apache_airflow_provider_ovhcloud_ai.errors import (
    AIEndpointsError,
    BadRequestError,
    ConfigurationError,
    InvalidReplyError,
    NotFoundError,
    RateLimitedError,
    TokenRefusedError,
    TruncatedReplyError,
)
from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from support import canary
from support.wire import Server, echo, reply

pytestmark = pytest.mark.airflow

Make = Callable[..., OVHCloudAIEndpointsHook]
HELLO = [{"role": "user", "content": "Hello"}]
MODEL = "gpt-oss-20b"
TESTS = Path(__file__).parent.parent


def stored(service: Sandbox | Server, token: str = "sandbox-token", **fields: Any) -> dict[str, Any]:
    return {"conn_type": "ovh_ai_endpoints", "host": service.base_url, "password": token, **fields}


@pytest.mark.parametrize("kind", ["ovh_ai_endpoints", "ovh-ai-endpoints", "ai_endpoints", "generic", "http", None])
@pytest.mark.parametrize("password", ["sandbox-token", "Bearer sandbox-token\n", " sandbox-token "])
def test_connection_as_json(hook_for: Make, sandbox: Sandbox, kind: str | None, password: str) -> None:
    connection = {"password": password, "host": sandbox.base_url} | ({"conn_type": kind} if kind else {})
    assert hook_for(connection).chat_completion(MODEL, HELLO)["object"] == "chat.completion"
    assert sandbox.requests[0].headers["authorization"] == "Bearer sandbox-token"


@pytest.mark.parametrize("kind", ["ovh-ai-endpoints", "ai-endpoints", "generic"])
@pytest.mark.parametrize(
    "rest",
    [
        ":sandbox-token@{address}/v1?allow_http=true&chat_model=gpt-oss-20b",
        ":sandbox-token@{url}?chat_model=gpt-oss-20b",
        "@{address}/v1?api_key=sandbox-token&allow_http=y&chat_model=gpt-oss-20b",
    ],
    ids=["host_and_port", "whole_url", "api_key"],
)
def test_connection_as_uri(hook_for: Make, sandbox: Sandbox, kind: str, rest: str) -> None:
    address = f"http%3A%2F%2F127.0.0.1:{sandbox.port}"
    uri = f"{kind}://" + rest.format(address=address, url=quote(sandbox.base_url, safe=""))
    assert hook_for(uri).chat_completion(messages=HELLO)["model"] == MODEL


def test_connection_as_uri_of_a_type_with_underscores(hook_for: Make) -> None:
    with pytest.raises(ConfigurationError, match="is written with dashes, ovh-ai-endpoints://"):
        hook_for("ovh_ai_endpoints://:token@127.0.0.1:8000/v1").list_models()


def test_connection_of_the_provider_before(hook_for: Make, sandbox: Sandbox) -> None:
    connection = {"conn_type": "ai_endpoints", "host": sandbox.base_url, "extra": {"api_key": "sandbox-token"}}
    assert hook_for(connection).list_models()


def test_connection_from_a_secrets_backend(sandbox: Sandbox, tmp_path: Path) -> None:
    code = """
from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook
hook = OVHCloudAIEndpointsHook("in_vault")
print("answer:", hook.chat_completion(messages=[{"role": "user", "content": "Hi"}])["model"])
"""
    uri = f"generic://:sandbox-token@{quote(sandbox.base_url, safe='')}?chat_model={MODEL}"
    environment = os.environ | {
        "AIRFLOW_HOME": str(tmp_path),
        "PYTHONPATH": str(TESTS),
        "AIRFLOW__SECRETS__BACKEND": "support.secrets.Vault",
        "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps({"conn_id": "in_vault", "uri": uri}),
        # Since 3.0 workers have a setting of their own.
        "AIRFLOW__WORKERS__SECRETS_BACKEND": "support.secrets.Vault",
        "AIRFLOW__WORKERS__SECRETS_BACKEND_KWARGS": json.dumps({"conn_id": "in_vault", "uri": uri}),
    }
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert f"answer: {MODEL}" in done.stdout, done.stderr
    assert "sandbox-token" not in done.stdout + done.stderr


DAG = """
from datetime import datetime
from airflow import DAG
from airflow.{place} import PythonOperator
from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook as Hook

with DAG("hooked", start_date=datetime(2026, 1, 1), schedule=None):
    PythonOperator(task_id="stored", python_callable=lambda: Hook("in_database").list_models()[0]["id"])
    PythonOperator(task_id="missing", python_callable=lambda: Hook("missing").list_models())
"""


def test_connection_from_the_database(
    airflow_db: Path,
    run_dag: Callable[..., Any],
    xcom: Callable[..., Any],
    sandbox: Sandbox,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    from airflow.models.connection import Connection
    from airflow.utils.session import create_session

    with create_session() as session:
        session.add(Connection("in_database", "generic", host=sandbox.base_url, password="sandbox-token"))
    place = "operators.python" if airflow_version().startswith("2.") else "providers.standard.operators.python"
    run = run_dag(DAG.format(place=place))
    assert xcom(run, "stored") in {model["id"] for model in models_of(sandbox)}
    assert str(run.get_task_instance("missing").state) == "failed"
    said = "".join(capfd.readouterr()) + caplog.text
    said += "".join(file.read_text("utf-8") for file in (airflow_db / "logs").rglob("*.log"))
    said = " ".join(re.sub(r"\x1b\[[0-9;]*m", "", said).split())
    assert "The connection 'missing' does not exist: create it under Admin > Connections" in said


def models_of(sandbox: Sandbox) -> list[dict[str, Any]]:
    from apache_airflow_provider_ovhcloud_ai.client import replies, requests
    from apache_airflow_provider_ovhcloud_ai.client.blocking import Client
    from apache_airflow_provider_ovhcloud_ai.client.settings import ClientSettings

    settings = ClientSettings(base_url=sandbox.base_url)
    with Client(settings) as client:
        return replies.parse(client.send(requests.models()), requests.models(), settings)["data"]


def test_connection_that_does_not_exist() -> None:
    with pytest.raises(ConfigurationError) as caught:
        OVHCloudAIEndpointsHook("nowhere").list_models()
    assert str(caught.value).startswith("The connection 'nowhere' does not exist: create it under Admin > Connections")
    assert isinstance(caught.value, AirflowFailException)


@pytest.mark.parametrize(
    "value",
    [
        '{"password": "Canary-1", "port": "x"}',
        '{"password": "Canary-1"',
        "generic://:Canary-1/2@host",
        "generic://:Canary-1@host:70000",
    ],
)
def test_connection_that_cannot_be_read(hook_for: Make, value: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        hook_for(value).list_models()
    assert "cannot be read: AIRFLOW_CONN_STORED must hold JSON" in str(caught.value)
    assert not any("Canary" in trace for trace in canary.traces(caught.value))


def test_verbs_keep_one_connection(hook_for: Make, sandbox: Sandbox) -> None:
    hook = hook_for(stored(sandbox, extra={"chat_model": MODEL, "embedding_model": "bge-m3"}))
    answer = hook.chat_completion(messages=HELLO, temperature=0.3, max_tokens=100, top_p=0.9, stop=["END"], seed=7)
    vectors = hook.create_embedding(input=["a", "b"])
    models = hook.list_models()
    assert answer["choices"][0]["message"]["content"]
    assert [len(item["embedding"]) for item in vectors["data"]] == [1_024, 1_024]
    assert {"gpt-oss-20b", "bge-m3"} <= {model["id"] for model in models}
    assert sandbox.connections == 1
    sent = sandbox.requests[0].json
    assert sent == {
        "model": MODEL,
        "messages": HELLO,
        "temperature": 0.3,
        "max_tokens": 100,
        "top_p": 0.9,
        "stop": ["END"],
        "seed": 7,
    }
    assert hook.get_conn() is hook.get_conn()
    agent = sandbox.requests[0].headers["user-agent"]
    assert agent.startswith("airflow-provider-ovhcloud-ai/")
    assert " apache-airflow/" in agent


def test_nothing_is_sent_that_was_not_asked_for(hook_for: Make, sandbox: Sandbox) -> None:
    hook_for(stored(sandbox)).chat_completion(MODEL, HELLO)
    assert sandbox.requests[0].json == {"model": MODEL, "messages": HELLO}


def test_anonymous_access(hook_for: Make, sandbox: Sandbox) -> None:
    hook = hook_for(stored(sandbox, "ignored", extra={"access": "anonymous"}), max_retries=0)
    hook.chat_completion(MODEL, HELLO)
    assert "authorization" not in sandbox.requests[0].headers
    hook.chat_completion(MODEL, HELLO)
    with pytest.raises(RateLimitedError, match="2 requests a minute per model without a token"):
        hook.chat_completion(MODEL, HELLO)


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
            "The base URL 'https://example.com/v1?a=b' must end before any '?'",
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
        (401, TokenRefusedError),
        (403, TokenRefusedError),
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
    with pytest.raises(TokenRefusedError, match=r"^403 Forbidden: 127.0.0.1:.* Check the API token") as caught:
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
    with pytest.raises(TruncatedReplyError) as caught:
        hook_for(stored(sandbox)).chat_completion(MODEL, HELLO)
    assert caught.value.response == value
    assert isinstance(caught.value, AirflowFailException)


@pytest.mark.parametrize("body", ["<html><title>Sign in</title>", [1], {"choices": None}, "nothing"])
def test_replies_of_another_shape(hook_for: Make, sandbox: Sandbox, body: Any) -> None:
    sandbox.fail_next(200, body)
    with pytest.raises(InvalidReplyError) as caught:
        hook_for(stored(sandbox)).chat_completion(MODEL, HELLO)
    assert not isinstance(caught.value, AirflowFailException)


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
    said = "This model is deprecated \x1b[31m" + canary.TOKEN
    with Server(reply(200, answer, {"X-Warning": said})) as server:
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


@pytest.mark.parametrize("password", [canary.TOKEN, f"Bearer {canary.TOKEN}\n"], ids=["clean", "pasted"])
def test_token_is_shown_nowhere(hook_for: Make, ear: Any, password: str, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("", "urllib3", "requests", "httpx", "httpcore", "apache_airflow_provider_ovhcloud_ai"):
        caplog.set_level(logging.DEBUG, logger=name)
    told = {"X-Request-Id": f"r-{canary.TOKEN}", "Location": f"https://{canary.TOKEN}/", "X-Warning": canary.TOKEN}
    manners = [reply(status, {"object": "list"}, told) for status in (200, 302)]
    manners += [
        echo(status, str, X_Request_Id="r-TOKEN", Retry_After="0")
        for status in (400, 401, 403, 404, 413, 422, 429, 500, 503)
    ]
    shown: list[str] = []
    for manner in manners:
        with Server(manner) as server:
            for fail_fast in (True, False):
                hook = ear.listen(hook_for(stored(server, password), fail_fast=fail_fast))
                shown += traces_of_failures(hook)
                shown += map(repr, (hook, vars(hook), hook.settings, hook.get_conn(), vars(hook.get_conn())))
            assert server.requests[0].headers["authorization"] == f"Bearer {canary.TOKEN}"
    assert "The service warns about" in ear.everything
    assert [each for each in [*shown, ear.everything] if canary.shows(each)] == []


def traces_of_failures(hook: OVHCloudAIEndpointsHook) -> list[str]:
    shown: list[str] = []
    for call in (
        hook.list_models,
        lambda: hook.chat_completion("m", HELLO),
        lambda: hook.create_embedding("m", "a"),
    ):
        with pytest.raises(AIEndpointsError) as caught:
            call()
        shown += canary.traces(caught.value)
    return shown


@pytest.mark.parametrize(
    "secrets",
    [{"password": '"Bearer Canary-5-pasted"\n'}, {"password": None, "extra": {"api_key": "Bearer Canary-5-pasted"}}],
)
def test_pasted_token_is_masked_by_airflow(hook_for: Make, sandbox: Sandbox, secrets: dict[str, Any]) -> None:
    code = """
import sys
from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook
hook = OVHCloudAIEndpointsHook("stored")
token = hook.settings.client.token
try:
    from airflow.sdk._shared.secrets_masker import redact
except ImportError:
    try:
        from airflow.sdk.execution_time.secrets_masker import redact
    except ImportError:
        from airflow.utils.log.secrets_masker import redact
print("redacted:", redact(f"say {token} aloud"))
"""
    hook_for(stored(sandbox) | secrets)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "redacted: say *** aloud" in done.stdout, done.stdout + done.stderr


def test_test_connection(hook_for: Make, sandbox: Sandbox) -> None:
    ok, said = hook_for(stored(sandbox)).test_connection()
    assert ok, said
    assert OVHCloudAIEndpointsHook("nowhere").test_connection()[0] is False
    assert hook_for(stored(sandbox, "a b")).test_connection()[0] is False


def test_default_connection() -> None:
    hook = OVHCloudAIEndpointsHook()
    assert (hook.ovh_conn_id, hook.conn_type, hook.default_conn_name) == (
        "ovh_ai_endpoints_default",
        "ovh_ai_endpoints",
        defaults.CONN_ID,
    )
