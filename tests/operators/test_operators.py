"""
The operators as Airflow runs them: rendering, mapping, links, patience and what reaches the service.
"""

from __future__ import annotations

import copy
import itertools
import json
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar
from unittest.mock import MagicMock

import pytest
from apache_airflow_provider_ovhcloud_ai.client.parallel import LOOK_AHEAD_ITEMS
from apache_airflow_provider_ovhcloud_ai.compat import AirflowFailException
from apache_airflow_provider_ovhcloud_ai.errors import (
    AuthenticationError,
    BudgetExceededError,
    ConfigurationError,
    NotFoundError,
    PartialFailureError,
)
from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook
from apache_airflow_provider_ovhcloud_ai.operators import ai_endpoints
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import (
    OVHCloudAIEndpointsBulkChatOperator as BulkChat,
)
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import (
    OVHCloudAIEndpointsChatOperator as Chat,
)
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import (
    OVHCloudAIEndpointsEmbeddingOperator as Embedding,
)
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from apache_airflow_provider_ovhcloud_ai.ui.links import ModelCardLink
from faults.endpoints import ENDPOINTS
from support.operator_cases import OPERATORS, execute
from support.requests_seen import last_body, list_model_requests
from support.scripted_server import Server, respond

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("ovh_ai_endpoints_connection")]

QUESTION = [{"role": "user", "content": "Why?"}]


class TestWhatIsSent:
    def test_chat_sends_what_was_asked_and_the_temperature_that_the_page_promises(
        self, ovh_ai_endpoints_sandbox: Sandbox
    ) -> None:
        execute(Chat(task_id="t", model="gpt-oss-120b", messages=QUESTION))
        assert last_body(ovh_ai_endpoints_sandbox) == {
            "model": "gpt-oss-120b",
            "messages": QUESTION,
            "temperature": 1.0,
        }

    def test_chat_leaves_the_temperature_out_for_none(self, ovh_ai_endpoints_sandbox: Sandbox) -> None:
        execute(Chat(task_id="t", model="gpt-oss-120b", messages=QUESTION, temperature=None))
        assert "temperature" not in last_body(ovh_ai_endpoints_sandbox)

    def test_rendered_numbers_are_numbers_again(self, ovh_ai_endpoints_sandbox: Sandbox) -> None:
        execute(
            Chat(
                task_id="t",
                model="gpt-oss-120b",
                messages=QUESTION,
                temperature="0.5",
                max_tokens="300",
                top_p="0.9",
                timeout="30",
                max_retries="1",
            )
        )
        body = last_body(ovh_ai_endpoints_sandbox)
        assert (body["temperature"], body["max_tokens"], body["top_p"]) == (0.5, 300, 0.9)

    def test_further_parameters(self, ovh_ai_endpoints_sandbox: Sandbox) -> None:
        execute(Chat(task_id="t", model="gpt-oss-120b", messages=QUESTION, extra_body={"seed": 7}))
        assert last_body(ovh_ai_endpoints_sandbox)["seed"] == 7
        execute(Embedding(task_id="t", model="Qwen3-Embedding-8B", input="a", extra_body={"dimensions": 64}))
        assert last_body(ovh_ai_endpoints_sandbox)["dimensions"] == 64

    def test_the_connection_names_the_model(self) -> None:
        response, _ = execute(Chat(task_id="t", messages=QUESTION))
        assert response["model"] == "Meta-Llama-3_3-70B-Instruct"
        response, _ = execute(Embedding(task_id="t", input="a"))
        assert response["model"] == "bge-m3"

    @pytest.mark.parametrize(
        ("operator", "words"),
        [
            pytest.param(Chat(task_id="t", model="m"), "Nothing is asked", id="no messages"),
            pytest.param(Embedding(task_id="t", model="m"), "input must be a text or a list", id="no input"),
            pytest.param(
                Chat(task_id="t", model="m", messages=QUESTION, extra_body='{"seed": 7}'),
                "extra_body must be a dictionary, not",
                id="extra_body as text",
            ),
            pytest.param(
                Chat(task_id="t", model="m", messages=QUESTION, extra_body={"model": "n"}),
                "extra_body repeats model",
                id="extra_body repeats",
            ),
            pytest.param(
                Chat(task_id="t", model="m", messages=QUESTION, ovh_conn_id="absent"),
                "The connection 'absent' does not exist",
                id="no connection",
            ),
            pytest.param(
                Chat(task_id="t", model="m", messages=QUESTION, timeout="soon"),
                "timeout must be a number",
                id="timeout",
            ),
            pytest.param(
                Chat(task_id="t", model="m", messages=QUESTION, extra_body={"stream": True}),
                "extra_body repeats stream: give it as the operator's own parameter",
                id="stream",
            ),
        ],
    )
    def test_invalid_parameters_are_refused_before_a_request(
        self, operator: Any, words: str, ovh_ai_endpoints_sandbox: Sandbox
    ) -> None:
        with pytest.raises(ConfigurationError, match=words):
            execute(copy.copy(operator))
        assert ovh_ai_endpoints_sandbox.requests == []


