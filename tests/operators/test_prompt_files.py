"""
Prompts in files: which are found, that they are rendered, and that no other string names one.
"""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.errors import ConfigurationError
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import OVHCloudAIEndpointsChatOperator as Chat
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from support.requests_seen import bodies

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("ovh_ai_endpoints_connection")]

NUMBERS = itertools.count()

MODEL = "gpt-oss-20b"


@pytest.fixture
def sandbox(ovh_ai_endpoints_sandbox: Sandbox) -> Sandbox:
    return ovh_ai_endpoints_sandbox


DAG = """
from datetime import datetime
from airflow import DAG
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import (
    OVHCloudAIEndpointsChatOperator as Chat,
)

with DAG("chat_{number}", start_date=datetime(2026, 1, 1), params={{"name": "Ada", "file": "hello"}}, schedule=None,
         template_searchpath={folder!r}):
    {body}
"""


class TestPrompts:
    @pytest.fixture
    def ask(self, run_dag: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
        (tmp_path / "hello.md").write_text("Greet {{ params.name }}.\nTwice, é.", encoding="utf-8")
        (tmp_path / "parts").mkdir()
        (tmp_path / "parts" / "system.txt").write_text("You know {{ params.name }}.\n\n", encoding="utf-8")
        (tmp_path.parent / "secret.txt").write_text("secret", encoding="utf-8")

        def run(body: str) -> Any:
            body = textwrap.indent(textwrap.dedent(body).strip(), "    ").strip()
            return run_dag(DAG.format(number=next(NUMBERS), folder=str(tmp_path), body=body))

        return run

    def test_files_are_found_rendered_and_sent(self, ask: Callable[..., Any], sandbox: Sandbox) -> None:
        run = ask("""
            Chat(task_id="ask", model="gpt-oss-20b", prompt_file="{{ params.file }}.md",
                 system_prompt_file="parts/system.txt")
        """)
        assert run.state == "success"
        assert bodies(sandbox)[0]["messages"] == [
            {"role": "system", "content": "You know Ada."},
            {"role": "user", "content": "Greet Ada.\nTwice, é."},
        ]

    def test_files_of_mapped_tasks(self, ask: Callable[..., Any], sandbox: Sandbox) -> None:
        run = ask("""
            Chat.partial(task_id="ask", model="gpt-oss-20b").expand(prompt_file=["hello.md", "parts/system.txt"])
        """)
        assert run.state == "success"
        prompts = {body["messages"][0]["content"] for body in bodies(sandbox)}
        assert prompts == {"Greet Ada.\nTwice, é.", "You know Ada."}

    def test_files_are_not_rendered_where_nothing_is(self, ask: Callable[..., Any], sandbox: Sandbox) -> None:
        assert (
            ask('Chat(task_id="ask", model="gpt-oss-20b", prompt_file="hello.md", render_prompts=False)').state
            == "success"
        )
        assert bodies(sandbox)[0]["messages"][0]["content"].startswith("Greet {{ params.name }}.")

    def test_output_of_another_task_is_not_rendered_and_names_no_file(
        self, ask: Callable[..., Any], sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AIRFLOW_VAR_SECRET", "hidden")
        run = ask("""
            said = Chat(task_id="said", model="gpt-oss-20b", output="text", render_prompts=False,
                        prompt="{{ var.value.secret }} file:///etc/hostname hello.md")
            again = Chat(task_id="again", model="gpt-oss-20b", prompt=said.output)
            pulled = Chat(task_id="pulled", model="gpt-oss-20b", prompt="{{ ti.xcom_pull(task_ids='said') }}")
            said >> [again, pulled]
        """)
        assert run.state == "success"
        prompts = [body["messages"][0]["content"] for body in bodies(sandbox)]
        assert len(prompts) == 3
        assert all("{{ var.value.secret }} file:///etc/hostname hello.md" in prompt for prompt in prompts)
        assert not any("hidden" in prompt for prompt in prompts)

    def test_a_text_that_looks_like_a_file_is_a_text(self, ask: Callable[..., Any], sandbox: Sandbox) -> None:
        assert ask('Chat(task_id="ask", model="gpt-oss-20b", prompt="Summarise hello.md")').state == "success"
        assert bodies(sandbox)[0]["messages"][0]["content"] == "Summarise hello.md"

    @pytest.mark.parametrize("name", ["absent.md", "../secret.txt", "/etc/hostname", "parts"])
    def test_a_file_elsewhere_is_not_read(self, ask: Callable[..., Any], sandbox: Sandbox, name: str) -> None:
        run = ask(f'Chat(task_id="ask", model="gpt-oss-20b", prompt_file={name!r})')
        assert run.state == "failed"
        assert not sandbox.requests

    def test_a_file_and_a_text_are_one_too_many(self, ask: Callable[..., Any], sandbox: Sandbox) -> None:
        assert ask('Chat(task_id="ask", model="m", prompt="a", prompt_file="hello.md")').state == "failed"
        assert not sandbox.requests

    def test_without_a_dag_the_sentence_says_so(self) -> None:
        operator = Chat(task_id="t", model=MODEL, prompt_file="hello.md")
        with pytest.raises(ConfigurationError, match=r"prompt_file 'hello\.md' was not found"):
            operator.render_template_fields({}, operator.get_template_env())
