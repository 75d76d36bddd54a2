"""
The product page, executed: what it shows runs as it stands, and what it promises holds.

The harness supplies imports, Variables and a DAG around a bare operator; each ``...`` is replaced from one table.
"""

from __future__ import annotations

import inspect
import io
import json
import re
import shlex
import subprocess
import sys
import textwrap
import tokenize
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai import defaults
from apache_airflow_provider_ovhcloud_ai.client.chat.chat_request import ROLES
from apache_airflow_provider_ovhcloud_ai.connection.reader import read_settings
from apache_airflow_provider_ovhcloud_ai.errors import AIEndpointsError
from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import (
    OVHCloudAIEndpointsChatCompletionsOperator,
    OVHCloudAIEndpointsEmbeddingOperator,
)
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from product_page.blocks import Block, blocks

pytestmark = pytest.mark.airflow

PAGE = (Path(__file__).parent / "ai-endpoints.txt").read_text(encoding="utf-8")
BLOCKS = blocks(PAGE)

#: Every ``...`` of the page that stands for something, and what.
ELLIPSES = {
    "with DAG(...) as dag:": 'with DAG("hook_example", start_date=datetime(2024, 1, 1), schedule=None) as dag:',
    "messages=[...],": 'messages=[{"role": "user", "content": "Hello"}],',
    "-0.0045, ...]  # Vector of floats": "-0.0045]",
}
IMPORTS = """\
from datetime import datetime, timedelta

from airflow import DAG
from airflow.operators.python import PythonOperator
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import (
    OVHCloudAIEndpointsChatCompletionsOperator,
    OVHCloudAIEndpointsEmbeddingOperator,
)

"""
AROUND = 'with DAG("product_page_{}", start_date=datetime(2024, 1, 1), schedule=None):\n'
#: A DAG around the page's function that reads another task's response.
BESIDE_FUNCTION = """
    OVHCloudAIEndpointsChatCompletionsOperator(
        task_id="chat_task", model="gpt-oss-120b", messages=[{"role": "user", "content": "Hello"}]
    ) >> PythonOperator(task_id="use", python_callable=use_previous_response)
"""


def of_kind(kind: str) -> list[Any]:
    return [pytest.param(block, id=f"line {block.line}") for block in BLOCKS if block.kind == kind]


def filled(block: Block) -> str:
    text = block.text
    for placeholder, value in ELLIPSES.items():
        text = text.replace(placeholder, value)
    return text


def harnessed(block: Block) -> str:
    text = filled(block)
    if "with DAG(" in text:
        return IMPORTS + text
    around = AROUND.format(block.line)
    if text.startswith("def "):
        return IMPORTS + text + around + BESIDE_FUNCTION
    return IMPORTS + around + textwrap.indent(text, "    ")


def test_the_page_is_cut_into_all_its_blocks() -> None:
    kinds = [block.kind for block in BLOCKS]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {"python": 8, "shell": 1, "json": 2, "table": 6}


def test_every_placeholder_of_the_table_is_on_the_page_and_no_other_is() -> None:
    assert all(placeholder in PAGE for placeholder in ELLIPSES)
    for block in BLOCKS:
        if block.kind == "python":
            tokens = tokenize.generate_tokens(io.StringIO(filled(block)).readline)
            assert "..." not in [token.string for token in tokens]


