"""
``@task.ovh_chat`` and ``@task.ovh_embed`` as Airflow runs them: what is sent, what is refused, what is never rendered.
"""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from collections.abc import Callable
from datetime import datetime
from typing import Any
from unittest.mock import MagicMock

import pytest
from airflow import DAG
from apache_airflow_provider_ovhcloud_ai import decorators
from apache_airflow_provider_ovhcloud_ai.compat import AirflowFailException
from apache_airflow_provider_ovhcloud_ai.decorators import ovh_chat, ovh_embed
from apache_airflow_provider_ovhcloud_ai.decorators._base import FunctionOperator
from apache_airflow_provider_ovhcloud_ai.decorators.chat import ChatFunctionOperator
from apache_airflow_provider_ovhcloud_ai.decorators.embedding import EmbeddingFunctionOperator
from apache_airflow_provider_ovhcloud_ai.errors import ConfigurationError
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from apache_airflow_provider_ovhcloud_ai.ui.links import LINKS, ModelCardLink
from support.decorated import NUMBERS, build_operator, returning, run
from support.requests_seen import bodies

try:
    from airflow.sdk import task
except ImportError:
    from airflow.decorators import task

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("ovh_ai_endpoints_connection")]

HEAD = """
from datetime import datetime
from airflow import DAG
try:
    from airflow.sdk import task, task_group
except ImportError:
    from airflow.decorators import task, task_group

with DAG("{}", start_date=datetime(2026, 1, 1), schedule=None, params={{"model": "gpt-oss-20b"}}):
"""
#: What another task or a run's configuration may bring, and nobody here wrote.
FOREIGN = "{{ var.value.secret }} {% raw %}"


def build_dag_source(body: str) -> str:
    # An id of its own: 3.1 would look up the tasks of another test.
    return HEAD.format(f"decorators_{next(NUMBERS)}") + textwrap.indent(textwrap.dedent(body), "    ")


def questions(sandbox: Sandbox) -> list[Any]:
    return [body["messages"][-1]["content"] for body in bodies(sandbox)]


class TestWhatIsSent:
    def test_the_context_is_there_to_ask_for(self, ovh_ai_endpoints_sandbox: Sandbox) -> None:
        def ask(city: str, ds: str, **context: Any) -> str:
            return f"{city} {ds} {context['run_id']}"

        operator = build_operator(ovh_chat, ask, "Lille", ds=None)
        operator.op_kwargs = {}
        operator.execute({"ti": MagicMock(), "ds": "2026-01-02", "run_id": "manual"})
        assert questions(ovh_ai_endpoints_sandbox) == ["Lille 2026-01-02 manual"]

    def test_what_the_dag_gives_all_tasks_does_not_stand_beside_it(self, ovh_ai_endpoints_sandbox: Sandbox) -> None:
        others = {"prompt": "Another?", "messages": [], "prompt_file": "other.md", "model": "gpt-oss-20b"}
        operator = build_operator(ovh_chat(default_args=others), returning("Why?"))
        operator.execute({"ti": MagicMock()})
        (body,) = bodies(ovh_ai_endpoints_sandbox)
        assert (body["model"], body["messages"]) == ("gpt-oss-20b", [{"role": "user", "content": "Why?"}])

    def test_what_airflow_knows_of_a_task_reaches_it(self) -> None:
        operator = build_operator(ovh_chat(retries=4, pool="slow", trigger_rule="all_done"), returning("Why?"))
        assert (operator.retries, operator.pool, operator.trigger_rule) == (4, "slow", "all_done")

    def test_errors_of_the_function_are_its_own(self) -> None:
        def ask() -> str:
            raise KeyError("city")

        with pytest.raises(KeyError, match="city"):
            run(ovh_chat, ask)


async def later() -> str:
    return "Why?"


CHAT = (
    r" a function under @task\.ovh_chat must return a text, or messages: a list of dictionaries with 'role' and "
    r"'content'\. Nothing was sent\.$"
)
EMBED = (
    r" a function under @task\.ovh_embed must return a text, or a list of texts; dictionaries need an output_path\. "
    r"Nothing was sent\.$"
)


