"""
A token of its own is looked for in everything that a good and a bad day produce: it is found nowhere.
"""

from __future__ import annotations

import base64
import json
import logging
import pickle
import secrets
import sqlite3
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from apache_airflow_provider_ovhcloud_ai.compat import airflow_version
from apache_airflow_provider_ovhcloud_ai.errors import AIEndpointsError
from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox

pytestmark = pytest.mark.airflow

DAG = """
from datetime import datetime
from airflow import DAG
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import (
    OVHCloudAIEndpointsChatCompletionsOperator as Chat,
    OVHCloudAIEndpointsEmbeddingOperator as Embedding,
)

with DAG("canary", start_date=datetime(2026, 1, 1), schedule=None):
    Chat(task_id="ask", model="gpt-oss-20b", messages=[{"role": "user", "content": "{{ ds }}"}])
    Embedding(task_id="refused", model="bge-m3", input="a")
    Chat.partial(task_id="mapped", messages=[{"role": "user", "content": "b"}]).expand(model=["gpt-oss-20b"])
"""


@pytest.fixture
def debug_logging() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in ("", "urllib3", "requests", "httpx", "httpcore", "airflow")]
    loggers.append(logging.getLogger("apache_airflow_provider_ovhcloud_ai"))
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    yield
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


def spellings(token: str) -> set[str]:
    encoded = {base64.b64encode(text.encode()).decode().rstrip("=") for text in (token, f"Bearer {token}")}
    return {token, quote(token, safe=""), token.encode().hex(), *encoded}


def everything_about(error: BaseException) -> str:
    told = traceback.TracebackException.from_exception(error, capture_locals=True)
    part: traceback.TracebackException | None = told
    while part is not None:  # this file's own frames know the token
        part.stack = traceback.StackSummary.from_list([frame for frame in part.stack if frame.filename != __file__])
        part = part.__context__
    state = [repr(error), str(error), repr(vars(error)), repr(pickle.dumps(error))]
    chain: BaseException | None = error
    while chain is not None:
        state += [repr(vars(chain)), repr(chain.args)]
        chain = chain.__context__
    return "".join(told.format(chain=True)) + "\n".join(state)


def raised(call: Callable[[], Any]) -> str:
    with pytest.raises(AIEndpointsError) as caught:
        call()
    return everything_about(caught.value)


def database(home: Path) -> str:
    with sqlite3.connect(home / "airflow.db") as connection:
        return "\n".join(connection.iterdump())


@pytest.mark.parametrize("stored", ["{}", "Bearer {}\n"], ids=["clean", "pasted"])
def test_the_token_is_found_nowhere(
    stored: str,
    airflow_db: Path,
    run_dag: Callable[..., Any],
    debug_logging: None,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    token = f"canary/{secrets.token_hex(8)}+x"
    found: dict[str, str] = {}
    with Sandbox(token=token) as sandbox:
        connection = json.loads(sandbox.connection_json) | {"password": stored.format(token)}
        monkeypatch.setenv("AIRFLOW_CONN_OVH_AI_ENDPOINTS_DEFAULT", json.dumps(connection))
        echo = {"message": f"no: {token}, Bearer {token}, {base64.b64encode(token.encode()).decode()}, {quote(token)}"}
        sandbox.fail_next(status=403, body=echo, path="/v1/embeddings")
        run = run_dag(DAG)
        assert {ti.task_id: str(ti.state) for ti in run.get_task_instances()} == {
            "ask": "success",
            "refused": "failed",
            "mapped": "success",
        }

        hook = OVHCloudAIEndpointsHook(max_retries=0)
        found["success"] = repr(hook.test_connection())
        for status in (400, 401, 429, 500):
            sandbox.fail_next(status=status, body=echo)
            found[f"error {status}"] = raised(lambda: hook.chat_completion("m", [{"role": "user", "content": "a"}]))
        sandbox.fail_next(status=200, body=f"<title>{token}</title>", headers={"Content-Type": "text/html"})
        found["page"] = raised(hook.list_models)
        sandbox.fail_next(status=302, headers={"Location": f"https://{quote(token, safe='')}.example/"})
        found["redirect"] = raised(hook.list_models)
        found["hook"] = repr((hook, vars(hook), hook.settings, hook.get_conn(), vars(hook.get_conn())))
        found["pickle"] = repr(pickle.dumps(hook))
    found["lost"] = raised(hook.list_models)
    found["test"] = repr(OVHCloudAIEndpointsHook().test_connection())
    found |= {"logs": caplog.text, "database": database(airflow_db)}
    # At DEBUG, Airflow 3.0 logs what it is told to mask, this provider or not.
    own = "MaskSecret(value=" if airflow_version().startswith("3.0.") else None
    output = "".join(capfd.readouterr()).splitlines()
    found["output"] = "\n".join(line for line in output if own is None or own not in line)
    found["log files"] = "".join(file.read_text("utf-8") for file in (airflow_db / "logs").rglob("*.log"))

    assert "AI Endpoints chat:" in found["output"] + found["logs"] + found["log files"]
    for where, text in found.items():
        assert text or where == "log files", where  # 3.x writes none in `dag.test()`
        for spelling in spellings(token):
            at = text.lower().find(spelling.lower())
            assert at < 0, f"{where}: ...{text[max(at - 200, 0) : at]}"
