"""
The hook as a Python task uses it: its verbs, its log, and what must never be shown.
"""

from __future__ import annotations

import logging
import subprocess
import sys
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai import defaults
from apache_airflow_provider_ovhcloud_ai.errors import (
    AIEndpointsError,
    RateLimitError,
)
from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from support import canary
from support.saved_connections import HELLO, MODEL, Make, stored
from support.scripted_server import Server, echo, respond

pytestmark = pytest.mark.airflow


def test_verbs_keep_one_connection(hook_for: Make, sandbox: Sandbox) -> None:
    hook = hook_for(stored(sandbox, extra={"chat_model": MODEL, "embedding_model": "bge-m3"}))
    answer = hook.chat_completion(messages=HELLO, temperature=0.3, max_tokens=100, top_p=0.9, stop=["END"], seed=7)
    vectors = hook.create_embedding(input=["a", "b"])
    models = hook.list_models()
    assert answer["choices"][0]["message"]["content"]
    assert [len(item["embedding"]) for item in vectors["data"]] == [1_024, 1_024]
    assert {"gpt-oss-20b", "bge-m3"} <= {model["id"] for model in models}
    assert sandbox.connections == 1
    body = sandbox.requests[0].json
    assert body == {
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


def test_anonymous_access(hook_for: Make, sandbox: Sandbox) -> None:
    hook = hook_for(stored(sandbox, "ignored", extra={"access": "anonymous"}), max_retries=0)
    hook.chat_completion(MODEL, HELLO)
    assert "authorization" not in sandbox.requests[0].headers
    hook.chat_completion(MODEL, HELLO)
    # The third would wait for the next minute, and get its answer.
    slept: list[float] = []
    hook.get_conn()._sleep = slept.append
    with pytest.raises(RateLimitError, match="2 requests a minute per model without a token"):
        hook.chat_completion(MODEL, HELLO)
    assert slept == [pytest.approx(60.0, abs=2.0)]


@pytest.mark.parametrize("password", [canary.TOKEN, f"Bearer {canary.TOKEN}\n"], ids=["clean", "pasted"])
def test_token_is_shown_nowhere(hook_for: Make, ear: Any, password: str, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("", "urllib3", "requests", "httpx", "httpcore", "apache_airflow_provider_ovhcloud_ai"):
        caplog.set_level(logging.DEBUG, logger=name)
    headers = {"X-Request-Id": f"r-{canary.TOKEN}", "Location": f"https://{canary.TOKEN}/", "X-Warning": canary.TOKEN}
    manners = [respond(status, {"object": "list"}, headers) for status in (200, 302)]
    manners += [
        echo(status, str, X_Request_Id="r-TOKEN", Retry_After="0")
        for status in (400, 401, 403, 404, 413, 422, 429, 500, 503)
    ]
    texts: list[str] = []
    for manner in manners:
        with Server(manner) as server:
            for fail_fast in (True, False):
                hook = ear.listen(hook_for(stored(server, password), fail_fast=fail_fast))
                texts += traces_of_failures(hook)
                texts += map(repr, (hook, vars(hook), hook.settings, hook.get_conn(), vars(hook.get_conn())))
            assert server.requests[0].headers["authorization"] == f"Bearer {canary.TOKEN}"
    assert "The service warns about" in ear.everything
    assert [each for each in [*texts, ear.everything] if canary.shows(each)] == []


def traces_of_failures(hook: OVHCloudAIEndpointsHook) -> list[str]:
    texts: list[str] = []
    for call in (
        hook.list_models,
        lambda: hook.chat_completion("m", HELLO),
        lambda: hook.create_embedding("m", "a"),
    ):
        with pytest.raises(AIEndpointsError) as caught:
            call()
        texts += canary.traces(caught.value)
    return texts


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
    ok, message = hook_for(stored(sandbox)).test_connection()
    assert ok, message
    assert OVHCloudAIEndpointsHook("nowhere").test_connection()[0] is False
    assert hook_for(stored(sandbox, "a b")).test_connection()[0] is False


def test_default_connection() -> None:
    hook = OVHCloudAIEndpointsHook()
    assert (hook.ovh_conn_id, hook.conn_type, hook.default_conn_name) == (
        "ovh_ai_endpoints_default",
        "ovh_ai_endpoints",
        defaults.CONN_ID,
    )
