"""
Runs over rows that change: exactly what has no answer yet is asked, and each answer is at its row.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import logging
import signal
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.errors import (
    APIStatusError,
    BadRequestError,
    InvalidInputError,
    PartialFailureError,
)
from apache_airflow_provider_ovhcloud_ai.hooks.bulk.answer_list import AnswerList
from apache_airflow_provider_ovhcloud_ai.hooks.bulk.failures import Failures
from apache_airflow_provider_ovhcloud_ai.hooks.bulk.progress import Progress
from apache_airflow_provider_ovhcloud_ai.hooks.bulk.resumable_run import MAX_WAITING_ROWS, ResumableRun
from apache_airflow_provider_ovhcloud_ai.hooks.bulk.row_plan import Question, RowPlan, Work
from apache_airflow_provider_ovhcloud_ai.rows.folder import Folder
from apache_airflow_provider_ovhcloud_ai.rows.results import read_results
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.saved_connections import MODEL, Make, stored
from support.services import Service, ServiceRequest, ServiceResponse, running

pytestmark = pytest.mark.airflow

LOG = logging.getLogger(__name__)
RECIPE = {"prompt": "{text}"}
Row = dict[str, Any]


class Interrupted(BaseException):
    """What ends a task in the middle."""


class CountingPlan(RowPlan):
    """
    Answers in capitals, and keeps what it was asked.

    :param failing: texts whose rows fail
    :param last: number of questions after which the task is interrupted
    :param size: rows of a request
    """

    def __init__(
        self,
        *,
        failing: Iterable[str] = (),
        last: int | None = None,
        size: int = 1,
        prompt: str = "",
        error: type[APIStatusError] = BadRequestError,
        **options: Any,
    ) -> None:
        super().__init__(["answer"], **options)
        self._failing, self._last, self._size, self._prompt, self._error = set(failing), last, size, prompt, error
        self._lock = threading.Lock()
        self.questions: list[str] = []
        self.request_sizes: list[int] = []

    def build_key(self, row: Row, number: int) -> bytes:
        if not row.get("text"):
            raise InvalidInputError(f"Row {number} has no text.")
        return hashlib.sha256(json.dumps([self._prompt, row["text"], row.get("key")]).encode()).digest()[:16]

    def group(self, questions: Sequence[Question]) -> Iterator[Work]:
        for start in range(0, len(questions), self._size):
            yield Work(questions[start : start + self._size])

    def ask(self, work: Work) -> list[Row]:
        texts = [question.row["text"] for question in work.questions]
        with self._lock:
            if self._last is not None and len(self.questions) + len(texts) > self._last:
                raise Interrupted
            self.questions += texts
            self.request_sizes.append(len(texts))
        if self._failing & set(texts):
            raise self._error("as ordered", status=400)
        return [{"answer": f"{self._prompt}{text.upper()}"} for text in texts]


def work(
    rows: Iterable[Row],
    path: Path,
    plan: CountingPlan,
    *,
    part_size: int = 4,
    kind: str = "jsonl",
    recipe: Any = RECIPE,
    on_error: str = "skip",
    concurrency: int = 1,
    **options: Any,
) -> dict[str, Any]:
    """
    Run a plan over rows into a folder.

    :return: the manifest for XCom
    """
    folder, progress = Folder(path, kind, recipe), Progress(LOG, "")
    folder.begin()
    failures = Failures(on_error, **options)
    with ResumableRun(folder, plan, progress) as run:
        run.work(rows, part_size, concurrency, failures)
    failures.finish(LOG)
    manifest = folder.finish(progress.summary)
    counts = progress.counts
    assert counts.total() == manifest["rows"], counts
    assert (counts["reused"], counts["duplicate"]) == (manifest["rows_reused"], manifest["rows_duplicate"])
    assert counts["done"] + counts["failed"] == len(plan.questions)
    return manifest


def make_rows(*texts: str, **columns: Any) -> list[Row]:
    return [{"text": text, **columns} for text in texts]


def read(path: Path) -> list[Row]:
    return list(read_results(path))


texts = st.lists(st.sampled_from("abcdefgh"), max_size=14)
#: What may change about a run that leaves what is asked about each row as it is.
changes = st.fixed_dictionaries(
    {
        "part_size": st.integers(1, 6),
        "kind": st.sampled_from(["jsonl", "parquet"]),
        "keep_columns": st.sampled_from([None, [], ["text"], ["text", "extra"]]),
        "extra": st.sampled_from([None, "constant", "number"]),
    }
)
in_folders = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


def add_column(texts: Sequence[str], extra: str | None) -> list[Row]:
    """An unrelated column of the rows, or none."""
    values = {None: [{}] * len(texts), "constant": [{"extra": 7}] * len(texts)}
    columns = values.get(extra) or [{"extra": number} for number in range(len(texts))]
    return [{"text": text, **column} for text, column in zip(texts, columns, strict=True)]


def drop_keys(path: Path) -> None:
    """Leave what older versions wrote."""
    for file in path.glob("_part-*.keys"):
        file.unlink()


class TestChangedInput:
    @in_folders
    @given(texts, texts, changes, changes)
    def test_exactly_the_new_questions_are_asked(
        self, before: list[str], after: list[str], old: dict[str, Any], new: dict[str, Any]
    ) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder)
            self.run(path, before, old, set(before))
            self.run(path, after, new, set(after) - set(before))

    @in_folders
    @given(texts, st.lists(texts, min_size=1, max_size=4), st.integers(1, 5))
    def test_after_several_edits_too(self, first: list[str], edits: list[list[str]], part_size: int) -> None:
        """Removed rows are forgotten: their answers aren't kept for a later run."""
        with tempfile.TemporaryDirectory() as folder:
            options = {"part_size": part_size, "kind": "jsonl", "keep_columns": None, "extra": None}
            for before, after in itertools.pairwise([[], first, *edits]):
                self.run(Path(folder), after, options, set(after) - set(before))

    def run(self, path: Path, texts: list[str], options: dict[str, Any], expected: set[str]) -> None:
        rows, keep = add_column(texts, options["extra"]), options["keep_columns"]
        plan = CountingPlan(keep_columns=keep)
        manifest = work(rows, path, plan, part_size=options["part_size"], kind=options["kind"])
        assert Counter(plan.questions) == Counter(expected)
        assert manifest["rows"] == len(texts)
        assert manifest["rows_reused"] == sum(text not in expected for text in texts)
        assert manifest["rows_duplicate"] == sum(text in expected for text in texts) - len(expected)
        assert manifest["failed"] == 0
        records = read(path)
        assert [record["answer"] for record in records] == [text.upper() for text in texts]
        assert [
            {name: record[name] for name in row if keep is None or name in keep}
            for row, record in zip(rows, records, strict=True)
        ] == [{name: row[name] for name in row if keep is None or name in keep} for row in rows]
        assert {record.get("error") for record in records} <= {None}

    @pytest.mark.parametrize("concurrency", [1, 8])
    def test_a_row_on_top_of_many(self, tmp_path: Path, concurrency: int) -> None:
        rows = make_rows(*map(str, range(301)))
        work(rows, tmp_path, CountingPlan(), part_size=100, concurrency=concurrency)
        plan = CountingPlan()
        manifest = work([*make_rows("new"), *rows], tmp_path, plan, part_size=100, concurrency=concurrency)
        assert (plan.questions, manifest["rows_reused"]) == (["new"], 301)

    def test_removed_rows_are_gone(self, tmp_path: Path) -> None:
        work(make_rows(*"abcdefghij"), tmp_path, CountingPlan())
        work(make_rows(*"jb"), tmp_path, CountingPlan())
        assert [record["text"] for record in read(tmp_path)] == ["j", "b"]
        assert len(list(tmp_path.glob("part-*"))) == len(list(tmp_path.glob("_part-*"))) == 1

    def test_a_key_column_keeps_equal_rows_apart(self, tmp_path: Path) -> None:
        rows = [{"text": "a", "key": number} for number in range(3)]
        plan = CountingPlan()
        work([*rows, rows[0]], tmp_path, plan)
        assert plan.questions == ["a"] * 3

    def test_other_questions_about_the_same_rows_are_asked(self, tmp_path: Path) -> None:
        rows = make_rows(*"abcde")
        work(rows, tmp_path, CountingPlan())
        plan = CountingPlan(prompt="Translate: ")
        work(rows, tmp_path, plan, recipe={"prompt": "Translate: {text}"})
        assert plan.questions == list("abcde")
        assert [record["answer"] for record in read(tmp_path)] == [f"Translate: {text}" for text in "ABCDE"]


class TestFolderWithoutKeys:
    """As versions before the keys have written it."""

    @pytest.mark.parametrize("kind", ["jsonl", "parquet"])
    def test_its_answers_are_found(self, tmp_path: Path, kind: str) -> None:
        work(make_rows(*"abcdefghij"), tmp_path, CountingPlan(), kind=kind)
        drop_keys(tmp_path)
        plan = CountingPlan()
        manifest = work(make_rows(*"xabcdefghij"), tmp_path, plan, kind=kind)
        assert (plan.questions, manifest["rows_reused"]) == (["x"], 10)
        assert [record["answer"] for record in read(tmp_path)] == list("XABCDEFGHIJ")

    def test_unchanged_rows_are_read_in_place(self, tmp_path: Path) -> None:
        work(make_rows(*"abcdefghij"), tmp_path, CountingPlan())
        drop_keys(tmp_path)
        names = sorted(tmp_path.iterdir())
        plan = CountingPlan()
        assert work(make_rows(*"abcdefghij"), tmp_path, plan)["rows_reused"] == 10
        assert (plan.questions, sorted(tmp_path.iterdir())) == ([], names)

    def test_answers_to_other_questions_are_not_used(self, tmp_path: Path) -> None:
        rows = make_rows(*"abcde")
        work(rows, tmp_path, CountingPlan())
        drop_keys(tmp_path)
        plan = CountingPlan(prompt="Translate: ")
        work(rows, tmp_path, plan, recipe={"prompt": "Translate: {text}"})
        assert plan.questions == list("abcde")


#: A program that is killed at the eleventh of 20 questions, in parts of four.
KILLED = """
import json, os, sys
from pathlib import Path

sys.path[:] = [*json.loads(sys.argv[1]), sys.argv[2]]
import test_resumable_run as here

class Killed(here.CountingPlan):
    def ask(self, work):
        if len(self.questions) == 10:
            os.kill(os.getpid(), 9)
        return super().ask(work)

here.work(here.make_rows(*map(str, range(20))), Path(sys.argv[3]), Killed(), part_size=4)
"""


class TestInterruption:
    @in_folders
    @given(texts, st.integers(0, 10), st.integers(1, 6), st.integers(1, 5), st.integers(1, 4))
    def test_what_was_answered_is_not_asked_again(
        self, texts: list[str], last: int, old_size: int, new_size: int, concurrency: int
    ) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path, rows = Path(folder), make_rows(*texts)
            plan = CountingPlan(last=last)
            try:
                work(rows, path, plan, part_size=old_size, concurrency=concurrency)
            except Interrupted:
                assert not (path / "_manifest.json").exists()
            again = CountingPlan()
            manifest = work(rows, path, again, part_size=new_size)
            assert Counter(again.questions + plan.questions) == Counter(set(texts))
            assert manifest["rows_reused"] == sum(text in plan.questions for text in texts)
            assert [record["answer"] for record in read(path)] == [text.upper() for text in texts]

    @in_folders
    @given(texts, st.sets(st.sampled_from("abcdefgh")), st.integers(1, 6), st.integers(1, 6))
    def test_failed_rows_are_asked_again(
        self, texts: list[str], failing: set[str], old_size: int, new_size: int
    ) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path, rows = Path(folder), make_rows(*texts)
            manifest = work(rows, path, CountingPlan(failing=failing), part_size=old_size)
            assert manifest["failed"] == sum(text in failing for text in texts)
            assert [record["answer"] for record in read(path)] == [
                None if text in failing else text.upper() for text in texts
            ]
            plan = CountingPlan()
            manifest = work(rows, path, plan, part_size=new_size)
            assert Counter(plan.questions) == Counter(set(texts) & failing)
            assert manifest["failed"] == 0
            assert [record["answer"] for record in read(path)] == [text.upper() for text in texts]

    @pytest.mark.slow
    def test_a_process_that_is_killed_has_kept_its_complete_parts(self, tmp_path: Path) -> None:
        command = [sys.executable, "-c", KILLED, json.dumps(sys.path), str(Path(__file__).parent), str(tmp_path)]
        assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
        plan = CountingPlan()
        manifest = work(make_rows(*map(str, range(20))), tmp_path, plan, part_size=3)
        assert (manifest["rows_reused"], plan.questions) == (8, [str(number) for number in range(8, 20)])

    def test_rows_that_cannot_be_read_on_keep_the_answers_before_them(self, tmp_path: Path) -> None:
        def stop() -> Iterator[Row]:
            yield from make_rows(*"abcdef")
            raise Interrupted

        plan, again = CountingPlan(), CountingPlan()
        with pytest.raises(Interrupted):
            work(stop(), tmp_path, plan, part_size=4)
        work(make_rows(*"abcdef"), tmp_path, again, part_size=4)
        assert Counter(plan.questions + again.questions) == Counter("abcdef")


class TestOnError:
    ROWS = make_rows(*"abcdefghij")

    def test_raise_stops_at_once_and_keeps_the_answers(self, tmp_path: Path) -> None:
        plan = CountingPlan(failing="c")
        with pytest.raises(BadRequestError, match="as ordered"):
            work(self.ROWS, tmp_path, plan, on_error="raise", part_size=10)
        assert len(plan.questions) < 6
        again = CountingPlan()
        work(self.ROWS, tmp_path, again, part_size=10)
        assert Counter(plan.questions + again.questions) == Counter([*"abcdefghij", "c"])

    def test_fail_asks_all_and_then_fails(self, tmp_path: Path) -> None:
        plan = CountingPlan(failing="cf")
        with pytest.raises(PartialFailureError, match="2 of 10 rows failed; the first one, row 2: as ordered"):
            work(self.ROWS, tmp_path, plan, on_error="fail")
        assert plan.questions == list("abcdefghij")
        assert not (tmp_path / "_manifest.json").exists()

    def test_skip_finishes(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        assert work(self.ROWS, tmp_path, CountingPlan(failing="cf"))["failed"] == 2
        assert "2 of 10 rows failed; the first one, row 2: as ordered" in caplog.text

    def test_failed_rows_have_their_error_in_place_of_an_answer(self, tmp_path: Path) -> None:
        work(make_rows(*"aba"), tmp_path, CountingPlan(failing="a"))
        assert read(tmp_path) == [
            {"text": "a", "answer": None, "error": "as ordered"},
            {"text": "b", "answer": "B", "error": None},
            {"text": "a", "answer": None, "error": "as ordered"},
        ]

    def test_without_a_column_for_errors_nothing_is_written_of_a_failed_row(self, tmp_path: Path) -> None:
        with pytest.raises(BadRequestError):
            work(self.ROWS, tmp_path, CountingPlan(failing="c", has_errors=False), on_error="raise", part_size=5)
        again = CountingPlan(has_errors=False)
        work(self.ROWS, tmp_path, again, on_error="raise", part_size=5)
        assert "c" in again.questions
        assert not {"a", "b"} & set(again.questions)
        assert "error" not in read(tmp_path)[0]


class TestRequestsOfSeveralRows:
    @in_folders
    @given(st.integers(1, 40), st.integers(1, 40), st.sets(st.integers(0, 39)))
    def test_rejected_requests_are_halved_until_the_bad_rows_are_alone(
        self, count: int, size: int, bad: set[int]
    ) -> None:
        rows = make_rows(*map(str, range(count)))
        with tempfile.TemporaryDirectory() as folder:
            plan = CountingPlan(failing=map(str, bad), size=size)
            work_without_counts(rows, Path(folder), plan)
            assert [record["answer"] for record in read(Path(folder))] == [
                None if number in bad else str(number) for number in range(count)
            ]
            # Each level of halves sends each row at most once.
            assert sum(plan.request_sizes) <= count * (size.bit_length() + 1)

    def test_other_failures_are_of_all_rows_of_the_request(self, tmp_path: Path) -> None:
        plan = CountingPlan(failing="b", size=4, error=APIStatusError)
        assert work(make_rows(*"abcdefgh"), tmp_path, plan, part_size=8)["failed"] == 4
        assert plan.request_sizes == [4, 4]


def work_without_counts(rows: list[Row], path: Path, plan: CountingPlan) -> None:
    folder, progress = Folder(path, "jsonl", RECIPE), Progress(LOG, "")
    folder.begin()
    with ResumableRun(folder, plan, progress) as run:
        run.work(rows, 16, 1, Failures("skip"))
    folder.finish(progress.summary)


@pytest.mark.slow
class TestMemory:
    def test_rows_that_wait_for_an_equal_row_are_bounded(self, tmp_path: Path) -> None:
        """200,000 equal rows while the first answer takes its time."""
        count, part_size, rows_read = 200_000, 1_000, 0
        released, most = threading.Event(), 0

        def stream() -> Iterator[Row]:
            nonlocal rows_read
            for _ in range(count):
                rows_read += 1
                if rows_read > MAX_WAITING_ROWS:
                    released.set()
                yield {"text": "a"}

        class Slow(CountingPlan):
            def ask(self, work: Work) -> list[Row]:
                nonlocal most
                assert released.wait(60)
                # So that a reader that doesn't stop would go on.
                threading.Event().wait(0.3)
                most = rows_read
                return super().ask(work)

        plan = Slow()
        manifest = work(stream(), tmp_path, plan, part_size=part_size, concurrency=8)
        assert plan.questions == ["a"]
        assert MAX_WAITING_ROWS < most <= MAX_WAITING_ROWS + 2 * part_size
        assert (manifest["rows"], manifest["rows_duplicate"]) == (count, count - 1)

    def test_rows_do_not_wait_for_an_answer_that_never_comes(self, tmp_path: Path) -> None:
        released = threading.Event()

        def stream() -> Iterator[Row]:
            for number in range(3 * MAX_WAITING_ROWS):
                if number > MAX_WAITING_ROWS:
                    released.set()
                yield {"text": "a"}

        class Broken(CountingPlan):
            def ask(self, work: Work) -> list[Row]:
                assert released.wait(60)
                # Until no more rows are read.
                threading.Event().wait(0.3)
                raise Interrupted

        with pytest.raises(Interrupted):
            work(stream(), tmp_path, Broken(), part_size=1_000, concurrency=8)

    def test_rows_are_read_as_they_are_needed(self, tmp_path: Path) -> None:
        rows_read = 0

        def stream() -> Iterator[Row]:
            nonlocal rows_read
            for number in range(10_000):
                rows_read += 1
                yield {"text": str(number)}

        with pytest.raises(Interrupted):
            work(stream(), tmp_path, CountingPlan(last=50), part_size=10, concurrency=2)
        assert rows_read <= 100


class TestMissing:
    def test_questions_without_an_answer_are_listed_once_and_not_asked(self, tmp_path: Path) -> None:
        work(make_rows(*"abc"), tmp_path, CountingPlan(failing="b"), part_size=2)
        plan, folder = CountingPlan(), Folder(tmp_path, "jsonl", RECIPE)
        folder.begin()
        with ResumableRun(folder, plan, Progress(LOG, "")) as run:
            missing = list(run.iter_missing(make_rows(*"xabxdc"), 2))
        assert [(question.row["text"], question.number) for question in missing] == [("x", 0), ("b", 2), ("d", 4)]
        assert plan.questions == []

    def test_row_without_a_key_ends_the_run_before_anything_is_asked(self, tmp_path: Path) -> None:
        plan = CountingPlan()
        with pytest.raises(InvalidInputError, match="Row 1 has no text"):
            work([*make_rows("b"), {"text": ""}], tmp_path, plan)
        assert plan.questions == []

    def test_a_list_has_none_of_an_earlier_run(self) -> None:
        with ResumableRun(AnswerList(["answer"]), CountingPlan(), Progress(LOG, "")) as run:
            assert len(list(run.iter_missing(make_rows(*"aba"), 10))) == 2


def answer(request: ServiceRequest) -> ServiceResponse:
    """Answer in capitals; embed a number as itself."""
    usage = {"prompt_tokens": 1, "total_tokens": 1}
    if "input" in request.body:
        if "bad" in request.body["input"]:
            return ServiceResponse(400, {"error": {"message": "as ordered"}})
        data = [{"index": n, "embedding": [float(text), 0.5]} for n, text in enumerate(request.body["input"])]
        return ServiceResponse(200, {"object": "list", "data": data, "model": "m", "usage": usage})
    message = {"role": "assistant", "content": request.body["messages"][-1]["content"].upper()}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return ServiceResponse(200, {"object": "chat.completion", "model": "m", "choices": [choice], "usage": usage})


@pytest.fixture
def service() -> Iterator[Service]:
    with running(answer) as service:
        yield service


def list_texts(service: Service) -> list[str]:
    """All that was asked, and forget it."""
    bodies = [request.body for request in service.requests if request.body]
    service.requests.clear()
    return [text for body in bodies for text in body.get("input") or [body["messages"][-1]["content"]]]


class TestHook:
    EDITS: tuple[tuple[list[str], list[str]], ...] = (
        ([*"123456"], [*"123456"]),
        ([*"0123456"], ["0"]),
        ([*"654321"], []),
        ([*"65", "7", *"65", "7"], ["7"]),
        ([*"567", "1"], ["1"]),
    )

    @pytest.mark.parametrize("output_format", ["jsonl", "parquet"])
    def test_answers_follow_their_rows(
        self, hook_for: Make, service: Service, tmp_path: Path, output_format: str
    ) -> None:
        hook = hook_for(stored(service))
        for texts, expected in self.EDITS:
            rows = [{"place": place, "text": text} for place, text in enumerate(texts)]
            manifest = hook.chat_rows(rows, tmp_path, MODEL, prompt="n{text}", output_format=output_format, part_size=2)
            assert sorted(list_texts(service)) == sorted(f"n{text}" for text in expected)
            assert manifest["rows"] == len(texts)
            assert [(record["place"], record["answer"]) for record in hook.read_rows(manifest)] == [
                (place, f"N{text}") for place, text in enumerate(texts)
            ]

    @pytest.mark.parametrize("output_format", ["jsonl", "parquet", "npy"])
    def test_vectors_follow_their_rows(
        self, hook_for: Make, service: Service, tmp_path: Path, output_format: str
    ) -> None:
        hook = hook_for(stored(service))
        for texts, expected in self.EDITS:
            rows = [{"place": place, "text": text} for place, text in enumerate(texts)]
            manifest = hook.embed_rows(rows, tmp_path, "m", output_format=output_format, part_size=2)
            assert sorted(list_texts(service)) == expected
            assert [(record["place"], record["embedding"][0]) for record in hook.read_rows(manifest)] == [
                (place, float(text)) for place, text in enumerate(texts)
            ]

    def test_a_text_that_the_service_rejects_fails_alone(
        self, hook_for: Make, service: Service, tmp_path: Path
    ) -> None:
        hook = hook_for(stored(service))
        rows = make_rows(*map(str, range(60)), "bad", *map(str, range(60, 100)))
        manifest = hook.embed_rows(rows, tmp_path, "m", on_error="skip")
        assert (manifest["rows"], manifest["failed"]) == (101, 1)
        (failed,) = [record for record in hook.read_rows(manifest) if record["error"] is not None]
        assert (failed["text"], failed["embedding"], "as ordered" in failed["error"]) == ("bad", None, True)

    def test_a_key_column_asks_equal_rows_apart(self, hook_for: Make, service: Service, tmp_path: Path) -> None:
        hook = hook_for(stored(service))
        rows = [{"id": number, "text": "1"} for number in range(3)]
        hook.chat_rows(rows, tmp_path, MODEL, key="id")
        assert list_texts(service) == ["1"] * 3
        hook.chat_rows([{"id": 7, "text": "1"}, *rows[::-1]], tmp_path, MODEL, key="id")
        assert list_texts(service) == ["1"]
        with pytest.raises(InvalidInputError, match="Row 0 has no value in the key column 'id'"):
            hook.chat_rows(make_rows("1"), tmp_path, MODEL, key="id")
