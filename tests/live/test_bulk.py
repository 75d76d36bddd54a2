"""
Bulk operators under a real scheduler: the task's process is killed halfway, and Airflow's own retry pays for the rest.
"""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from local_airflow import installed_release

from .rest import ENDED, Rest, eventually

pytestmark = pytest.mark.airflow

Texts = Callable[[Any], list[str]]


def embedded(body: Any) -> list[str]:
    return body["input"]


def read_prompts(body: Any) -> list[str]:
    return [body["messages"][-1]["content"]]


@pytest.mark.parametrize(
    ("dag", "rows", "part_size", "texts"),
    [("bulk_embed", 1_000, 25, embedded), ("bulk_chat", 80, 5, read_prompts)],
    ids=["embeddings", "chat"],
)
def test_a_killed_task_is_tried_again_and_pays_for_what_is_missing(
    scheduled: Rest, bulk_sandbox: Sandbox, bulk_folder: Path, dag: str, rows: int, part_size: int, texts: Texts
) -> None:
    bulk_sandbox.clear()

    def list_texts() -> list[str]:
        return [
            text for request in list(bulk_sandbox.requests) if request.body for text in texts(json.loads(request.body))
        ]

    run, out = scheduled.run(dag), bulk_folder / dag
    eventually(lambda: len(list_texts()), lambda count: count >= rows // 2)
    os.kill(scheduled.task(dag, run, "work")["pid"], signal.SIGKILL)
    row_count = len(list(out.glob("part-*"))) * part_size
    if installed_release() == (3, 0):
        # It gives a task whose process was killed no retry.
        assert eventually(lambda: scheduled.state(dag, run), ENDED.__contains__) == "failed"
        scheduled.clear(dag, run, "work")
    assert eventually(lambda: scheduled.state(dag, run), ENDED.__contains__) == "success"
    task = scheduled.task(dag, run, "work")
    assert task["try_number"] == 2
    assert row_count > 0
    paid = Counter(list_texts())
    # Four requests at a time: each may have belonged to a part of its own that was not written yet.
    assert len(paid) == rows
    assert sum(paid.values()) <= rows + 4 * part_size
    manifest = json.loads((out / "_manifest.json").read_text())
    assert (manifest["rows"], manifest["failed"]) == (rows, 0)
    assert manifest["rows_reused"] >= row_count
    records = [json.loads(line) for part in manifest["parts"] for line in (out / part["name"]).open()]
    assert [record["id"] for record in records] == list(range(rows))
