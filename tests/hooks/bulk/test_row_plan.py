"""
What a record of a row holds, and which rows cannot have one.
"""

from __future__ import annotations

from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.errors import BadRequestError, InvalidInputError
from apache_airflow_provider_ovhcloud_ai.hooks.bulk.row_plan import Question, RowPlan

ERROR = BadRequestError("too long", status=413)


@pytest.mark.parametrize(
    ("row", "keep_columns", "name"),
    [
        ({"text": "a", "answer": 1}, None, "answer"),
        ({"text": "a", "error": None}, None, "error"),
        ({"text": "a", "answer": 1}, ["text", "answer"], "answer"),
    ],
)
def test_kept_column_with_the_name_of_a_result_is_an_error(row: Any, keep_columns: Any, name: str) -> None:
    with pytest.raises(InvalidInputError, match=f"Row 7 has a column '{name}' already"):
        RowPlan(["answer"], keep_columns).check_columns(row, 7)


@pytest.mark.parametrize("row", [{"text": "a", "answer": "old"}, {"text": "a", "error": "old"}])
def test_column_that_is_not_kept_may_have_the_name_of_a_result(row: Any) -> None:
    plan = RowPlan(["answer"], ["text"])
    plan.check_columns(row, 0)
    assert plan.build_record(row, {"answer": "A"}, None) == {"text": "a", "answer": "A", "error": None}


@pytest.mark.parametrize(
    ("has_errors", "has_statuses", "expected"),
    [
        (True, False, {"text": "a", "answer": None, "error": "too long"}),
        (True, True, {"text": "a", "answer": None, "error": "too long", "status": 413}),
        (False, False, {"text": "a", "answer": None}),
    ],
)
def test_record_of_a_failed_row(has_errors: bool, has_statuses: bool, expected: Any) -> None:
    plan = RowPlan(["answer"], has_errors=has_errors)
    plan.has_statuses = has_statuses
    assert plan.build_record({"text": "a"}, None, ERROR) == expected


def test_each_question_is_a_request() -> None:
    questions = [Question(b"a", {}, 0), Question(b"b", {}, 1)]
    assert [work.questions for work in RowPlan([]).group(questions)] == [(questions[0],), (questions[1],)]