class TestStream:
    def test_the_response_is_the_same(self, ovh_ai_endpoints_sandbox: Sandbox) -> None:
        options: dict[str, Any] = {"task_id": "t", "model": "gpt-oss-120b", "messages": QUESTION, "max_tokens": 200}
        streamed, links = execute(Chat(stream=True, **options))
        body = last_body(ovh_ai_endpoints_sandbox)
        whole, same_links = execute(Chat(**options))
        # The sandbox makes the id out of all that was sent.
        same_links["request_id"] = links["request_id"]
        assert (streamed | {"id": whole["id"]}, links) == (whole, same_links)
        assert body == last_body(ovh_ai_endpoints_sandbox) | {"stream": True, "stream_options": {"include_usage": True}}


DAG = """
from datetime import datetime
from airflow import DAG
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import (
    OVHCloudAIEndpointsBulkChatOperator as BulkChat,
    OVHCloudAIEndpointsChatOperator as Chat,
    OVHCloudAIEndpointsEmbeddingOperator as Embedding,
)
try:
    from airflow.sdk import task
except ImportError:
    from airflow.decorators import task

with DAG("{}", start_date=datetime(2026, 1, 1), schedule=None, params={{"model": "gpt-oss-20b", "t": 0.25}}):
"""


NUMBERS = itertools.count()


def build_dag(body: str) -> str:
    # An id of its own: 3.1 would look up the tasks of another test.
    return DAG.format(f"operators_{next(NUMBERS)}") + textwrap.indent(textwrap.dedent(body), "    ")


def read_answer(response: dict[str, Any]) -> str:
    return response["choices"][0]["message"]["content"]


