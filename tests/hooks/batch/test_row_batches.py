"""
Rows through batches: what goes into which batch, and what comes of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import pytest
from apache_airflow_provider_ovhcloud_ai.errors import BudgetExceededError, ConfigurationError, PartialFailureError
from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook
from apache_airflow_provider_ovhcloud_ai.hooks.batch import batch_run
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import (
    OVHCloudAIEndpointsBatchOperator as BatchOperator,
)
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from pydantic import BaseModel

try:
    from airflow.sdk.exceptions import TaskDeferred
except ImportError:
    from airflow.exceptions import TaskDeferred

pytestmark = pytest.mark.airflow

MODEL, OTHER = "gpt-oss-20b", "gpt-oss-120b"


class Topic(BaseModel):
    topic: Literal["sandbox", "other"]
    score: int


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    with Sandbox() as running:
        monkeypatch.setenv("AIRFLOW_CONN_OVH_AI_ENDPOINTS_DEFAULT", running.connection_json)
        yield running


@pytest.fixture
def respond(sandbox: Sandbox) -> Callable[[Callable[[dict[str, Any]], Any]], None]:
    """
    Let lines of batches get another response: the status of an error, or the text of an answer; None for the usual one.
    """
    batches = sandbox._service._routes[-1].endpoint.__self__
    run = batches._run

    def set_response(respond_to: Callable[[dict[str, Any]], Any]) -> None:
        def answer(path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
            response = respond_to(body)
            if isinstance(response, int):
                return response, {"error": {"message": "as ordered"}}
            status, value = run(path, body)
            if response is not None:
                value["choices"][0]["message"]["content"] = response
            return status, value

        batches._run = answer

    return set_response


def build_context(**changes: Any) -> dict[str, Any]:
    fields = {"dag_id": "d", "run_id": "r", "task_id": "t", "map_index": -1, "max_tries": 2, "try_number": 1, **changes}
    xcoms: dict[str, Any] = {}
    return {"ti": SimpleNamespace(**fields, xcom_push=lambda key, value: xcoms.update({key: value}), xcoms=xcoms)}


def build_operator(*rows: Any, **options: Any) -> Any:
    return BatchOperator(
        task_id="t", **{"rows": list(rows), "model": MODEL, "poll_interval": 0, "retries": 2} | options
    )


def list_batches() -> list[list[dict[str, Any]]]:
    """The bodies of the requests of each batch, the earliest first."""
    hook = OVHCloudAIEndpointsHook()
    batches = reversed(list(hook.list_batches()))
    return [[line["body"] for line in hook.read_file(batch["input_file_id"])] for batch in batches]


def list_prompts() -> list[list[str]]:
    return [[body["messages"][0]["content"] for body in batch] for batch in list_batches()]


def is_bad(body: dict[str, Any]) -> bool:
    return body["messages"][0]["content"].startswith("bad")


def spoil_first(body: dict[str, Any]) -> str | None:
    """An invalid answer to the first request about a bad row."""
    return "no JSON" if is_bad(body) and len(body["messages"]) == 1 else None


def resume(task: Any, deferred: Any) -> Any:
    """Continue a deferred task, as Airflow does after its trigger."""
    event = {"batch_ids": deferred.value.kwargs["batch_ids"], "error": None}
    return task.execute_complete(build_context(), event, **deferred.value.kwargs)


VALID = {"topic": "sandbox", "score": 0}


class TestStructure:
    def test_answers_are_data(self, sandbox: Sandbox) -> None:
        result = build_operator("a", "b", response_format=Topic).execute(build_context())
        assert (result["results"], result["errors"], result["usage"]["requests"]) == ([VALID, VALID], [], 2)
        assert len(list_batches()) == 1

    def test_fields_become_columns(self, sandbox: Sandbox, tmp_path: Path) -> None:
        rows = [{"id": 1, "text": "a"}, {"id": 2, "text": "b"}]
        options: dict[str, Any] = {"columns": "flatten", "keep_columns": ["id"], "extra_columns": ["finish_reason"]}
        task = build_operator(*rows, response_format=Topic, output_path=str(tmp_path), **options)
        manifest = task.execute(build_context())
        assert list(OVHCloudAIEndpointsHook.read_rows(manifest)) == [
            {"id": number, **VALID, "finish_reason": "stop", "error": None} for number in (1, 2)
        ]

    def test_invalid_answers_fail_by_default(self, respond: Any) -> None:
        respond(spoil_first)
        result = build_operator("good", "bad", response_format=Topic, on_error="skip").execute(build_context())
        assert result["results"] == [VALID, None]
        assert "Invalid JSON" in result["errors"][0]["error"]
        assert list_prompts() == [["good", "bad"]]

    def test_repair_is_a_second_batch_of_the_bad_rows(self, respond: Any) -> None:
        respond(spoil_first)
        context = build_context()
        task = build_operator("good", "bad 1", "bad 2", response_format=Topic, repair=True)
        result = task.execute(context)
        assert (result["results"], result["errors"]) == ([VALID] * 3, [])
        assert list_prompts() == [["good", "bad 1", "bad 2"], ["bad 1", "bad 2"]]
        _, (first, _) = list_batches()
        wrong, repair = first["messages"][1:]
        assert (wrong["content"], "Invalid JSON" in repair["content"]) == ("no JSON", True)
        # All that was billed, once.
        assert result["usage"]["requests"] == 5
        assert [batch["total"] for batch in context["ti"].xcoms["batches"]] == [3, 2]

    def test_repair_that_fails_is_the_last(self, respond: Any) -> None:
        respond(lambda body: "no JSON" if is_bad(body) else None)
        task = build_operator("good", "bad", response_format=Topic, repair=True, on_error="skip")
        result = task.execute(build_context())
        assert result["results"] == [VALID, None]
        assert [len(batch) for batch in list_batches()] == [2, 1]

    def test_a_later_try_keeps_repairs(self, respond: Any) -> None:
        respond(spoil_first)
        options: dict[str, Any] = {"response_format": Topic, "repair": True}
        first = build_operator("good", "bad", **options).execute(build_context())
        again = build_operator("good", "bad", **options).execute(build_context(try_number=2))
        assert again["results"] == first["results"] == [VALID, VALID]
        assert [len(batch) for batch in list_batches()] == [2, 1]


class TestFallback:
    @pytest.mark.parametrize("status", [404, 410, 429, 503])
    def test_rows_without_an_answer_go_to_the_next_model(self, respond: Any, status: int) -> None:
        respond(lambda body: status if is_bad(body) and body["model"] == MODEL else None)
        task = build_operator("good", "bad", fallback_models=[OTHER])
        if status == 404:
            # The service's own words for an unknown model are needed, so that a wrong path doesn't count.
            task.on_error = "skip"
        result = task.execute(build_context())
        if status == 404:
            assert (len(list_batches()), len(result["errors"])) == (1, 1)
            return
        assert (result["errors"], all(result["results"])) == ([], True)
        assert [[body["model"] for body in batch] for batch in list_batches()] == [[MODEL, MODEL], [OTHER]]

    def test_models_are_tried_one_after_the_other(self, respond: Any) -> None:
        respond(lambda body: 503 if is_bad(body) and body["model"] != "third" else None)
        task = build_operator("good", "bad", fallback_models=[OTHER, "Meta-Llama-3_3-70B-Instruct"], on_error="skip")
        result = task.execute(build_context())
        assert [[body["model"] for body in batch] for batch in list_batches()] == [
            [MODEL, MODEL],
            [OTHER],
            ["Meta-Llama-3_3-70B-Instruct"],
        ]
        assert [error["status"] for error in result["errors"]] == [503]

    def test_without_fallback_models_a_retry_sends_the_row_again(self, respond: Any) -> None:
        respond(lambda body: 503 if is_bad(body) else None)
        with pytest.raises(PartialFailureError, match="503: as ordered"):
            build_operator("good", "bad").execute(build_context())
        respond(lambda _: None)
        result = build_operator("good", "bad").execute(build_context(try_number=2))
        assert (result["errors"], list_prompts()) == ([], [["good", "bad"], ["bad"]])

    def test_fallback_and_repair_may_follow_each_other(self, respond: Any) -> None:
        respond(lambda body: 503 if is_bad(body) and body["model"] == MODEL else spoil_first(body))
        task = build_operator("good", "bad", fallback_models=[OTHER], response_format=Topic, repair=True)
        assert task.execute(build_context())["results"] == [VALID, VALID]
        assert [[(body["model"], len(body["messages"])) for body in batch] for batch in list_batches()] == [
            [(MODEL, 1), (MODEL, 1)],
            [(OTHER, 1)],
            [(OTHER, 3)],
        ]


class TestRows:
    @pytest.fixture(params=["xcom", "folder"])
    def options(self, request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
        return {"output_path": str(tmp_path / "out"), "part_size": 2} if request.param == "folder" else {}

    def read(self, result: dict[str, Any]) -> list[Any]:
        rows = OVHCloudAIEndpointsHook.read_rows(result) if "path" in result else None
        return result["results"] if rows is None else [row["answer"] for row in rows]

    def test_equal_rows_are_one_line(self, sandbox: Sandbox, options: dict[str, Any]) -> None:
        result = build_operator("a", "b", "a", "a", **options).execute(build_context())
        first, second, *rest = self.read(result)
        assert (rest, first != second) == ([first, first], True)
        assert list_prompts() == [["a", "b"]]

    def test_a_key_column_keeps_equal_rows_apart(self, sandbox: Sandbox, options: dict[str, Any]) -> None:
        rows = [{"id": number, "text": "a"} for number in (1, 2, 1)]
        build_operator(*rows, key="id", **options).execute(build_context())
        assert list_prompts() == [["a", "a"]]

    def test_a_row_on_top_while_the_batch_ran_is_asked_alone(self, sandbox: Sandbox, tmp_path: Path) -> None:
        """And all answers of the batch are kept."""
        source = tmp_path / "rows.txt"
        source.write_text("a\nb\nc\n")
        options: dict[str, Any] = {"rows": None, "input_path": str(source), "deferrable": True}
        with pytest.raises(TaskDeferred) as deferred:
            build_operator(**options).execute(build_context())
        source.write_text("new\na\nb\nc\n")
        with pytest.raises(TaskDeferred) as again:
            resume(build_operator(**options), deferred)
        assert list_prompts() == [["a", "b", "c"], ["new"]]
        result = resume(build_operator(**options), again)
        answers = zip(["new", *"abc"], result["results"], strict=True)
        assert [f'"{text}"' in answer for text, answer in answers] == [True] * 4
        assert len(list_batches()) == 2

    def test_a_row_that_was_removed_while_the_batch_ran_is_gone(self, sandbox: Sandbox) -> None:
        with pytest.raises(TaskDeferred) as deferred:
            build_operator("a", "b", deferrable=True).execute(build_context())
        result = resume(build_operator("b", deferrable=True), deferred)
        assert ['"b"' in answer for answer in result["results"]] == [True]

    def test_ids_of_an_older_version_are_known(self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
        """They had the number of the row in front of the same hash."""
        encode = batch_run.BatchRun._encode_line
        number = iter(range(100))
        with monkeypatch.context() as patch:
            patch.setattr(
                batch_run.BatchRun,
                "_encode_line",
                lambda self, line: encode(
                    self, line._replace(custom_id=f"{next(number)}-{batch_run.read_digest(line.custom_id)}")
                ),
            )
            first = build_operator("a", "b").execute(build_context())
        again = build_operator("new", "a", "b").execute(build_context(try_number=2))
        assert again["results"][1:] == first["results"]
        assert list_prompts() == [["a", "b"], ["new"]]

    @pytest.mark.parametrize("output_format", ["jsonl", "parquet"])
    def test_a_later_run_with_other_rows_asks_for_the_new_ones(
        self, sandbox: Sandbox, tmp_path: Path, output_format: str
    ) -> None:
        options = {"output_path": str(tmp_path), "output_format": output_format, "if_exists": "update"}
        build_operator("a", "b", "c", **options).execute(build_context())
        manifest = build_operator("c", "x", "a", **options).execute(build_context(run_id="later"))
        assert list_prompts() == [["a", "b", "c"], ["x"]]
        assert (manifest["rows"], manifest["rows_reused"]) == (3, 2)
        assert [f'"{row["text"]}"' in row["answer"] for row in OVHCloudAIEndpointsHook.read_rows(manifest)] == [
            True
        ] * 3

    @pytest.mark.parametrize(("on_empty", "folder"), [("succeed", False), ("succeed", True)])
    def test_no_rows_are_no_batch(self, sandbox: Sandbox, tmp_path: Path, on_empty: str, folder: bool) -> None:
        options = {"output_path": str(tmp_path)} if folder else {}
        result = build_operator(on_empty=on_empty, **options).execute(build_context())
        assert (result["rows"] if folder else result["results"]) in (0, [])
        assert list_batches() == []


class TestBudget:
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"max_total_tokens": 100}, "max_total_tokens"),
            ({"max_total_tokens": "100"}, "max_total_tokens"),
            ({"max_total_tokens": 2_000, "max_tokens": 200}, "max_total_tokens"),
            ({"max_cost": 1e-9}, "max_cost"),
        ],
    )
    def test_an_estimate_above_the_limit_is_refused_before_the_upload(
        self, sandbox: Sandbox, options: dict[str, Any], message: str
    ) -> None:
        rows = [f"Question {number} of many" for number in range(50)]
        with pytest.raises(BudgetExceededError, match=f"estimated to use .*{message}"):
            build_operator(*rows, **options).execute(build_context())
        assert not [each for each in sandbox.requests if each.method == "POST"]

    def test_a_task_within_the_limit_runs(self, sandbox: Sandbox) -> None:
        result = build_operator("a", "b", max_total_tokens=100_000, max_cost=10).execute(build_context())
        assert all(result["results"])

    def test_answers_of_an_earlier_try_count_with_their_usage(self, sandbox: Sandbox) -> None:
        rows = [f"Question {number}" for number in range(20)]
        usage = build_operator(*rows).execute(build_context())["usage"]
        again = build_context(try_number=2)
        with pytest.raises(BudgetExceededError):
            build_operator(*rows, "one more", max_total_tokens=usage["total_tokens"]).execute(again)
        build_operator(*rows, "one more", max_total_tokens=usage["total_tokens"] + 20).execute(again)
        assert list_prompts() == [rows, ["one more"]]


class TestDeferral:
    def test_two_rounds(self, respond: Any) -> None:
        respond(spoil_first)

        def build() -> Any:
            return build_operator("good", "bad", response_format=Topic, repair=True, deferrable=True)

        with pytest.raises(TaskDeferred) as first:
            build().execute(build_context())
        assert (first.value.kwargs["rounds"], len(list_batches())) == (1, 1)
        with pytest.raises(TaskDeferred) as second:
            resume(build(), first)
        assert (second.value.kwargs["rounds"], len(list_batches())) == (2, 2)
        assert second.value.trigger.batch_ids == ["batch-000001", "batch-000002"]
        assert resume(build(), second)["results"] == [VALID, VALID]
        assert len(list_batches()) == 2

    def test_a_worker_that_is_lost_between_the_rounds_pays_for_nothing_twice(self, respond: Any) -> None:
        respond(spoil_first)
        options: dict[str, Any] = {"response_format": Topic, "repair": True}
        with pytest.raises(TaskDeferred) as first:
            build_operator("good", "bad", deferrable=True, **options).execute(build_context())
        with pytest.raises(TaskDeferred):
            resume(build_operator("good", "bad", deferrable=True, **options), first)
        result = build_operator("good", "bad", **options).execute(build_context(try_number=2))
        assert result["results"] == [VALID, VALID]
        assert [len(batch) for batch in list_batches()] == [2, 1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"columns": "flatten"}, "columns='flatten' needs a response_format"),
        ({"extra_columns": ["tokens"]}, "extra_columns must be among"),
        ({"key": "id"}, "Row 0 has no value in the key column 'id'"),
        ({"max_failures": "many"}, "max_failures must be a number"),
        ({"response_format": "json"}, "response_format must be a JSON schema"),
    ],
)
def test_invalid_parameters_are_refused_before_the_upload(
    sandbox: Sandbox, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        build_operator("a", **options).execute(build_context())
    assert not [each for each in sandbox.requests if each.method == "POST"]
