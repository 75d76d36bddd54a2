"""
Code to copy: it is Python whatever the ids hold, says what they say, and runs.
"""

from __future__ import annotations

import ast
import random
import re
import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from apache_airflow_provider_ovhcloud_ai.sandbox.http.request_bodies import form_payload
from apache_airflow_provider_ovhcloud_ai.ui.console.actions import File
from apache_airflow_provider_ovhcloud_ai.ui.console.views import dag_code
from support.audio_samples import wav
from support.console import VIEWER, ask, lines, sentence
from support.requests_seen import list_model_requests

pytestmark = pytest.mark.airflow

ALLOWED = string.ascii_letters + string.digits + "_.:/@?&=+,#!()~ \\-"


def values(source: str) -> dict[str, Any]:
    """Read the literals that the operator is called with."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    (call,) = [call for call in calls if getattr(call.func, "id", "").startswith("OVHCloudAIEndpoints")]
    return {keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords}


@pytest.mark.parametrize("kind", dag_code.KINDS)
def test_any_id_is_quoted_unchanged(kind: str) -> None:
    chance = random.Random(3)
    for _ in range(300):
        model, conn_id = ("".join(chance.choices(ALLOWED, k=chance.randrange(1, 40))) for _ in range(2))
        assert dag_code.is_safe_literal(model)
        literals = values(dag_code.dag(kind, model, conn_id))
        assert (literals["model"], literals["ovh_conn_id"]) == (model, conn_id)


@pytest.mark.parametrize(
    "text",
    [
        "it's",
        'say "hi"',
        'it\'s "both"',
        "a\\",
        "\\'",
        "line\nbreak",
        "{{ macros }}",
        "Grüße 🎈",
        "\u202e",
        '"""',
        "\x00",
    ],
)
@pytest.mark.parametrize("kind", dag_code.KINDS)
def test_any_text_is_quoted_unchanged(kind: str, text: str) -> None:
    source = dag_code.operator(kind, "m", "c", text, 5)
    literals = values(source)
    fields = {"embedding": "input", "guard": "text", "image": "prompt", "transcription": "audio_path"}
    assert (literals["messages"][0]["content"] if kind == "chat" else literals[fields[kind]]) == text
    assert literals["max_tokens"] == 5
    assert source.isascii()
    # Airflow would render what is between braces.
    assert literals.get("render_prompts", True) is ("{" not in text)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "{{ x }}",
        "{x",
        "a\nb",
        "a\rb",
        "a'b",
        'a"b',
        "a`b",
        "a%b",
        "ä",
        "\u202e",
        "\x00",
        "a\tb",
        "$x",
        "<x>",
        "x" * 251,
    ],
)
def test_id_that_no_code_should_carry(name: str, database: None, variable: Any) -> None:
    assert not dag_code.is_safe_literal(name)
    variable("https://x.example/v1")
    answer = ask("dag", VIEWER, id="stored", model=name, kind="chat")
    assert (answer.status, "write the DAG by hand" in sentence(answer)) == (422, True)


@pytest.mark.parametrize("kind", ["", "speech", "vision", "__import__"])
def test_kind_without_an_operator(kind: str, database: None, variable: Any) -> None:
    variable("https://x.example/v1")
    assert ask("dag", VIEWER, id="stored", model="m", kind=kind).status == 422


@pytest.mark.parametrize("model", ["gpt-oss-120b", "../../etc/passwd", "a\r\nSet-Cookie: x", '"; rm', "ä" * 300, ""])
def test_file_name(model: str) -> None:
    assert re.fullmatch(r"ai_endpoints_[a-z0-9_]{1,60}\.py", dag_code.file_name(model))


def test_trial_of_an_id_that_no_code_should_carry_shows_none(
    database: None, variable: Any, ovh_ai_endpoints_sandbox: Sandbox
) -> None:
    sandbox = ovh_ai_endpoints_sandbox
    variable(sandbox.base_url, password=sandbox.token)
    fields = {"connection": "stored", "kind": "chat", "text": "{{ conn.x.password }}"}
    done = lines(ask("try", **fields, model="gpt-oss-20b"))[-1]["done"]
    assert values(done["code"])["render_prompts"] is False
    assert list_model_requests(sandbox)[-1].json["messages"][0]["content"] == "{{ conn.x.password }}"


@pytest.mark.parametrize(
    ("kind", "model", "task"),
    [
        ("chat", "gpt-oss-20b", "ask"),
        ("embedding", "bge-m3", "embed"),
        ("guard", "Qwen3Guard-Gen-8B", "judge"),
        ("image", "stable-diffusion-xl-base-v10", "paint"),
        ("transcription", "whisper-large-v3", "transcribe"),
    ],
)
def test_copied_dag_runs(
    run_dag: Callable[..., Any],
    xcom: Any,
    variable: Any,
    ovh_ai_endpoints_sandbox: Sandbox,
    tmp_path: Path,
    kind: str,
    model: str,
    task: str,
) -> None:
    sandbox = ovh_ai_endpoints_sandbox
    variable(sandbox.base_url, "copied-from.page", password=sandbox.token)
    file = ask("dag", VIEWER, id="copied-from.page", model=model, kind=kind).file
    assert isinstance(file, File)
    (tmp_path / "recording").write_bytes(wav())
    source = file.text.replace("/tmp/ai_endpoints", str(tmp_path))
    run = run_dag(source.replace("/path/to/recording.mp3", str(tmp_path / "recording")))
    assert run.state == "success"
    body = list_model_requests(sandbox)[-1]
    assert (form_payload(body) if kind == "transcription" else body.json)["model"] == model
    assert xcom(run, task)


@pytest.mark.parametrize(("kind", "model"), [("chat", "gpt-oss-20b"), ("embedding", "bge-m3")])
def test_code_of_a_trial_asks_for_the_same(
    run_dag: Callable[..., Any], variable: Any, ovh_ai_endpoints_sandbox: Sandbox, kind: str, model: str
) -> None:
    sandbox = ovh_ai_endpoints_sandbox
    variable(sandbox.base_url, password=sandbox.token)
    text = 'It\'s "so" {{ simple }}:\n{% raw %} Grüße'
    fields = {"connection": "stored", "model": model, "kind": kind, "text": text, "max_tokens": 900}
    code = lines(ask("try", **fields))[-1]["done"]["code"]
    name = code.partition("(")[0]
    body = "".join(f"    {line}\n" for line in code.splitlines())
    source = (
        "from datetime import datetime\nfrom airflow import DAG\n"
        f"from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import {name}\n"
        f"with DAG(dag_id='tried_{kind}', start_date=datetime(2026, 1, 1), schedule=None):\n{body}"
    )
    assert run_dag(source).state == "success"
    tried, ran = (request.json for request in list_model_requests(sandbox))
    # How the answer is carried may differ; what is asked may not.
    carried = {"stream", "stream_options", "encoding_format"}
    first, second = ({name: body[name] for name in set(body) - carried} for body in (tried, ran))
    assert first == second