class TestInADag:
    def test_every_field_that_varies_is_rendered(
        self,
        run_dag: Callable[..., Any],
        xcom: Callable[..., Any],
        ovh_ai_endpoints_sandbox: Sandbox,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv("AIRFLOW_VAR_CONN", "ovh_ai_endpoints_default")
        run = run_dag(
            build_dag("""
                Chat(
                    task_id="ask",
                    model="{{ params.model }}",
                    messages=[{"role": "user", "content": "{{ params.model }} {kept} {% raw %}{{ raw }}{% endraw %}"}],
                    temperature="{{ params.t }}",
                    max_tokens="{{ 40 * 10 }}",
                    top_p="{{ 0.5 }}",
                    stop=["{{ 'E' }}ND"],
                    extra_body={"seed": 7, "reasoning_effort": "{{ 'low' }}"},
                    ovh_conn_id="{{ var.value.conn }}",
                    timeout="{{ 30 }}",
                    max_retries="{{ 1 }}",
                )
            """)
        )
        assert run.state == "success"
        body = last_body(ovh_ai_endpoints_sandbox)
        assert body == {
            "model": "gpt-oss-20b",
            "messages": [{"role": "user", "content": "gpt-oss-20b {kept} {{ raw }}"}],
            "temperature": 0.25,
            "max_tokens": 400,
            "top_p": 0.5,
            "stop": ["END"],
            "seed": 7,
            "reasoning_effort": "low",
        }

    def test_braces_are_left_alone_where_asked_and_results_of_tasks_are_still_fetched(
        self, run_dag: Callable[..., Any], xcom: Callable[..., Any], ovh_ai_endpoints_sandbox: Sandbox
    ) -> None:
        run = run_dag(
            build_dag("""
                @task
                def question():
                    return "What is {{ this }}?"

                asked = question()
                Chat(
                    task_id="ask",
                    model="{{ params.model }}",
                    messages=[{"role": "system", "content": "{{ literal }}"}, {"role": "user", "content": asked}],
                    render_prompts=False,
                )
                Embedding(task_id="embed", model="bge-m3", input=["{{ a }}", "{% b %}"], render_prompts=False)
            """)
        )
        assert run.state == "success"
        by_path = {request.path: request.json for request in ovh_ai_endpoints_sandbox.requests}
        chat = by_path["/v1/chat/completions"]
        assert chat["model"] == "gpt-oss-20b"
        assert [message["content"] for message in chat["messages"]] == ["{{ literal }}", "What is {{ this }}?"]
        assert by_path["/v1/embeddings"]["input"] == ["{{ a }}", "{% b %}"]

    def test_mapped(
        self, run_dag: Callable[..., Any], xcom: Callable[..., Any], ovh_ai_endpoints_sandbox: Sandbox
    ) -> None:
        run = run_dag(
            build_dag("""
                Chat.partial(task_id="ask", messages=[{"role": "user", "content": "{{ ti.map_index }}"}]).expand(
                    model=["gpt-oss-20b", "gpt-oss-120b"]
                )
                Chat.partial(task_id="literal", model="gpt-oss-20b", render_prompts=False).expand(
                    messages=[[{"role": "user", "content": "{{ one }}"}], [{"role": "user", "content": "{{ two }}"}]]
                )
            """)
        )
        assert run.state == "success"
        for index, model in enumerate(["gpt-oss-20b", "gpt-oss-120b"]):
            assert f'"{index}"' in read_answer(xcom(run, "ask", map_indexes=index))
            assert xcom(run, "ask", ModelCardLink.xcom_key, map_indexes=index).endswith(f"/{model}/")
        assert "{{ two }}" in read_answer(xcom(run, "literal", map_indexes=1))

    def test_a_refused_token_ends_the_task_although_it_has_retries(
        self, run_dag: Callable[..., Any], ovh_ai_endpoints_sandbox: Sandbox
    ) -> None:
        ovh_ai_endpoints_sandbox.fail_next(status=403, times=9)
        run = run_dag(
            build_dag('Chat(task_id="ask", model="m", messages=[{"role": "user", "content": "a"}], retries=5)')
        )
        assert run.get_task_instance("ask").state == "failed"
        assert len(ovh_ai_endpoints_sandbox.requests) == 1

    def test_an_outage_leaves_the_task_to_its_retries(
        self, run_dag: Callable[..., Any], ovh_ai_endpoints_sandbox: Sandbox
    ) -> None:
        ovh_ai_endpoints_sandbox.fail_next(status=502, times=1)
        run = run_dag(
            build_dag(
                'Chat(task_id="ask", model="gpt-oss-20b", messages=[{"role": "user", "content": "a"}], '
                "max_retries=0, retries=1, retry_delay=0)"
            )
        )
        assert run.state == "success"
        assert len(list_model_requests(ovh_ai_endpoints_sandbox)) == 2


class TestBulkChat:
    ROWS: ClassVar[list[Any]] = [{"review": "Came late", "stars": 1}, {"review": "Lovely", "stars": 5}]

    def test_each_row_is_filled_into_the_prompts(self, ovh_ai_endpoints_sandbox: Sandbox) -> None:
        result, _ = execute(
            BulkChat(
                task_id="t",
                model="gpt-oss-20b",
                rows=self.ROWS,
                prompt="{stars} stars: {review}",
                system_prompt='Answer as {"mood": "..."}',
                max_tokens="300",
                concurrency="1",
            )
        )
        bodies = [request.json for request in list_model_requests(ovh_ai_endpoints_sandbox)]
        assert [[message["content"] for message in body["messages"]] for body in bodies] == [
            ['Answer as {"mood": "..."}', "1 stars: Came late"],
            ['Answer as {"mood": "..."}', "5 stars: Lovely"],
        ]
        assert {(body["temperature"], body["max_tokens"]) for body in bodies} == {(1.0, 300)}
        assert set(result) == {"model", "answers", "errors", "rows_duplicate", "cut", "usage"}
        assert ["Came late" in result["answers"][0], "Lovely" in result["answers"][1]] == [True, True]
        assert (result["model"], result["errors"]) == ("gpt-oss-20b", [])
        assert result["usage"]["total_tokens"] > 0

    def test_texts_are_asked_as_they_are(self, ovh_ai_endpoints_sandbox: Sandbox) -> None:
        execute(BulkChat(task_id="t", model="gpt-oss-20b", rows=("Why?", "How {so}?"), concurrency=1))
        conversations = [request.json["messages"] for request in list_model_requests(ovh_ai_endpoints_sandbox)]
        assert conversations == [QUESTION, [{"role": "user", "content": "How {so}?"}]]

    @pytest.mark.parametrize(
        ("options", "sentence"),
        [
            (
                {"rows": [*ROWS, {"text": "x"}], "prompt": "{review}"},
                "Row 2: The prompt names the column {review}",
            ),
            ({"rows": [*ROWS, 5], "prompt": "{review}"}, "Row 2 is a value of type int"),
            ({"rows": [], "on_empty": "fail"}, "There are no rows"),
            ({"rows": ["a"], "on_empty": "never"}, "on_empty must be"),
            ({"rows": "[1, 2]"}, "must be a list of texts or of dictionaries"),
            ({"rows": 5}, "must be a list of texts or of dictionaries"),
            ({}, "must be a list of texts or of dictionaries"),
            ({"rows": ["a"], "prompt": ""}, "prompt"),
            ({"rows": ["a"], "on_error": "never"}, "on_error must be"),
            ({"rows": ["a"], "extra_body": {"on_error": "skip"}}, "extra_body repeats on_error"),
        ],
    )
    def test_nothing_is_sent_of_what_cannot_work(
        self, ovh_ai_endpoints_sandbox: Sandbox, options: dict[str, Any], sentence: str
    ) -> None:
        with pytest.raises(ConfigurationError, match=sentence):
            execute(BulkChat(task_id="t", model="gpt-oss-20b", **options))
        assert not ovh_ai_endpoints_sandbox.requests

    def test_answers_of_a_task_that_fails_are_in_an_xcom(self, ovh_ai_endpoints_sandbox: Sandbox) -> None:
        ovh_ai_endpoints_sandbox.fail_next(status=422)
        ti = MagicMock()
        with pytest.raises(PartialFailureError, match="1 of 3 rows failed; the first one, row 0"):
            BulkChat(task_id="t", model="gpt-oss-20b", rows=list("abc"), concurrency=1).execute({"ti": ti})
        pushed = {call.kwargs["key"]: call.kwargs["value"] for call in ti.xcom_push.call_args_list}
        assert [answer and '"c"' in answer for answer in pushed["answers"]["answers"]] == [None, False, True]
        assert pushed["answers"]["errors"][0]["status"] == 422

    def test_nothing_is_pushed_where_nothing_was_answered(self, ovh_ai_endpoints_sandbox: Sandbox) -> None:
        ovh_ai_endpoints_sandbox.fail_next(status=403, times=9)
        ti = MagicMock()
        with pytest.raises(AuthenticationError):
            BulkChat(task_id="t", model="gpt-oss-20b", rows=["a"]).execute({"ti": ti})
        assert "answers" not in {call.kwargs["key"] for call in ti.xcom_push.call_args_list}

    def test_a_large_xcom_is_warned_about_before_it_is_paid_for(
        self, ovh_ai_endpoints_sandbox: Sandbox, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
    ) -> None:
        with pytest.raises(NotFoundError):
            execute(BulkChat(task_id="t", model="nobodys-model", rows=["a"] * 5_001, concurrency=1))
        # What is begun ahead of the first failure may have been sent by then, and nothing more.
        assert (
            len([request for request in ovh_ai_endpoints_sandbox.requests if request.path.endswith("/completions")])
            <= 1 + LOOK_AHEAD_ITEMS
        )
        assert "5,001 answers will go to XCom" in caplog.text + "".join(capfd.readouterr())

    def test_usage_of_all_rows_is_reported(self, ovh_ai_endpoints_sandbox: Sandbox) -> None:
        result, metadata = execute(BulkChat(task_id="t", model="gpt-oss-20b", rows=["a", "b"], prompt="{text}"))
        assert metadata["usage"]["requests"] == 2
        assert metadata["usage"]["total_tokens"] == result["usage"]["total_tokens"]
        assert metadata["usage"]["cost"] > 0

    @pytest.mark.parametrize("limit", [{"max_total_tokens": "1"}, {"max_cost": "0.00000001"}])
    def test_a_budget_ends_the_task_and_keeps_what_was_paid_for(
        self, ovh_ai_endpoints_sandbox: Sandbox, tmp_path: Path, limit: dict[str, str]
    ) -> None:
        options: dict[str, Any] = {"model": "gpt-oss-20b", "rows": list("abcdef"), "concurrency": 1}
        options |= {"output_path": str(tmp_path), "part_size": 2}
        with pytest.raises(BudgetExceededError, match=next(iter(limit))) as caught:
            execute(BulkChat(task_id="t", **options, **limit))
        assert isinstance(caught.value, AirflowFailException)
        assert len(list_model_requests(ovh_ai_endpoints_sandbox)) == 1
        manifest, metadata = execute(BulkChat(task_id="t", **options))
        assert (manifest["rows"], manifest["rows_reused"]) == (6, 1)
        assert metadata["usage"]["requests"] == 5

    def test_answers_in_files_are_not_paid_for_again(self, ovh_ai_endpoints_sandbox: Sandbox, tmp_path: Path) -> None:
        (tmp_path / "in.csv").write_text("id,review\n1,late\n2,fine\n3,broken\n")
        options: dict[str, Any] = {
            "model": "gpt-oss-20b",
            "input_path": str(tmp_path / "in.csv"),
            "output_path": str(tmp_path / "out"),
            "prompt": "Judge: {review}",
            "part_size": "2",
            "concurrency": 1,
        }
        ovh_ai_endpoints_sandbox.fail_next(status=422)
        with pytest.raises(PartialFailureError, match="1 of 3 rows failed"):
            execute(BulkChat(task_id="t", **options))
        manifest, _ = execute(BulkChat(task_id="t", **options))
        assert (manifest["rows"], manifest["rows_reused"], manifest["failed"]) == (3, 2, 0)
        assert len(list_model_requests(ovh_ai_endpoints_sandbox)) == 4
        lines = [line for part in sorted((tmp_path / "out").glob("part-*")) for line in part.read_text().splitlines()]
        records = [json.loads(line) for line in lines]
        assert [set(record) for record in records] == [{"id", "review", "answer", "error"}] * 3
        assert all(f"Judge: {record['review']}" in record["answer"] for record in records)

    def test_rows_of_another_task_are_asked_about_as_they_are(
        self, run_dag: Callable[..., Any], xcom: Callable[..., Any], ovh_ai_endpoints_sandbox: Sandbox
    ) -> None:
        run = run_dag(
            build_dag("""
                @task
                def reviews():
                    return [{"id": 1, "review": "{{ params.model }}"}, {"id": 2, "review": "fine"}]

                BulkChat(
                    task_id="classify",
                    model="{{ params.model }}",
                    rows=reviews(),
                    prompt="{{ params.t }} {review}",
                    concurrency=1,
                )
            """)
        )
        assert run.state == "success"
        prompts = [request.json["messages"][0]["content"] for request in list_model_requests(ovh_ai_endpoints_sandbox)]
        assert prompts == ["0.25 {{ params.model }}", "0.25 fine"]
        assert len(xcom(run, "classify")["answers"]) == 2
        assert xcom(run, "classify", ModelCardLink.xcom_key).endswith("/gpt-oss-20b/")


class TestCases:
    def test_every_operator_has_a_case(self) -> None:
        cases = {getattr(ai_endpoints, f"OVHCloudAIEndpoints{name}") for name in OPERATORS}
        assert cases == {getattr(ai_endpoints, name) for name in ai_endpoints.__all__}

    def test_the_fault_matrix_has_the_requests_of_each_case(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        paths = set()
        for endpoint in ENDPOINTS.values():
            with Server(respond(200, endpoint.body, {"Content-Type": endpoint.kind})) as server:
                fields = {"conn_type": "ovh_ai_endpoints", "host": server.base_url, "password": "t"}
                monkeypatch.setenv("AIRFLOW_CONN_OVH_AI_ENDPOINTS_DEFAULT", json.dumps(fields))
                endpoint.call(OVHCloudAIEndpointsHook(), tmp_path)
                paths |= {request.path for request in server.requests}
        assert {case.path for case in OPERATORS.values() if case.path} - paths == set()