class TestWhatIsReturned:
    @pytest.mark.parametrize("decorator", [ovh_chat, ovh_embed])
    @pytest.mark.parametrize(
        ("returned", "words"),
        [
            (None, "None"),
            (7, "a value of type int"),
            (True, "a value of type bool"),
            ("", "a blank text"),
            (" \n", "a blank text"),
            ({"role": "user", "content": "a"}, "a value of type dict"),
            (["a", 7], "a list of int, str"),
            ([{"role": "user", "content": "a"}, "b"], "a list of dict, str"),
            ([None], "a list of NoneType"),
            ((text for text in "ab"), "a value of type generator"),
            (b"a", "a value of type bytes"),
        ],
    )
    def test_is_checked_before_anything_is_sent(
        self, decorator: Any, returned: Any, words: str, ovh_ai_endpoints_sandbox: Sandbox
    ) -> None:
        def describe_city() -> Any:
            return returned

        allowed = CHAT if decorator is ovh_chat else EMBED
        with pytest.raises(ConfigurationError, match=rf"^describe_city\(\) returned {words}:{allowed}") as failed:
            run(decorator, describe_city)
        assert isinstance(failed.value, AirflowFailException)
        with pytest.raises(ConfigurationError) as failed:
            run(decorator(fail_fast=False), describe_city)
        assert not isinstance(failed.value, AirflowFailException)
        assert ovh_ai_endpoints_sandbox.requests == []

    def test_empty_list_is_no_conversation_and_no_text_to_embed(self, ovh_ai_endpoints_sandbox: Sandbox) -> None:
        with pytest.raises(ConfigurationError, match=r"returned an empty list:"):
            run(ovh_chat, returning([]))
        assert run(ovh_embed(model="bge-m3"), returning([]))["data"] == []
        assert ovh_ai_endpoints_sandbox.requests == []

    def test_what_an_async_function_returns_is_none_of_it(self) -> None:
        coroutine = later()
        with pytest.raises(ConfigurationError, match=r"returned a value of type coroutine:"):
            run(ovh_chat, returning(coroutine))
        coroutine.close()


class TestWhatTheDecoratorTakes:
    @pytest.mark.parametrize(
        ("decorator", "operator"), [(ovh_chat, ChatFunctionOperator), (ovh_embed, EmbeddingFunctionOperator)]
    )
    def test_not_what_the_function_says(self, decorator: Any, operator: type[FunctionOperator]) -> None:
        for name in operator.fields_from_function:
            message = rf"^{operator.custom_operator_name} takes no {name}: what the function returns is sent"
            with pytest.raises(ConfigurationError, match=message):
                decorator(**{name: None})
            with pytest.raises(ConfigurationError, match=message):
                build_operator(lambda function, name=name: decorator(function).override(**{name: "a"}), returning("b"))

    def test_not_what_the_operator_does_not_know(self) -> None:
        with pytest.raises(TypeError, match=r"^@task\.ovh_chat got an unexpected keyword argument 'temprature'$"):
            ovh_chat(model="m", temprature=1.0)
        with pytest.raises(TypeError, match="unexpected keyword argument 'output'"):
            ovh_embed(output="text")

    @pytest.mark.parametrize("name", ["ovh_batch", "ovh_bulk_chat", "ovh_chat", "ovh_embed", "ovh_guard"])
    def test_airflow_has_it_under_task(self, name: str) -> None:
        assert getattr(task, name) is getattr(decorators, name)


