"""
Where the hook finds its connection: environment, secrets backend, database, or nowhere.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from apache_airflow_provider_ovhcloud_ai.client.models import model_list
from apache_airflow_provider_ovhcloud_ai.compat import AirflowFailException, airflow_version
from apache_airflow_provider_ovhcloud_ai.errors import (
    ConfigurationError,
)
from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from support import canary
from support.saved_connections import HELLO, MODEL, Make

pytestmark = pytest.mark.airflow

TESTS = Path(__file__).parent.parent


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
    assert xcom(run, "stored") in {model["id"] for model in list_models(sandbox)}
    assert str(run.get_task_instance("missing").state) == "failed"
    output = "".join(capfd.readouterr()) + caplog.text
    output += "".join(file.read_text("utf-8") for file in (airflow_db / "logs").rglob("*.log"))
    output = " ".join(re.sub(r"\x1b\[[0-9;]*m", "", output).split())
    assert "The connection 'missing' does not exist: create it under Admin > Connections" in output


def list_models(sandbox: Sandbox) -> list[dict[str, Any]]:
    from apache_airflow_provider_ovhcloud_ai.client.http import http_response
    from apache_airflow_provider_ovhcloud_ai.client.http.sync_client import Client
    from apache_airflow_provider_ovhcloud_ai.client.settings import ClientSettings

    settings = ClientSettings(base_url=sandbox.base_url)
    with Client(settings) as client:
        return http_response.parse(client.send(model_list.models()), model_list.models(), settings)["data"]


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
