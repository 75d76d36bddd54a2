"""
Asking about rows, with all that one question can have, against the sandbox.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import pytest
from apache_airflow_provider_ovhcloud_ai.compat import AirflowSkipException
from apache_airflow_provider_ovhcloud_ai.errors import (
    BudgetExceededError,
    ConfigurationError,
    InvalidInputError,
    PartialFailureError,
)
from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import (
    OVHCloudAIEndpointsBulkChatOperator as BulkChatOperator,
)
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from pydantic import BaseModel, Field
from support.image_samples import PNG
from support.requests_seen import bodies

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("ovh_ai_endpoints_connection")]

MODEL, VISION = "gpt-oss-20b", "Qwen2.5-VL-72B-Instruct"
Row = dict[str, Any]


class Item(BaseModel):
    name: str
    count: int


class Aliased(BaseModel):
    full_name: str = Field(alias="Full Name")


@pytest.fixture
def sandbox(ovh_ai_endpoints_sandbox: Sandbox) -> Sandbox:
    return ovh_ai_endpoints_sandbox


def build_context() -> dict[str, Any]:
    fields = {"dag_id": "d", "run_id": "r", "task_id": "t", "map_index": -1, "max_tries": 0, "try_number": 1}
    xcoms: dict[str, Any] = {}
    return {"ti": SimpleNamespace(**fields, xcom_push=lambda key, value: xcoms.update({key: value}), xcoms=xcoms)}


def build_operator(*rows: Any, **options: Any) -> BulkChatOperator:
    return BulkChatOperator(task_id="t", **{"rows": list(rows), "model": MODEL} | options)


def ask(*rows: Any, **options: Any) -> dict[str, Any]:
    return build_operator(*rows, **options).execute(build_context())


@pytest.fixture
def record(sandbox: Sandbox, tmp_path: Path) -> Callable[..., list[Row]]:
    """Ask into a folder, and read it."""

    def run(*rows: Any, **options: Any) -> list[Row]:
        manifest = ask(*rows, output_path=str(tmp_path / "out"), **options)
        return list(OVHCloudAIEndpointsHook.read_rows(manifest))

    return run


def list_prompts(sandbox: Sandbox) -> list[str]:
    return sorted(body["messages"][-1]["content"] for body in bodies(sandbox))


ITEM: Row = {"name": "sandbox", "count": 0}


class TestStructure:
    @pytest.mark.parametrize(
        ("response_format", "value"),
        [
            (Item, ITEM),
            (list[Item], []),
            (Literal["new", "old"], "new"),
            (int, 0),
            ({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}, {"n": 0}),
        ],
    )
    @pytest.mark.parametrize("folder", [False, True])
    def test_answers_are_data(
        self, sandbox: Sandbox, tmp_path: Path, response_format: Any, value: Any, folder: bool
    ) -> None:
        options = {"output_path": str(tmp_path)} if folder else {}
        result = ask("a", "b", response_format=response_format, **options)
        answers = [row["answer"] for row in OVHCloudAIEndpointsHook.read_rows(result)] if folder else result["answers"]
        assert answers == [value, value]

    @pytest.mark.parametrize("output_format", ["jsonl", "parquet"])
    def test_fields_become_columns(self, record: Any, output_format: str) -> None:
        rows = [{"id": number, "text": str(number)} for number in range(3)]
        options = {"response_format": Item, "columns": "flatten", "output_format": output_format}
        assert record(*rows, **options) == [{**row, **ITEM, "error": None} for row in rows]

    def test_columns_have_the_names_of_fields_and_not_their_aliases(self, record: Any) -> None:
        (row,) = record("a", response_format=Aliased, columns="flatten")
        assert row == {"text": "a", "full_name": "sandbox", "error": None}

    def test_fields_are_together_in_xcom(self, sandbox: Sandbox) -> None:
        assert ask("a", response_format=Item, columns="flatten")["answers"] == [ITEM]

    @pytest.mark.parametrize(("repair", "requests"), [(True, 2), (False, 1)])
    def test_invalid_answers_are_sent_back(self, sandbox: Sandbox, repair: bool, requests: int) -> None:
        message = {"role": "assistant", "content": "no JSON"}
        sandbox.fail_next(
            status=200,
            path="/v1/chat/completions",
            body={"object": "chat.completion", "model": MODEL, "choices": [{"index": 0, "message": message}]},
        )
        result = ask("a", response_format=Item, repair=repair, on_error="skip")
        assert result["answers"] == [ITEM if repair else None]
        assert (len(bodies(sandbox)), result["usage"]["requests"]) == (requests, requests)


class TestColumns:
    ROWS = ({"id": 1, "text": "a"}, {"id": 2, "text": "b"})

    def test_answer_has_the_name_that_the_author_gives(self, record: Any) -> None:
        records = record(*self.ROWS, answer_column="summary", keep_columns=["id"])
        assert [list(row) for row in records] == [["id", "summary", "error"]] * 2
        assert '"b"' in records[1]["summary"]

    def test_bulk_may_follow_bulk(self, record: Any, tmp_path: Path) -> None:
        record(*self.ROWS, answer_column="first", keep_columns=["id"])
        second = build_operator(
            rows=None,
            input_path=str(tmp_path / "out"),
            prompt="{first}",
            answer_column="second",
            output_path=str(tmp_path / "second"),
            keep_columns=["id", "first"],
        )
        records = list(OVHCloudAIEndpointsHook.read_rows(second.execute(build_context())))
        assert [list(row) for row in records] == [["id", "first", "second", "error"]] * 2

    @pytest.mark.parametrize("keep", [[], ["id"], ["text", "id"], ["other"]])
    def test_chosen_columns_are_kept(self, record: Any, keep: list[str]) -> None:
        (row,) = record(self.ROWS[0], keep_columns=keep)
        assert list(row) == [name for name in keep if name != "other"] + ["answer", "error"]

    def test_extra_columns(self, record: Any) -> None:
        names = ["finish_reason", "model", "reasoning", "request_id", "usage"]
        (row,) = record(self.ROWS[0], extra_columns=names)
        assert (row["finish_reason"], row["model"]) == ("stop", MODEL)
        assert row["reasoning"]
        assert row["request_id"]
        assert (row["usage"]["requests"], row["usage"]["total_tokens"] > 2) == (1, True)

    def test_failed_rows_have_no_extra_columns(self, record: Any) -> None:
        (row,) = record(
            self.ROWS[0], model="gpt-oss-20b", max_tokens=-1, extra_columns=["model", "usage"], on_error="skip"
        )
        assert (row["answer"], row["model"], row["usage"]) == (None, None, None)
        assert "max_tokens" in row["error"]

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"columns": "flatten"}, "columns='flatten' needs a response_format"),
            *(
                (
                    {"columns": "flatten", "response_format": response_format},
                    "columns='flatten' needs a response_format",
                )
                for response_format in (list[Item], int, Literal["a", "b"], dict[str, int], {"type": "json_object"})
            ),
            ({"columns": "rows"}, "columns must be 'answer' or 'flatten', not 'rows'"),
            ({"extra_columns": ["tokens"]}, "extra_columns must be among finish_reason, model"),
            ({"extra_columns": "model"}, "extra_columns must be a list of column names, not 'model'"),
            ({"answer_column": "error"}, "Two columns of the result have the name 'error'"),
            ({"answer_column": "model", "extra_columns": ["model"]}, "Two columns of the result have the name 'model'"),
            ({"keep_columns": "id"}, "keep_columns must be a list of column names, not 'id'"),
            ({"key": "number"}, "Row 0 has no value in the key column 'number'"),
            ({"answer_column": "text"}, "Row 0 has a column 'text' already"),
            ({"images": "picture"}, "Row 0: images names the column 'picture'"),
            ({"messages": "Hello"}, "messages must be a list"),
            ({"prompt": "a", "messages": [{"role": "user", "content": "b"}]}, "Give messages or prompt, not both"),
            ({"extra_body": {"prompt": "a"}}, "extra_body repeats prompt"),
        ],
    )
    def test_invalid_parameters_are_refused_before_anything_is_sent(
        self, sandbox: Sandbox, options: dict[str, Any], message: str
    ) -> None:
        with pytest.raises(ConfigurationError, match=message):
            ask(*self.ROWS, **options)
        assert bodies(sandbox) == []


class TestPrompts:
    def test_messages_are_a_template(self, sandbox: Sandbox) -> None:
        messages = [
            {"role": "system", "content": "You know {city}."},
            {"role": "user", "content": [{"type": "text", "text": "How many in {city}?"}]},
            {"role": "assistant", "content": "{{city}}?"},
            {"role": "user", "content": 'As {"json": {n}}'},
        ]
        ask({"city": "Lyon", "n": 7}, messages=messages)
        assert bodies(sandbox)[0]["messages"] == [
            {"role": "system", "content": "You know Lyon."},
            {"role": "user", "content": [{"type": "text", "text": "How many in Lyon?"}]},
            {"role": "assistant", "content": "{city}?"},
            {"role": "user", "content": 'As {"json": 7}'},
        ]

    def test_prompt_files_are_rendered_and_then_filled(self, sandbox: Sandbox, tmp_path: Path) -> None:
        from airflow import DAG

        (tmp_path / "prompt.md").write_text("{{ params.task }}: {text}\n")
        (tmp_path / "system.md").write_text("Be {style}.")
        with DAG("d", start_date=datetime(2026, 1, 1), schedule=None, template_searchpath=[str(tmp_path)]):
            task = build_operator(
                {"text": "a", "style": "brief"}, prompt_file="prompt.md", system_prompt_file="system.md"
            )
        task.render_template_fields({"params": {"task": "Translate"}})
        task.execute(build_context())
        assert [message["content"] for message in bodies(sandbox)[0]["messages"]] == ["Be brief.", "Translate: a"]

    def test_images_of_a_column(self, sandbox: Sandbox, tmp_path: Path) -> None:
        paths = [tmp_path / "one.png", tmp_path / "two.png"]
        for path in paths:
            path.write_bytes(PNG)
        rows = [{"text": "a", "picture": str(paths[0])}, {"text": "b", "picture": [str(path) for path in paths]}]
        result = ask(*rows, images="picture", model=VISION, concurrency=1)
        assert all(result["answers"])
        parts = [body["messages"][0]["content"] for body in bodies(sandbox)]
        assert [[part["type"] for part in each] for each in parts] == [
            ["text", "image_url"],
            ["text", "image_url", "image_url"],
        ]

    def test_a_row_is_asked_again_if_its_image_changes(self, record: Any, sandbox: Sandbox, tmp_path: Path) -> None:
        picture = tmp_path / "one.png"
        options = {"images": "picture", "model": VISION}
        for data, requests in ((PNG, 1), (PNG, 1), (PNG + b"\0", 2)):
            picture.write_bytes(data)
            record({"text": "a", "picture": str(picture)}, **options)
            assert len(bodies(sandbox)) == requests

    def test_reasoning_effort_and_other_parameters_are_sent(self, sandbox: Sandbox) -> None:
        ask("a", reasoning_effort="low", temperature="0.5", max_tokens="200", stop=["x"], extra_body={"seed": 7})
        (body,) = bodies(sandbox)
        names = ("reasoning_effort", "temperature", "max_tokens", "stop", "seed")
        assert [body[name] for name in names] == ["low", 0.5, 200, ["x"], 7]


class TestConversations:
    def test_tools_run_for_each_row(self, sandbox: Sandbox) -> None:
        cities: list[str] = []

        def look_up(city: str) -> str:
            cities.append(city)
            return "It rains."

        result = ask("Please look up the weather 1", "Please look up the weather 2", tools=[look_up])
        assert len(cities) == 2
        assert all('The tool answered: "It rains."' in answer for answer in result["answers"])
        assert result["usage"]["requests"] == 4

    def test_rows_fall_back_to_another_model(self, record: Any, sandbox: Sandbox) -> None:
        records = record("a", "b", model="gone-1b", fallback_models=[MODEL], extra_columns=["model"])
        assert [row["model"] for row in records] == [MODEL, MODEL]
        assert {body["model"] for body in bodies(sandbox)} == {"gone-1b", MODEL}

    @pytest.mark.parametrize("options", [{"max_total_tokens": 100}, {"max_cost": "1e-5"}])
    @pytest.mark.parametrize("folder", [False, True])
    def test_budget_stops_the_task(
        self, sandbox: Sandbox, tmp_path: Path, options: dict[str, Any], folder: bool
    ) -> None:
        rows = [f"Question {number}" for number in range(200)]
        context = build_context()
        if folder:
            options = {**options, "output_path": str(tmp_path), "part_size": 10}
        with pytest.raises(BudgetExceededError):
            build_operator(*rows, **options, on_error="skip", concurrency=1).execute(context)
        count = len(bodies(sandbox))
        assert 0 < count < 50
        assert context["ti"].xcoms["usage"]["requests"] == count
        if folder:
            # What was paid for is kept.
            del options["max_total_tokens" if "max_total_tokens" in options else "max_cost"]
            assert ask(*rows, **options)["rows_reused"] == count
        else:
            answers = context["ti"].xcoms["answers"]["answers"]
            assert sum(answer is not None for answer in answers) == count

    def test_equal_rows_are_asked_once(self, sandbox: Sandbox) -> None:
        result = ask("a", "b", "a", "a")
        assert list_prompts(sandbox) == ["a", "b"]
        assert result["answers"][0] == result["answers"][2] == result["answers"][3]
        assert (result["rows_duplicate"], result["usage"]["requests"]) == (2, 2)

    def test_failures_are_counted(self, sandbox: Sandbox, tmp_path: Path) -> None:
        rows = [f"Question {number}" for number in range(40)]
        with pytest.raises(PartialFailureError, match="The first 25 rows failed alike, so the rest was not asked"):
            ask(*rows, max_tokens=-1, on_error="skip", concurrency=1)
        with pytest.raises(PartialFailureError, match="more than max_failures allows"):
            ask(*rows, max_tokens=-1, on_error="skip", concurrency=1, max_failures=3)


class TestParquet:
    def test_all_at_once(self, record: Any, sandbox: Sandbox, tmp_path: Path) -> None:
        """Rows into a schema, with a fallback model, a budget, skipped failures, in Parquet."""
        parquet = pytest.importorskip("pyarrow.parquet", reason="parquet needs pyarrow")
        rows = [{"id": number, "text": f"Text {number}"} for number in range(25)]
        options: dict[str, Any] = {
            "model": "gone-1b",
            "fallback_models": [MODEL],
            "response_format": Item,
            "columns": "flatten",
            "extra_columns": ["finish_reason", "usage"],
            "keep_columns": ["id"],
            "max_total_tokens": 1_000_000,
            "on_error": "skip",
            "output_format": "parquet",
            "part_size": 10,
        }
        records = record(*rows, **options)
        assert [row["id"] for row in records] == list(range(25))
        table = parquet.read_table(tmp_path / "out")
        assert table.column_names == ["id", "name", "count", "finish_reason", "usage", "error"]
        assert table.column("count").to_pylist() == [0] * 25
        count = len(bodies(sandbox))
        record({"id": 99, "text": "Text 99"}, *rows, **options)
        assert len(bodies(sandbox)) == count + 2


class TestNoRows:
    @pytest.mark.parametrize("folder", [False, True])
    def test_succeed(self, sandbox: Sandbox, tmp_path: Path, folder: bool) -> None:
        context = build_context()
        options = {"output_path": str(tmp_path)} if folder else {}
        result = build_operator(**options).execute(context)
        if folder:
            assert (result["rows"], result["parts"], context["ti"].xcoms["path"]) == (0, 0, str(tmp_path))
            assert list(OVHCloudAIEndpointsHook.read_rows(result)) == []
        else:
            assert (result["answers"], result["errors"]) == ([], [])

    @pytest.mark.parametrize("folder", [False, True])
    @pytest.mark.parametrize(
        ("on_empty", "error"), [("skip", AirflowSkipException), ("fail", ConfigurationError), ("x", ConfigurationError)]
    )
    def test_skip_or_fail(
        self, sandbox: Sandbox, tmp_path: Path, on_empty: str, error: type[Exception], folder: bool
    ) -> None:
        options = {"output_path": str(tmp_path)} if folder else {}
        with pytest.raises(error):
            build_operator(on_empty=on_empty, **options).execute(build_context())

    def test_rows_that_are_gone_leave_an_empty_folder(self, record: Any) -> None:
        assert len(record("a", "b")) == 2
        assert record() == []


def test_path_is_an_xcom_of_its_own(sandbox: Sandbox, tmp_path: Path) -> None:
    context = build_context()
    build_operator("a", output_path=str(tmp_path)).execute(context)
    assert context["ti"].xcoms["path"] == str(tmp_path)
    silent = build_context()
    build_operator("a", output_path=str(tmp_path), do_xcom_push=False).execute(silent)
    assert "path" not in silent["ti"].xcoms


def test_a_row_that_cannot_be_asked_names_its_number(sandbox: Sandbox) -> None:
    with pytest.raises(InvalidInputError, match=r"Row 1: The prompt names the column \{city\}"):
        ask({"city": "Lyon"}, {"town": "Lyon"}, prompt="{city}")
    assert bodies(sandbox) == []
