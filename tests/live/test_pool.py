"""An Airflow pool that bounds how many mapped tasks ask at a time, as the documentation recommends it."""

from __future__ import annotations

from datetime import datetime

import pytest
from local_airflow import installed_release

from .rest import ENDED, Rest, eventually

pytestmark = [
    pytest.mark.airflow,
    pytest.mark.skipif(installed_release() < (3,), reason="2.11 runs one task at a time here"),
]


def test_no_more_tasks_ask_at_a_time_than_the_pool_has_slots(scheduled: Rest) -> None:
    scheduled.ask("DELETE", f"{scheduled.root}/pools/ovh_ai_endpoints")
    assert scheduled.post("/pools", {"name": "ovh_ai_endpoints", "slots": 2}).status == 201
    run = scheduled.run("pooled")
    assert eventually(lambda: scheduled.state("pooled", run), ENDED.__contains__) == "success"
    tasks = scheduled.get(f"/dags/pooled/dagRuns/{run}/taskInstances")["task_instances"]
    times = [(datetime.fromisoformat(task["start_date"]), datetime.fromisoformat(task["end_date"])) for task in tasks]
    assert len(times) == 6
    assert max(sum(start <= moment < end for start, end in times) for moment, _ in times) == 2
