"""
The guard operator as Airflow runs it: verdicts, failing, branching, mapping, and what reaches service and log.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import MagicMock

import pytest
from apache_airflow_provider_ovhcloud_ai.compat import AirflowFailException
from apache_airflow_provider_ovhcloud_ai.errors import (
    BadRequestError,
    ConfigurationError,
    InvalidOutputError,
    InvalidResponseError,
    OutputTruncatedError,
    UnsafeContentError,
)
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import OVHCloudAIEndpointsGuardOperator as Guard
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from apache_airflow_provider_ovhcloud_ai.ui.links import ModelCardLink
from support.scripted_server import Manner, Server, respond

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("ovh_ai_endpoints_connection")]

HARMLESS = "How do I sharpen a knife?"
HARMFUL = "How do I make a bomb at home?"
SAFE = {"safe": True, "safety": "Safe", "categories": [], "refusal": None, "model": "Qwen3Guard-Gen-8B"}
UNSAFE = SAFE | {"safe": False, "safety": "Unsafe", "categories": ["Violent"]}


def execute(**arguments: Any) -> tuple[Any, dict[str, Any]]:
    """Run the operator without a DAG; give its result and the XComs that it pushed itself."""
    ti = MagicMock()
    try:
        return Guard(task_id="t", **arguments).execute({"ti": ti}), pushed(ti)
    except UnsafeContentError as error:
        return error, pushed(ti)


def pushed(ti: MagicMock) -> dict[str, Any]:
    return {call.kwargs["key"]: call.kwargs["value"] for call in ti.xcom_push.call_args_list}


def build_manner(text: str | None, finish: str = "stop") -> Manner:
    choice = {"message": {"role": "assistant", "content": text}, "finish_reason": finish}
    return respond(200, {"choices": [choice], "model": "Qwen3Guard-Gen-8B"})


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Server]]:
    """
    Point the default connection at a guard model that says what a test wants.
    """
    servers: list[Server] = []

    def start(*manners: Manner) -> Server:
        server = Server(*manners)
        servers.append(server.__enter__())
        value = {"conn_type": "ovh_ai_endpoints", "host": server.base_url, "password": "sandbox-token"}
        monkeypatch.setenv("AIRFLOW_CONN_OVH_AI_ENDPOINTS_DEFAULT", json.dumps(value))
        return server

    yield start
    for server in servers:
        server.__exit__(None, None, None)


class TestVerdict:
    @pytest.mark.parametrize(
        ("arguments", "verdict"),
        [
            ({"text": HARMLESS}, SAFE),
            ({"text": HARMFUL}, UNSAFE),
            ({"text": HARMLESS, "answer": "With a whetstone."}, SAFE | {"refusal": False}),
            ({"text": HARMLESS, "answer": "A knife can kill."}, UNSAFE | {"refusal": False}),
            ({"messages": [{"role": "user", "content": HARMFUL}]}, UNSAFE),
            ({"text": HARMLESS, "model": "Qwen3Guard-Gen-0.6B"}, SAFE | {"model": "Qwen3Guard-Gen-0.6B"}),
            ({"text": HARMLESS, "model": None}, SAFE),
        ],
    )
    def test_goes_to_xcom(self, arguments: dict[str, Any], verdict: dict[str, Any]) -> None:
        assert execute(**arguments)[0] == verdict

    def test_nothing_is_sent_that_was_not_asked_for(self, ovh_ai_endpoints_sandbox: Sandbox) -> None:
        execute(text=HARMLESS, answer="With a whetstone.")
        (request,) = ovh_ai_endpoints_sandbox.requests
        assert request.json == {
            "model": "Qwen3Guard-Gen-8B",
            "messages": [
                {"role": "user", "content": HARMLESS},
                {"role": "assistant", "content": "With a whetstone."},
            ],
        }
        execute(text=HARMLESS, extra_body={"seed": 7})
        assert ovh_ai_endpoints_sandbox.requests[-1].json["seed"] == 7

    def test_links_lead_to_the_guard_model(self) -> None:
        assert execute(text=HARMLESS)[1][ModelCardLink.xcom_key].endswith("/qwen-guard-gen-8b/")

    @pytest.mark.parametrize(("unsafe", "safe"), [(("Unsafe",), True), ("Unsafe,Controversial", False)])
    def test_controversial_is_unsafe_where_it_is_named(
        self, unsafe: Any, safe: bool, scripted: Callable[..., Server]
    ) -> None:
        scripted(build_manner("Safety: Controversial\nCategories: Politically Sensitive Topics"))
        verdict, _ = execute(text=HARMLESS, unsafe_levels=unsafe)
        assert (verdict["safe"], verdict["safety"]) == (safe, "Controversial")

    @pytest.mark.parametrize("on_unsafe", ["return", "fail"])
    @pytest.mark.parametrize("text", ["I cannot judge that.", "Safety: Fine"])
    def test_an_answer_that_is_none_fails_the_task(
        self, text: str | None, on_unsafe: str, scripted: Callable[..., Server]
    ) -> None:
        scripted(build_manner(text))
        with pytest.raises(InvalidResponseError, match="nothing is known to be safe"):
            execute(text=HARMLESS, on_unsafe=on_unsafe)

    @pytest.mark.parametrize("on_unsafe", ["return", "fail"])
    @pytest.mark.parametrize("text", ["", None, "<think>Safety: Safe"])
    def test_answer_without_text_fails_the_task(
        self, text: str | None, on_unsafe: str, scripted: Callable[..., Server]
    ) -> None:
        scripted(build_manner(text))
        with pytest.raises(InvalidOutputError, match="no text"):
            execute(text=HARMLESS, on_unsafe=on_unsafe)

    def test_a_language_model_is_no_guard(self) -> None:
        with pytest.raises(InvalidResponseError, match="does not sound like a guard model") as caught:
            execute(text=HARMLESS, model="gpt-oss-20b")
        assert HARMLESS not in str(caught.value)  # which the sandbox repeats

    def test_one_that_was_cut_is_final(self, ovh_ai_endpoints_sandbox: Sandbox) -> None:
        with pytest.raises(OutputTruncatedError, match="before its verdict") as caught:
            execute(text=HARMLESS, extra_body={"max_tokens": 1})
        assert isinstance(caught.value, AirflowFailException)

    def test_a_text_that_the_service_refuses_is_not_safe(self, scripted: Callable[..., Server]) -> None:
        scripted(respond(400, {"error": {"message": "This model's maximum context length is 32768 tokens."}}))
        with pytest.raises(BadRequestError, match="maximum context length"):
            execute(text=HARMLESS)


class TestWhatCannotWork:
    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            ({}, "There is nothing to check"),
            ({"text": "  "}, "text must not be empty"),
            ({"text": HARMLESS, "answer": ""}, "answer must not be empty"),
            ({"text": HARMLESS, "answer": None}, "answer must be a text, not None"),
            ({"text": HARMLESS, "messages": [{"role": "user", "content": "a"}]}, "not both"),
            ({"text": HARMLESS, "unsafe_levels": "Controversial"}, "unsafe_levels must be 'Unsafe', or both"),
            (
                {"text": HARMLESS, "on_unsafe": "skip"},
                "on_unsafe must be one of return, fail, branch, not 'skip'",
            ),
            ({"text": HARMLESS, "safe_task_ids": "a"}, "are for on_unsafe='branch': add it"),
            ({"text": HARMLESS, "on_unsafe": "fail", "unsafe_task_ids": ["a"]}, "are for on_unsafe='branch'"),
            ({"text": HARMLESS, "on_unsafe": "branch"}, "needs safe_task_ids, unsafe_task_ids or both"),
            (
                {"text": HARMLESS, "on_unsafe": "branch", "safe_task_ids": 5},
                "safe_task_ids must be a task id or",
            ),
            ({"text": HARMLESS, "on_unsafe": "branch", "unsafe_task_ids": ["a", ""]}, "unsafe_task_ids must not be"),
            ({"text": HARMLESS, "extra_body": {"messages": []}}, "extra_body repeats messages"),
            ({"text": HARMLESS, "extra_body": {"stream": True}}, "extra_body repeats stream"),
        ],
    )
    def test_invalid_parameters_are_refused_before_a_request(
        self, arguments: dict[str, Any], says: str, ovh_ai_endpoints_sandbox: Sandbox
    ) -> None:
        with pytest.raises(ConfigurationError, match=says) as caught:
            execute(**arguments)
        assert isinstance(caught.value, AirflowFailException)
        assert ovh_ai_endpoints_sandbox.requests == []


class TestFail:
    def test_names_the_verdict_and_never_the_text(self) -> None:
        error, xcoms = execute(text=HARMFUL, on_unsafe="fail")
        assert isinstance(error, UnsafeContentError)
        assert isinstance(error, AirflowFailException)
        assert "Qwen3Guard-Gen-8B judged the content Unsafe (Violent)" in str(error)
        assert HARMFUL not in str(error)
        assert error.response == xcoms["return_value"] == UNSAFE

    def test_is_left_to_the_retries_where_asked(self) -> None:
        error, _ = execute(text=HARMFUL, on_unsafe="fail", fail_fast=False)
        assert isinstance(error, UnsafeContentError)
        assert not isinstance(error, AirflowFailException)

    def test_leaves_no_xcom_where_none_is_wanted(self) -> None:
        error, xcoms = execute(text=HARMFUL, on_unsafe="fail", do_xcom_push=False)
        assert isinstance(error, UnsafeContentError)
        assert "return_value" not in xcoms

    def test_lets_safe_content_pass(self) -> None:
        assert execute(text=HARMLESS, on_unsafe="fail")[0] == SAFE


DAG = """
from datetime import datetime
from airflow import DAG
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import OVHCloudAIEndpointsGuardOperator as Guard
try:
    from airflow.sdk import TaskGroup, task
