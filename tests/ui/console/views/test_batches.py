"""
Batches as rows: whatever a service lists, the page gets what it knows and no more.
"""

from __future__ import annotations

from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.ui.console.views.batches import MAX_TEXT_CHARS, rows
from support import canary

pytestmark = pytest.mark.airflow

TASK = {"airflow_dag_id": "d", "airflow_run_id": "r", "airflow_task_id": "t", "airflow_map_index": "3"}


def one(**batch: Any) -> dict[str, Any]:
    (row,) = rows([batch], canary.TOKEN)
    return row


def test_a_batch() -> None:
    batch = {
        "id": "batch-1",
        "status": "in_progress",
        "endpoint": "/v1/embeddings",
        "completion_window": "24h",
        "created_at": 1_780_000_000,
        "request_counts": {"total": 30, "completed": 7, "failed": 1},
        "metadata": {**TASK, "airflow_task": "abc.0", "other": "secret"},
        "input_file_id": "file-1",
    }
    assert one(**batch) == {
        "id": "batch-1",
        "status": "in_progress",
        "endpoint": "/v1/embeddings",
        "completion_window": "24h",
        "completed": 7,
        "failed": 1,
        "total": 30,
        "task": {"dag": "d", "run": "r", "task": "t", "map_index": "3"},
        "created": "2026-05-28T20:26:40Z",
    }


@pytest.mark.parametrize("metadata", [None, {}, "x", {"airflow_task_id": 7}, {"owner": "somebody else"}])
def test_a_batch_of_another_program(metadata: Any) -> None:
    assert one(id="batch-1", metadata=metadata)["task"] is None


@pytest.mark.parametrize("strange", [None, "", 7, -1, 1e300, 2**70, True, [], {}, "x" * 100_000])
def test_fields_of_any_kind(strange: Any) -> None:
    names = ("id", "status", "endpoint", "completion_window", "created_at", "request_counts", "metadata")
    row = one(**dict.fromkeys(names, strange))
    assert {type(row[name]) for name in ("id", "status", "endpoint", "completion_window")} == {str}
    assert max(len(row[name]) for name in ("id", "status", "endpoint")) <= MAX_TEXT_CHARS
    assert (row["completed"], row["created"] is None or "Z" in row["created"]) == (None, True)


def test_what_is_no_batch_is_left_out() -> None:
    assert [row["id"] for row in rows([None, 7, {"id": "a"}, [], {"id": "b"}], None)] == ["a", "b"]