class TestInADag:
    def test_nothing_is_rendered_twice(
        self, run_dag: Callable[..., Any], ovh_ai_endpoints_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AIRFLOW_VAR_SECRET", "leaked")
        source = build_dag_source(f"""
            @task
            def foreign():
                return [{FOREIGN!r}, "plain"]

            @task.ovh_chat(model="{{{{ params.model }}}}", system_prompt="{{{{ 'Be' }}}} brief.")
            def from_the_run(question, day):
                return f"{{question}} {{day}}"

            @task.ovh_chat(model="gpt-oss-20b")
            def from_a_task(texts):
                return [{{"role": "user", "content": text}} for text in texts]

            @task.ovh_chat(model="gpt-oss-20b")
            def mapped(text):
                return text

            @task.ovh_embed(model="bge-m3")
            def embedded(texts):
                return texts

            texts = foreign()
            from_the_run("{{{{ dag_run.conf['question'] }}}}", day="{{{{ 'Mon' }}}}day") >> texts
            from_a_task(texts) >> mapped.expand(text=texts) >> embedded(texts)
        """)
        assert run_dag(source, run_conf={"question": FOREIGN}).state == "success"
        requests = bodies(ovh_ai_endpoints_sandbox)
        assert "leaked" not in json.dumps(requests)
        assert requests[0]["model"] == "gpt-oss-20b"
        assert [message["content"] for message in requests[0]["messages"]] == ["Be brief.", f"{FOREIGN} Monday"]
        assert [message["content"] for message in requests[1]["messages"]] == [FOREIGN, "plain"]
        assert sorted(body["messages"][0]["content"] for body in requests[2:4]) == ["plain", FOREIGN]
        assert requests[4]["input"] == [FOREIGN, "plain"]

    def test_it_is_used_as_any_task(
        self, run_dag: Callable[..., Any], xcom: Callable[..., Any], ovh_ai_endpoints_sandbox: Sandbox
    ) -> None:
        source = build_dag_source("""
            @task.ovh_chat
            def bare(ds, ti):
                return f"{ti.task_id} {ds}"

            @task.ovh_chat(output="text", model="gpt-oss-20b")
            def about(city, what):
                return f"{what} of {city}"

            @task_group
            def group(city):
                about.override(task_id="food", model="gpt-oss-120b")(city, "Food")
                about.partial(what="Rivers").expand(city=[city, "Lyon"])

            bare()
            group("Lille")
            about("Metz", what="Streets")
            about.expand_kwargs([{"city": "Paris", "what": "Age"}])
        """)
        finished = run_dag(source)
        assert finished.state == "success"
        logical_date = getattr(finished, "logical_date", None) or finished.execution_date
        assert sorted(questions(ovh_ai_endpoints_sandbox)) == sorted(
            [
                f"bare {logical_date:%Y-%m-%d}",
                "Food of Lille",
                "Rivers of Lille",
                "Rivers of Lyon",
                "Streets of Metz",
                "Age of Paris",
            ]
        )
        models = {body["messages"][0]["content"]: body["model"] for body in bodies(ovh_ai_endpoints_sandbox)}
        assert (models["Food of Lille"], models["Streets of Metz"]) == ("gpt-oss-120b", "gpt-oss-20b")
        assert "Rivers of Lyon" in xcom(finished, "group.about", map_indexes=1)
        assert xcom(finished, "group.about", ModelCardLink.xcom_key, map_indexes=1).endswith("/gpt-oss-20b/")
        assert "Age of Paris" in xcom(finished, "about__1", map_indexes=0)
        assert xcom(finished, "bare")["choices"]

    def test_answers_as_data_are_unrolled_where_asked(
        self, run_dag: Callable[..., Any], xcom: Callable[..., Any]
    ) -> None:
        source = build_dag_source("""
            @task.ovh_chat(model="gpt-oss-20b", output="json", multiple_outputs=True)
            def parts() -> str:
                return "Answer as JSON."

            @task.ovh_chat(model="gpt-oss-20b", output="json")
            def whole() -> str:
                return "Answer as JSON."

            parts(), whole()
        """)
        finished = run_dag(source)
        assert finished.state == "success"
        assert xcom(finished, "parts", "sandbox") is True
        assert xcom(finished, "parts")["sandbox"] is True
        assert xcom(finished, "whole", "sandbox") is None
        assert xcom(finished, "whole")["sandbox"] is True

    def test_what_was_sent_is_shown(self, run_dag: Callable[..., Any]) -> None:
        from airflow import __version__
        from airflow.models.renderedtifields import RenderedTaskInstanceFields
        from airflow.utils.session import create_session

        source = build_dag_source("""
            @task.ovh_chat(model="{{ params.model }}")
            def ask(city):
                return f"Describe {city}."

            ask("{{ 'Lille' }}")
        """)
        finished = run_dag(source)
        with create_session() as session:
            (fields,) = (
                row.rendered_fields
                for row in session.query(RenderedTaskInstanceFields).filter_by(dag_id=finished.dag_id)
            )
        assert (fields["op_args"], fields["model"]) in ((["Lille"], "gpt-oss-20b"), ("('Lille',)", "gpt-oss-20b"))
        assert fields["prompt"] == (None if __version__.startswith("2.") else "Describe Lille.")


class TestAtParseTime:
    def test_the_dag_survives_serialisation_with_links_and_mapping(self) -> None:
        from airflow.serialization import serialized_objects

        with DAG(f"decorators_{next(NUMBERS)}", start_date=datetime(2026, 1, 1), schedule=None) as dag:

            @ovh_chat(model="gpt-oss-20b", output="text")
            def ask(city: str) -> str:
                return city

            @ovh_embed
            def embed(texts: Any) -> list[str]:
                return list(texts)

            embed(ask.expand(city=["a", "b"]))
            ask("c")

        serialise = getattr(serialized_objects, "DagSerialization", serialized_objects.SerializedDAG)
        serialized = json.loads(json.dumps(serialise.to_dict(dag)))
        restored = serialise.from_dict(serialized)
        assert set(restored.task_ids) == {"ask", "embed", "ask__1"}
        links = {link.name for link in LINKS}
        for task_id in restored.task_ids:
            task = restored.get_task(task_id)
            assert set(task.extra_links) == links
            assert task.operator_name in ("@task.ovh_chat", "@task.ovh_embed")
            assert {"op_args", "op_kwargs", "model"} <= set(task.template_fields)
        assert restored.get_task("ask__1").task_type == "ChatFunctionOperator"

    def test_a_process_pays_for_what_it_uses(self) -> None:
        package = "apache_airflow_provider_ovhcloud_ai"
        code = f"""
import sys
def loaded(part):
    return sorted(name for name in sys.modules if name.startswith("{package}." + part))
from {package}.operators.ai_endpoints import OVHCloudAIEndpointsChatOperator
assert loaded("decorators") == [], loaded("decorators")
from {package} import decorators
assert loaded("decorators") == ["{package}.decorators"], loaded("decorators")
decorators.ovh_chat
assert loaded("operators.embedding") == []
"""
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def test_unknown_names_are_unknown(self) -> None:
        with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
            _ = decorators.nothing
        assert dir(decorators) == ["ovh_batch", "ovh_bulk_chat", "ovh_chat", "ovh_embed", "ovh_guard"]