@pytest.mark.parametrize("block", of_kind("python"))
def test_python(
    block: Block,
    run_dag: Callable[..., Any],
    xcom: Callable[..., Any],
    ovh_ai_endpoints_connection: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AIRFLOW_VAR_LLM_MODEL", "gpt-oss-120b")

    run = run_dag(harnessed(block))

    assert run.state == "success"
    for task_id in re.findall(r"task_id='(\w+)'", block.text):
        value = xcom(run, task_id)
        assert value["object"] in {"chat.completion", "list"} if "object" in value else value["summary"]


@pytest.mark.parametrize("block", of_kind("json"))
def test_json(block: Block, ovh_ai_endpoints_connection: str) -> None:
    promised = json.loads(filled(block))
    hook = OVHCloudAIEndpointsHook()
    if promised["object"] == "chat.completion":
        response = hook.chat_completion(promised["model"], [{"role": "user", "content": "Explain"}])
    else:
        response = hook.create_embedding(promised["model"], "Explain")
    assert_same_shape(promised, response)


def assert_same_shape(promised: Any, actual: Any, where: str = "response") -> None:
    assert type(actual) is type(promised), where
    if isinstance(promised, dict):
        for name, value in promised.items():
            assert name in actual, f"{where}.{name}"
            assert_same_shape(value, actual[name], f"{where}.{name}")
    elif isinstance(promised, list):
        assert_same_shape(promised[0], actual[0], f"{where}[0]")


@pytest.mark.slow
@pytest.mark.parametrize("block", of_kind("shell"))
def test_shell(block: Block, airflow_db: Path) -> None:
    from airflow.models import Connection
    from airflow.utils.session import create_session

    words = shlex.split(block.text.replace("\\\n", " "))
    assert words[:3] == ["airflow", "connections", "add"]
    done = subprocess.run([sys.executable, "-m", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr

    with create_session() as session:
        stored = session.query(Connection).filter(Connection.conn_id == words[3]).one()
        settings = read_settings(stored)
        session.delete(stored)
    assert settings.client.base_url == defaults.BASE_URL
    assert settings.client.token == "your-api-token-here"


def rows(first_words: str, after: str) -> list[str]:
    """Rows of the first table after a heading that begins with these words."""
    line = PAGE[: PAGE.index(after)].count("\n") + 1
    block = next(b for b in BLOCKS if b.kind == "table" and b.line > line and b.text.startswith(first_words))
    return block.text.splitlines()[1:]


@pytest.mark.parametrize(
    ("operator", "after"),
    [
        pytest.param(OVHCloudAIEndpointsChatCompletionsOperator, "\nChat Completions\n", id="chat"),
        pytest.param(OVHCloudAIEndpointsEmbeddingOperator, "\nEmbeddings\n", id="embedding"),
    ],
)
def test_parameters(operator: type, after: str) -> None:
    parameters = {
        name: parameter
        for base in reversed(operator.__mro__)
        if base.__module__.startswith("apache_airflow_provider_ovhcloud_ai")
        for name, parameter in inspect.signature(base.__init__).parameters.items()
    }
    for row in rows("Parameter", after):
        name = row.split()[0]
        promised = re.search(r"(Required|None|'[\w]+'|\d+\.\d+)", row.removeprefix(name))
        assert promised, row
        default = {"Required": None, "None": None}.get(promised[1], promised[1])
        assert str(parameters[name].default) == str(default).strip("'"), row


def test_roles() -> None:
    assert {row.split()[0] for row in rows("Role", "Message Roles")} <= set(ROLES)


@pytest.mark.parametrize("after", ["\nAvailable Models\n", "\nEmbedding Models\n"])
def test_models(after: str, ovh_ai_endpoints_connection: str) -> None:
    hook = OVHCloudAIEndpointsHook()
    for row in rows("Model", after):
        model = row.split()[0]
        if "mbedding" in after:
            assert hook.create_embedding(model, "text")["data"]
        else:
            assert hook.chat_completion(model, [{"role": "user", "content": "text"}])["choices"]


def test_templatable_fields() -> None:
    promised = re.findall(r"  • (model|messages)\n", PAGE)
    assert promised == ["model", "messages"]
    assert set(promised) <= set(OVHCloudAIEndpointsChatCompletionsOperator.template_fields)


def test_errors_are_airflow_exceptions_that_begin_with_the_words_of_the_page(
    ovh_ai_endpoints_sandbox: Sandbox, ovh_ai_endpoints_connection: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.exceptions import AirflowException

    def raised(model: str = "gpt-oss-120b") -> str:
        with pytest.raises(AirflowException) as caught:
            OVHCloudAIEndpointsHook(max_retries=0).chat_completion(model, [{"role": "user", "content": "text"}])
        assert isinstance(caught.value, AIEndpointsError)
        return str(caught.value)

    errors = {"Model not found": raised("no-such-model")}
    for status, words in ((401, "401 Unauthorized"), (429, "429 Too Many Requests")):
        ovh_ai_endpoints_sandbox.fail_next(status=status)
        errors[words] = raised()
    monkeypatch.setenv("AIRFLOW_CONN_OVH_AI_ENDPOINTS_DEFAULT", '{"conn_type": "generic"}')
    errors["API key not found"] = raised()

    promised = rows("Error", "\nError Handling\n")
    assert len(promised) == len(errors)
    for row in promised:
        words = next(words for words in errors if row.startswith(words))
        assert errors[words].startswith(words)