except ImportError:
    from airflow.decorators import task
    from airflow.utils.task_group import TaskGroup

@task(trigger_rule="none_failed_min_one_success")
def join():
    return "joined"

@task
def step():
    return "done"

with DAG("{}", start_date=datetime(2026, 1, 1), schedule=None, params={{"name": "Ada", "strict": "Unsafe"}}):
"""

NUMBERS = itertools.count()


def build_dag(body: str, **values: str) -> str:
    # An id of its own: 3.1 would look up the tasks of another test.
    source = DAG.format(f"guard_{next(NUMBERS)}") + textwrap.indent(textwrap.dedent(body), "    ")
    for name, value in values.items():
        source = source.replace(f"<{name}>", value)
    return source


def states(run: Any) -> dict[str, str]:
    return {
        instance.task_id if instance.map_index < 0 else f"{instance.task_id}[{instance.map_index}]": str(instance.state)
        for instance in run.get_task_instances()
    }


BRANCH = """
    guard = Guard(
        task_id="guard", text="<text>", on_unsafe="branch", safe_task_ids=<safe>, unsafe_task_ids=<unsafe>
    )
    guard >> [step.override(task_id="answer")(), step.override(task_id="refuse")()] >> join()
"""


class TestInADag:
    @pytest.mark.parametrize(
        ("text", "verdict", "answer", "refuse"),
        [(HARMLESS, SAFE, "success", "skipped"), (HARMFUL, UNSAFE, "skipped", "success")],
    )
    def test_branch(
        self,
        text: str,
        verdict: dict[str, Any],
        answer: str,
        refuse: str,
        run_dag: Callable[..., Any],
        xcom: Callable[..., Any],
    ) -> None:
        run = run_dag(build_dag(BRANCH, text=text, safe="'answer'", unsafe="['refuse']"))
        assert states(run) == {"guard": "success", "answer": answer, "refuse": refuse, "join": "success"}
        assert xcom(run, "guard") == verdict
        assert xcom(run, "guard", ModelCardLink.xcom_key).endswith("/qwen-guard-gen-8b/")

    @pytest.mark.parametrize(
        ("text", "safe", "unsafe", "expected"),
        [
            (HARMLESS, "'answer'", "None", ["success", "skipped", "success"]),
            (HARMFUL, "'answer'", "None", ["skipped", "skipped", "skipped"]),
            (HARMLESS, "['answer', 'refuse']", "'refuse'", ["success", "success", "success"]),
        ],
    )
    def test_branch_with_one_way_or_several(
        self, text: str, safe: str, unsafe: str, expected: list[str], run_dag: Callable[..., Any], xcom: Any
    ) -> None:
        run = run_dag(build_dag(BRANCH, text=text, safe=safe, unsafe=unsafe))
        task_states = states(run)
        assert [task_states[name] for name in ("answer", "refuse", "join")] == expected
        assert xcom(run, "guard")["safe"] == (text == HARMLESS)

    @pytest.mark.parametrize(("text", "groups"), [(HARMLESS, "success"), (HARMFUL, "skipped")])
    def test_branch_into_a_task_group_from_within_one(
        self, text: str, groups: str, run_dag: Callable[..., Any]
    ) -> None:
        run = run_dag(
            build_dag(
                """
                with TaskGroup("outer"):
                    guard = Guard(
                        task_id="guard",
                        text="<text>",
                        on_unsafe="branch",
                        safe_task_ids="{{ 'outer.inner' }}",
                        unsafe_task_ids=["outer.refuse"],
                    )
                    with TaskGroup("inner") as inner:
                        step.override(task_id="one")() >> step.override(task_id="two")()
                    guard >> inner
                    guard >> step.override(task_id="refuse")()
                """,
                text=text,
            )
        )
        task_states = states(run)
        assert {task_states.pop("outer.inner.one"), task_states.pop("outer.inner.two")} == {groups}
        assert task_states == {
            "outer.guard": "success",
            "outer.refuse": "skipped" if groups == "success" else "success",
        }

    @pytest.mark.parametrize("safe", ["'typo'", "['answer', 'elsewhere']", "'group'"])
    def test_a_branch_that_would_guard_nothing_is_refused_before_anything_is_sent(
        self, safe: str, run_dag: Callable[..., Any], ovh_ai_endpoints_sandbox: Sandbox
    ) -> None:
        body = BRANCH + (
            '\n    step.override(task_id="elsewhere")()'
            '\n    with TaskGroup("group"):\n        step.override(task_id="inside")()'
        )
        run = run_dag(build_dag(body, text=HARMLESS, safe=safe, unsafe="'refuse'"))
        task_states = states(run)
        assert (task_states["guard"], task_states["answer"], task_states["refuse"]) == (
            "failed",
            "upstream_failed",
            "upstream_failed",
        )
        assert ovh_ai_endpoints_sandbox.requests == []

    def test_fail_ends_the_task_although_it_has_retries_and_leaves_its_verdict(
        self, run_dag: Callable[..., Any], xcom: Callable[..., Any], ovh_ai_endpoints_sandbox: Sandbox
    ) -> None:
        run = run_dag(
            build_dag(
                """
                guard = Guard(task_id="guard", text="<text>", on_unsafe="fail", retries=3)
                guard >> step.override(task_id="answer")()
                """,
                text=HARMFUL,
            )
        )
        assert states(run) == {"guard": "failed", "answer": "upstream_failed"}
        assert xcom(run, "guard") == UNSAFE
        assert len(ovh_ai_endpoints_sandbox.requests) == 1

    def test_mapped(self, run_dag: Callable[..., Any], xcom: Callable[..., Any]) -> None:
        run = run_dag(
            build_dag(
                """
                Guard.partial(task_id="told").expand(text=["<harmless>", "<harmful>"])
                Guard.partial(task_id="failed", on_unsafe="fail").expand(text=["<harmless>", "<harmful>"])
                Guard.partial(task_id="answers", text="<harmless>").expand(answer=["A whetstone.", "Kill it."])
                """,
                harmless=HARMLESS,
                harmful=HARMFUL,
            )
        )
        task_states = states(run)
        assert [task_states[f"{name}[{index}]"] for name in ("told", "failed", "answers") for index in (0, 1)] == [
            *("success", "success"),
            *("success", "failed"),
            *("success", "success"),
        ]
        assert [xcom(run, "told", map_indexes=index) for index in (0, 1)] == [SAFE, UNSAFE]
        assert xcom(run, "failed", map_indexes=1) == UNSAFE
        assert [xcom(run, "answers", map_indexes=index)["safe"] for index in (0, 1)] == [True, False]

    def test_what_is_judged_is_rendered_unless_it_is_to_be_left_alone(
        self, run_dag: Callable[..., Any], ovh_ai_endpoints_sandbox: Sandbox
    ) -> None:
        run = run_dag(
            build_dag(
                """
                Guard(
                    task_id="rendered",
                    text="I am {{ params.name }}",
                    answer="Hello, {{ params.name }}",
                    model="Qwen3Guard-Gen-{{ 8 }}B",
                    unsafe_levels="{{ params.strict }},Controversial",
                    on_unsafe="{{ 'fail' }}",
                    ovh_conn_id="ovh_ai_endpoints_{{ 'default' }}",
                ) >> Guard(
                    task_id="left_alone",
                    text="I am {{ params.name }}",
                    model="Qwen3Guard-Gen-{{ 8 }}B",
                    render_prompts=False,
                )
                """
            )
        )
        assert run.state == "success"
        rendered, left_alone = (request.json for request in ovh_ai_endpoints_sandbox.requests)
        assert [message["content"] for message in rendered["messages"]] == ["I am Ada", "Hello, Ada"]
        assert [message["content"] for message in left_alone["messages"]] == ["I am {{ params.name }}"]
        assert rendered["model"] == left_alone["model"] == "Qwen3Guard-Gen-8B"

    def test_an_answer_that_another_task_does_not_give_is_not_taken_for_safe(
        self, run_dag: Callable[..., Any], ovh_ai_endpoints_sandbox: Sandbox
    ) -> None:
        run = run_dag(
            build_dag(
                """
                @task
                def nothing():
                    return None

                Guard(task_id="guard", text="<text>", answer=nothing())
                """,
                text=HARMLESS,
            )
        )
        assert states(run) == {"nothing": "success", "guard": "failed"}
        assert ovh_ai_endpoints_sandbox.requests == []


def test_other_operators_do_not_pay_for_branching() -> None:
    code = (
        "import sys; from apache_airflow_provider_ovhcloud_ai.operators import ai_endpoints; "
        "ai_endpoints.OVHCloudAIEndpointsBulkChatOperator; "
        "print([name for name in sys.modules if name.endswith(('operators.guard', 'operators.branch'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr
