"""
The answers of a run that returns them.
"""

from __future__ import annotations

from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.hooks.bulk.answer_list import AnswerList


def record(error: str | None = None, status: int | None = None, **result: Any) -> dict[str, Any]:
    return {"text": "a", **result, "error": error, "status": status}


@pytest.mark.parametrize(
    ("columns", "records", "answers", "errors"),
    [
        (["answer"], [], [], []),
        (["answer"], [record(answer="A"), record(answer={"n": 1})], ["A", {"n": 1}], []),
        (
            ["answer"],
            [record(answer="A"), record("no", 400, answer=None), record("lost", answer=None)],
            ["A", None, None],
            [{"index": 1, "error": "no", "status": 400}, {"index": 2, "error": "lost", "status": None}],
        ),
        (["city", "n"], [record(city="Lyon", n=None)], [{"city": "Lyon", "n": None}], []),
        (["city", "n"], [record("no", 422, city=None, n=None)], [None], [{"index": 0, "error": "no", "status": 422}]),
        # A run that was stopped.
        (["answer"], [record(answer="A"), None, record(answer="C")], ["A", None, "C"], []),
    ],
)
def test_records_become_answers_and_errors(columns: Any, records: Any, answers: Any, errors: Any) -> None:
    for write in ("write", "write_rest"):
        parts = AnswerList(columns)
        name: Any = 0 if write == "write_rest" else parts.build_name(0, records)
        getattr(parts, write)(name, records, [b"key"] * len(records))
        assert (parts.answers, parts.errors) == (answers, errors)


def test_nothing_is_left_of_an_earlier_run() -> None:
    parts = AnswerList(["answer"])
    name = parts.build_name(0, [{"text": "a"}], [b"key"])
    parts.write(name, [record(answer="A")])
    assert (parts.has(name), parts.read(name), list(parts.iter_old_parts())) == (False, [], [])
    assert not parts.has_recipe(name, [{"text": "a"}])
