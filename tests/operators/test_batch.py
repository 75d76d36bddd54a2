"""
Batches that are never paid for twice, whatever ends the task in between.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, BinaryIO
from unittest.mock import MagicMock

import pytest
from apache_airflow_provider_ovhcloud_ai.errors import (
    APIConnectionError,
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    InvalidInputError,
    PartialFailureError,
)
from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook
from apache_airflow_provider_ovhcloud_ai.hooks.batch import batch_answers, batch_rows, batch_run
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import (
    OVHCloudAIEndpointsBatchOperator as BatchOperator,
)
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox

try:
    from airflow.sdk.exceptions import AirflowFailException, TaskDeferred
except ImportError:
    from airflow.exceptions import AirflowFailException, TaskDeferred

pytestmark = pytest.mark.airflow

EMBED = "/v1/embeddings"


class Killed(BaseException):
    """What no task survives."""


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    with Sandbox() as running:
        monkeypatch.setenv("AIRFLOW_CONN_OVH_AI_ENDPOINTS_DEFAULT", running.connection_json)
        yield running


def context(max_tries: int = 2, **changes: Any) -> dict[str, Any]:
    """What all tries of one run have in common."""
    xcoms: dict[str, Any] = {}
    fields = {"dag_id": "d", "run_id": "r", "task_id": "t", "map_index": -1, "max_tries": max_tries}
    fields |= {"try_number": 1} | changes
    push = lambda key, value: xcoms.update({key: value})  # noqa: E731  (an attribute below)
    return {"ti": SimpleNamespace(**fields, xcom_push=push, xcoms=xcoms)}


def operator(**options: Any) -> Any:
    params = {"rows": [f"Question {n}" for n in range(20)], "model": "gpt-oss-20b", "poll_interval": 0, "retries": 2}
    return BatchOperator(task_id="t", **params | options)


def count_posts(sandbox: Sandbox, path: str) -> int:
    return sum((each.method, each.path) == ("POST", path) for each in sandbox.requests)


def started(sandbox: Sandbox) -> int:
    return count_posts(sandbox, "/v1/batches")


def lines_asked() -> int:
    """Lines of all batches that were started."""
    return sum(batch["request_counts"]["total"] for batch in OVHCloudAIEndpointsHook().list_batches())


def test_answers_in_the_order_of_the_rows(sandbox: Sandbox) -> None:
    where = context()
    result = operator().execute(where)
    assert all(f"Question {n}" in answer for n, answer in enumerate(result["results"]))
    assert (result["errors"], result["model"]) == ([], "gpt-oss-20b")
    assert result["usage"]["total_tokens"] > 20
    assert where["ti"].xcoms["batches"] == [
        {"id": "batch-000001", "status": "completed", "completed": 20, "failed": 0, "total": 20}
    ]


def test_vectors(sandbox: Sandbox) -> None:
    result = operator(endpoint=EMBED, model="bge-m3", rows=["a", "b"]).execute(context())
    direct = OVHCloudAIEndpointsHook().create_embedding("bge-m3", ["a", "b"])
    assert result["results"] == [pytest.approx(item["embedding"], abs=1e-6) for item in direct["data"]]


@pytest.mark.parametrize("kind", ["jsonl", "parquet", "npy"])
def test_into_a_folder(sandbox: Sandbox, tmp_path: Path, kind: str) -> None:
    rows = [{"id": n, "body": f"text {n}"} for n in range(25)]
    options: dict[str, Any] = {"endpoint": EMBED, "model": "bge-m3", "text_column": "body", "part_size": 10}
    manifest = operator(rows=rows, output_path=str(tmp_path), output_format=kind, **options).execute(context())
    assert (manifest["rows"], manifest["parts"], manifest["failed"]) == (25, 3, 0)
    results = list(OVHCloudAIEndpointsHook.read_rows(manifest))
    assert [(row["id"], row["body"], len(row["embedding"])) for row in results] == [
        (n, f"text {n}", 1024) for n in range(25)
    ]
    options |= {"output_path": str(tmp_path), "output_format": kind, "if_exists": "update"}
    again = operator(rows=rows, **options).execute(context(run_id="s"))
    assert (again["rows_reused"], again["usage"], started(sandbox)) == (25, {"requests": 0}, 1)


@pytest.mark.parametrize("request_options", [{"endpoint": EMBED, "model": "bge-m3"}, {"prompt": "{text}"}])
def test_types_of_a_parquet_input_are_those_of_the_output(
    sandbox: Sandbox, tmp_path: Path, request_options: Any
) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="parquet needs pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    source = pyarrow.table({"text": ["a", "b", "c"], "n": pyarrow.array([None, None, 4], pyarrow.int8())})
    parquet.write_table(source, tmp_path / "in.parquet")
    options = {"rows": None, "input_path": str(tmp_path / "in.parquet"), "part_size": 2, **request_options}
    operator(output_path=str(tmp_path / "out"), output_format="parquet", **options).execute(context())
    assert parquet.read_table(tmp_path / "out").select(["text", "n"]).equals(source)


class TestNeverTwice:
    @pytest.fixture(params=["xcom", "folder"])
    def options(self, request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
        return {"output_path": str(tmp_path), "part_size": 6} if request.param == "folder" else {}

    def is_done(self, result: dict[str, Any]) -> None:
        rows = OVHCloudAIEndpointsHook.read_rows(result) if "path" in result else None
        answers = [row["answer"] for row in rows] if rows else result["results"]
        assert [f"Question {n}" in answer for n, answer in enumerate(answers)] == [True] * 20

    def test_killed_while_it_waits(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, options: dict[str, Any]
    ) -> None:
        with Sandbox(batch_seconds=0.5) as slow:
            monkeypatch.setenv("AIRFLOW_CONN_OVH_AI_ENDPOINTS_DEFAULT", slow.connection_json)
            with monkeypatch.context() as patch:
                patch.setattr(batch_run.time, "sleep", _kill)
                with pytest.raises(Killed):
                    operator(**options).execute(context())
            self.is_done(operator(**options, poll_interval=0.05).execute(context()))
            assert (started(slow), count_posts(slow, "/v1/files")) == (1, 1)

    @pytest.mark.parametrize("step", ["add", "get"])
    def test_killed_between_end_and_result(
        self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], step: str
    ) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(batch_answers.Answers, step, _after(7 if step == "get" else 0, batch_answers.Answers, step))
            with pytest.raises(Killed):
                operator(**options).execute(context())
        self.is_done(operator(**options).execute(context()))
        assert (started(sandbox), lines_asked()) == (1, 20)

    def test_killed_between_upload_and_start(self, sandbox: Sandbox, options: dict[str, Any]) -> None:
        sandbox.drop_next(path="/v1/batches", times=3)
        with pytest.raises(APIConnectionError):
            operator(**options).execute(context())
        sandbox._faults.clear()
        self.is_done(operator(**options).execute(context()))
        assert lines_asked() == 20

    def test_unconfirmed_start(self, sandbox: Sandbox, options: dict[str, Any]) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(OVHCloudAIEndpointsHook, "create_batch", _lost(OVHCloudAIEndpointsHook.create_batch))
            with pytest.raises(Killed):
                operator(**options).execute(context())
        self.is_done(operator(**options).execute(context()))
        assert (started(sandbox), lines_asked()) == (1, 20)

    def test_a_clear_asks_again_by_default(self, sandbox: Sandbox) -> None:
        for tries, batches in ((2, 1), (5, 2), (5, 2), (8, 3)):
            operator().execute(context(max_tries=tries))
            assert started(sandbox) == batches
        operator(reattach="always").execute(context(max_tries=11))
        assert started(sandbox) == 3

    @pytest.mark.parametrize(("reattach", "batches", "status"), [("retry", 2, "cancelled"), ("always", 1, "completed")])
    def test_what_was_under_way_before_a_clear_is_cancelled_unless_it_is_used(
        self, monkeypatch: pytest.MonkeyPatch, reattach: str, batches: int, status: str
    ) -> None:
        with Sandbox(batch_seconds=0.5) as slow:
            monkeypatch.setenv("AIRFLOW_CONN_OVH_AI_ENDPOINTS_DEFAULT", slow.connection_json)
            with pytest.raises(TaskDeferred):
                operator(deferrable=True, reattach=reattach).execute(context())
            self.is_done(operator(poll_interval=0.05, reattach=reattach).execute(context(max_tries=3)))
            assert started(slow) == batches
            assert OVHCloudAIEndpointsHook().get_batch("batch-000001")["status"] == status

    def test_more_retries_in_the_dag_are_no_clear(self, sandbox: Sandbox) -> None:
        operator().execute(context())
        operator(retries=7).execute(context())
        assert started(sandbox) == 1

    def test_metadata_of_a_batch_names_its_task(self, sandbox: Sandbox) -> None:
        operator().execute(context(run_id="manual__" + "x" * 600))
        (batch,) = OVHCloudAIEndpointsHook().list_batches()
        names = {name: batch["metadata"][f"airflow_{name}"] for name in ("dag_id", "task_id", "map_index")}
        assert names == {"dag_id": "d", "task_id": "t", "map_index": "-1"}
        assert len(batch["metadata"]["airflow_run_id"]) == 512

    @pytest.mark.parametrize(("hours", "batches"), [(0.5, 1), (2, 2)])
    def test_the_list_is_read_back_to_the_beginning_of_the_run(
        self, sandbox: Sandbox, hours: float, batches: int
    ) -> None:
        """By a clock that is up to an hour ahead."""
        operator().execute(context())
        run = SimpleNamespace(start_date=datetime.now(UTC) + timedelta(hours=hours))
        operator().execute({**context(), "dag_run": run})
        assert started(sandbox) == batches

    def test_after_a_clear_the_list_is_read_back_for_the_longest_window(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A clear begins the run anew, as far as Airflow tells."""
        with Sandbox(batch_seconds=0.5) as slow:
            monkeypatch.setenv("AIRFLOW_CONN_OVH_AI_ENDPOINTS_DEFAULT", slow.connection_json)
            with pytest.raises(TaskDeferred):
                operator(deferrable=True).execute(context())
            run = SimpleNamespace(start_date=datetime.now(UTC) + timedelta(hours=2))
            with pytest.raises(TaskDeferred):
                operator(deferrable=True).execute({**context(max_tries=4), "dag_run": run})
            assert count_posts(slow, "/v1/batches/batch-000001/cancel") == 1

    def test_others_do_not_share(self, sandbox: Sandbox) -> None:
        for changes in ({}, {"map_index": 3}, {"run_id": "s"}, {"task_id": "u"}, {"dag_id": "e"}):
            operator().execute(context(**changes))
        assert started(sandbox) == 5

    def test_changed_rows_are_asked_and_the_others_are_not(self, sandbox: Sandbox) -> None:
        operator().execute(context())
        rows = [f"Question {n}" for n in range(18)] + ["Other 18", "Question 19", "More 20"]
        result = operator(rows=rows).execute(context())
        assert [row in answer for row, answer in zip(rows, result["results"], strict=True)] == [True] * 21
        assert lines_asked() == 20 + 2

    def test_more_rows_than_a_batch_holds_are_several(
        self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
    ) -> None:
        monkeypatch.setattr(batch_run.defaults, "BATCH_LINES", 7)
        self.is_done(operator(**options).execute(context()))
        assert (started(sandbox), lines_asked()) == (3, 20)

    def test_a_limit_of_bytes_splits_as_well(self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(batch_run.defaults, "BATCH_BYTES", 1_000)
        self.is_done(operator().execute(context()))
        assert started(sandbox) >= 3
        assert lines_asked() == 20

    def test_what_is_being_cancelled_is_waited_for(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The time of the try before was over: its batch was cancelled when some rows were answered."""
        with Sandbox(batch_seconds=10.0) as slow:
            monkeypatch.setenv("AIRFLOW_CONN_OVH_AI_ENDPOINTS_DEFAULT", slow.connection_json)
            batches = slow._service._routes[-1].endpoint.__self__
            task = operator()
            with monkeypatch.context() as patch:
                patch.setattr(batch_run.time, "sleep", _kill)
                with pytest.raises(Killed):
                    task.execute(context())
            batches._batches["batch-000001"].started -= 5
            task.on_kill()

            def hurry(_: float) -> None:
                if "batch-000002" in batches._batches:
                    batches._batches["batch-000002"].started -= 100

            monkeypatch.setattr(batch_run.time, "sleep", hurry)
            self.is_done(operator().execute(context()))
            first, second = (
                batch["request_counts"] for batch in reversed(list(OVHCloudAIEndpointsHook().list_batches()))
            )
            assert (first["total"], second["total"]) == (20, 20 - first["completed"])
            assert 0 < first["completed"] < 20


class Store:
    """As Airflow 3.3 gives to each task: what one try writes, the next one reads."""

    def __init__(self, broken: bool = False) -> None:
        self.values: dict[str, str] = {}
        self.broken = broken

    def get(self, key: str) -> Any:
        if self.broken:
            raise RuntimeError("no store")
        return json.loads(self.values.get(key, "null"))

    def set(self, key: str, value: Any) -> None:
        if self.broken:
            raise RuntimeError("no store")
        self.values[key] = json.dumps(value)


class TestStateStore:
    def run(self, store: Store, **changes: Any) -> None:
        operator().execute({**context(**changes), "task_state_store": store})

    def lists(self, sandbox: Sandbox) -> int:
        return sum((each.method, each.path) == ("GET", "/v1/batches") for each in sandbox.requests)

    def test_a_retry_asks_it_in_place_of_the_list(self, sandbox: Sandbox) -> None:
        store = Store()
        self.run(store)
        assert self.lists(sandbox) == 1
        self.run(store)
        assert (self.lists(sandbox), started(sandbox)) == (1, 1)

    def test_a_batch_with_an_unconfirmed_start_is_listed(self, sandbox: Sandbox) -> None:
        store = Store()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(OVHCloudAIEndpointsHook, "create_batch", _lost(OVHCloudAIEndpointsHook.create_batch))
            with pytest.raises(Killed):
                self.run(store)
        self.run(store)
        assert (self.lists(sandbox), started(sandbox)) == (2, 1)

    def test_what_was_kept_before_a_clear_does_not_count(self, sandbox: Sandbox) -> None:
        store = Store()
        self.run(store)
        self.run(store, max_tries=4)
        assert started(sandbox) == 2

    def test_one_that_fails_is_done_without(self, sandbox: Sandbox) -> None:
        for _ in range(2):
            self.run(Store(broken=True))
        assert (self.lists(sandbox), started(sandbox)) == (2, 1)


class TestFailedRows:
    @pytest.fixture
    def broken(self, sandbox: Sandbox) -> Any:
        """A service at which rows fail that say "bad", until it is mended."""
        batches = sandbox._service._routes[-1].endpoint.__self__
        run, batches.whole = batches._run, batches._run
        failure = (500, {"error": {"message": "as ordered"}})
        batches._run = lambda path, body: failure if "bad" in str(body) else run(path, body)
        return batches

    def test_skip_keeps_them_apart(self, broken: Any) -> None:
        result = operator(rows=["good", "bad", "good too"], on_error="skip").execute(context())
        assert [bool(answer) for answer in result["results"]] == [True, False, True]
        assert result["errors"] == [{"index": 1, "error": "500: as ordered", "status": 500}]

    def test_their_errors_hold_no_token(self, sandbox: Sandbox) -> None:
        batches = sandbox._service._routes[-1].endpoint.__self__
        batches._run = lambda *_: (500, {"error": {"message": f"{'x' * 485}{sandbox.token}"}})
        (error,) = operator(rows=["a"], on_error="skip").execute(context())["errors"]
        assert error["error"].endswith("x***")

    def test_fail_keeps_what_was_paid_for_and_a_retry_asks_for_the_rest(self, broken: Any, tmp_path: Path) -> None:
        options: dict[str, Any] = {"rows": ["good", "bad", "good too"], "output_path": str(tmp_path)}
        with pytest.raises(PartialFailureError, match="1 of 3 rows failed; the first one, row 1: 500: as ordered"):
            operator(**options).execute(context())
        assert not (tmp_path / "_manifest.json").exists()
        broken._run = broken.whole
        manifest = operator(**options).execute(context())
        assert (manifest["failed"], manifest["rows"]) == (0, 3)
        assert lines_asked() == 3 + 1

    def test_a_retry_that_receives_the_batches_of_the_try_before_it_asks_for_the_rest(self, broken: Any) -> None:
        """As Airflow 3.0 does, to a task that was deferred."""
        options: dict[str, Any] = {"rows": ["good", "bad", "good too"], "deferrable": True}
        with pytest.raises(TaskDeferred) as deferred:
            operator(**options).execute(context())
        resume_params = {"event": {"batch_ids": ["batch-000001"], "error": None}, **deferred.value.kwargs}
        with pytest.raises(PartialFailureError):
            operator(**options).execute_complete(context(), **resume_params)
        with pytest.raises(TaskDeferred) as retried:
            operator(**options).execute_complete(context(try_number=2), **resume_params)
        assert retried.value.trigger.batch_ids == ["batch-000001", "batch-000002"]
        assert lines_asked() == 3 + 1

    def test_what_no_retry_can_cure_is_not_tried_for_another_day(self, sandbox: Sandbox) -> None:
        with pytest.raises(PartialFailureError, match=r"20 of 20 rows failed; .* does not exist") as raised:
            operator(model="nobodys-model").execute(context())
        assert isinstance(raised.value, AirflowFailException)

    def test_what_a_retry_may_cure_is_left_to_it(self, broken: Any) -> None:
        with pytest.raises(PartialFailureError) as raised:
            operator(rows=["bad"]).execute(context())
        assert not isinstance(raised.value, AirflowFailException)


class TestStrangeEnds:
    @pytest.mark.parametrize("order", ["reversed", "doubled", "cut"])
    def test_output_that_is_not_in_order(self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, order: str) -> None:
        save = OVHCloudAIEndpointsHook.save_file

        def shuffled(self: Any, file_id: str, sink: BinaryIO) -> None:
            save(self, file_id, sink)
            sink.seek(0)
            lines = sink.readlines()
            lines = {"reversed": lines[::-1], "doubled": lines * 2, "cut": lines[:-3]}[order]
            sink.seek(0)
            sink.truncate()
            sink.writelines(lines)

        monkeypatch.setattr(OVHCloudAIEndpointsHook, "save_file", shuffled)
        result = operator(on_error="skip").execute(context())
        whole = 17 if order == "cut" else 20
        assert all(f"Question {n}" in result["results"][n] for n in range(whole))
        assert [error["index"] for error in result["errors"]] == list(range(whole, 20))
        assert {error["error"] for error in result["errors"]} <= {"The service gave no answer to this row."}

    def test_expired(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with Sandbox(batch_seconds=3_600, batch_expires=0) as sandbox:
            monkeypatch.setenv("AIRFLOW_CONN_OVH_AI_ENDPOINTS_DEFAULT", sandbox.connection_json)
            with pytest.raises(PartialFailureError, match=r"20 of 20 rows failed; .* the batch is expired"):
                operator().execute(context())

    def test_a_batch_that_failed_as_a_whole_says_why(self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(batch_rows, "build_line", lambda body, key: batch_run.Line("same", body))
        with pytest.raises(BadRequestError, match="failed before it began: line 2: The custom_id 'same' was there"):
            operator().execute(context())

    def test_killed_by_a_person(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with Sandbox(batch_seconds=3_600) as sandbox:
            monkeypatch.setenv("AIRFLOW_CONN_OVH_AI_ENDPOINTS_DEFAULT", sandbox.connection_json)
            task = operator()
            monkeypatch.setattr(batch_run.time, "sleep", _kill)
            with pytest.raises(Killed):
                task.execute(context())
            task.on_kill()
            assert OVHCloudAIEndpointsHook().get_batch("batch-000001")["status"] == "cancelled"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"endpoint": "chat"}, "endpoint must be one of /v1/chat/completions, /v1/embeddings"),
        ({"on_error": "raise"}, "on_error must be one of fail, skip"),
        ({"reattach": "never"}, "reattach must be one of retry, always"),
        ({"poll_interval": "often"}, "poll_interval must be a number"),
        ({"rows": None}, "rows"),
        ({"on_empty": "never"}, "on_empty must be"),
        ({"rows": [], "on_empty": "fail"}, "There are no rows"),
        ({"prompt": "{missing}"}, "Row 0: The prompt names the column {missing}"),
        ({"rows": [{"text": "a", "answer": 1}]}, "Row 0 has a column 'answer' already"),
        ({"extra_body": {"model": "x"}}, "extra_body repeats model"),
        ({"endpoint": EMBED, "rows": [{"a": 1}]}, "no text in the column 'text'"),
    ],
)
def test_bad_input_is_refused_before_anything_is_uploaded(
    sandbox: Sandbox, options: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ConfigurationError, match=sentence) as raised:
        operator(**options).execute(context())
    assert isinstance(raised.value, (ConfigurationError, InvalidInputError))
    assert {each.method for each in sandbox.requests} <= {"GET"}


def _kill(*_: Any) -> None:
    raise Killed


def _after(calls: int, owner: Any, name: str) -> Callable[..., Any]:
    """The method, for so many calls."""
    method, left = getattr(owner, name), [calls]

    def run(*args: Any) -> Any:
        if not left[0]:
            raise Killed
        left[0] -= 1
        return method(*args)

    return run


def _lost(method: Callable[..., Any]) -> Callable[..., Any]:
    def run(*args: Any, **kwargs: Any) -> Any:
        method(*args, **kwargs)
        raise Killed

    return run


class TestDeferral:
    def test_the_worker_leaves_the_wait_to_a_triggerer(self, sandbox: Sandbox) -> None:
        where = context()
        with pytest.raises(TaskDeferred) as deferred:
            operator(deferrable=True).execute(where)
        assert deferred.value.method_name == "execute_complete"
        fields = deferred.value.trigger.serialize()[1]
        assert fields["batch_ids"] == [batch["id"] for batch in where["ti"].xcoms["batches"]]
        assert fields["cancel_on_kill"]
        # Another process goes on.
        event = {"batch_ids": ["batch-000001"], "error": None}
        result = operator(deferrable=True).execute_complete(where, event, **deferred.value.kwargs)
        assert all(f"Question {n}" in answer for n, answer in enumerate(result["results"]))
        assert started(sandbox) == 1

    def test_a_wait_of_which_only_the_event_is_left_goes_on(self, sandbox: Sandbox) -> None:
        """As with `airflow dags test`, which drops what a task wanted to be told again."""
        with pytest.raises(TaskDeferred):
            operator(deferrable=True).execute(context())
        event = {"batch_ids": ["batch-000001"], "error": None}
        assert operator(deferrable=True).execute_complete(context(), event)["errors"] == []
        assert started(sandbox) == 1

    @pytest.mark.parametrize("where", [{}, {"ti": MagicMock()}], ids=["empty", "mock"])
    def test_without_a_task_instance_each_try_starts_its_own_batches(
        self, where: dict[str, Any], sandbox: Sandbox, caplog: pytest.LogCaptureFixture
    ) -> None:
        for _ in range(2):
            with pytest.raises(TaskDeferred) as deferred:
                operator(deferrable=True).execute(where)
        assert (started(sandbox), sandbox.requests[-1].path) == (2, "/v1/batches")
        assert "No other try of this task can find its batches." in caplog.text
        event = {"batch_ids": ["batch-000002"], "error": None}
        result = operator(deferrable=True).execute_complete(where, event, **deferred.value.kwargs)
        assert all(f"Question {n}" in answer for n, answer in enumerate(result["results"]))
        assert started(sandbox) == 2
        assert not [each for each in sandbox.requests if (each.method, each.path) == ("GET", "/v1/batches")]

    def test_what_has_ended_is_not_waited_for(self, sandbox: Sandbox) -> None:
        """As where a worker was killed after the batch had ended."""
        with pytest.raises(TaskDeferred):
            operator(deferrable=True).execute(context())
        assert operator(deferrable=True).execute(context(try_number=2))["errors"] == []
        assert started(sandbox) == 1

    def test_the_installations_default_is_followed(self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE", "True")
        with pytest.raises(TaskDeferred):
            operator().execute(context())
        assert operator(deferrable=False).execute(context())["errors"] == []

    def test_an_error_of_the_trigger_is_found_again(self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
        operator().execute(context())
        wrong = {**sandbox.connection, "password": "another-token"}
        monkeypatch.setenv("AIRFLOW_CONN_OVH_AI_ENDPOINTS_DEFAULT", json.dumps(wrong))
        with pytest.raises(AuthenticationError, match="403 Forbidden"):
            operator().execute_complete(context(), {"batch_ids": ["batch-000001"], "error": "403"}, ["batch-000001"], 1)

    @pytest.mark.parametrize("event", [None, {}, {"batch_ids": "batch-000001"}, {"batch_ids": ["batch-000009"]}])
    def test_an_event_of_something_else_ends_no_wait(self, monkeypatch: pytest.MonkeyPatch, event: Any) -> None:
        """SQLite gives the id of a trigger that is gone to the next one."""
        with Sandbox(batch_seconds=1_000) as slow:
            monkeypatch.setenv("AIRFLOW_CONN_OVH_AI_ENDPOINTS_DEFAULT", slow.connection_json)
            with pytest.raises(TaskDeferred) as first:
                operator(deferrable=True).execute(context())
            with pytest.raises(TaskDeferred) as again:
                operator(deferrable=True).execute_complete(context(), event, **first.value.kwargs)
            assert again.value.trigger.batch_ids == ["batch-000001"]
            assert started(slow) == 1

    def test_a_person_who_ends_a_deferred_task_does_not_cancel_from_the_worker(self, sandbox: Sandbox) -> None:
        task = operator(deferrable=True)
        with pytest.raises(TaskDeferred):
            task.execute(context())
        task.on_kill()
        assert count_posts(sandbox, "/v1/batches/batch-000001/cancel") == 0
