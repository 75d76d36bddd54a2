"""What a task has written, in the events of the assets that are its outlets."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from local_airflow import installed_release

from .rest import ENDED, Rest, eventually

pytestmark = pytest.mark.airflow

FACTS = {"model": "bge-m3", "dimensions": 1024, "rows": 3, "failed": 0, "parts": 1, "format": "jsonl"}


def test_outlets_receive_the_summary(scheduled: Rest, bulk_folder: Path) -> None:
    run = scheduled.run("lineage")
    assert eventually(lambda: scheduled.state("lineage", run), ENDED.__contains__) == "success"
    kind, field = ("datasets", "dataset_uri") if installed_release() < (3,) else ("assets", "uri")
    events = scheduled.get(f"/{kind}/events?source_dag_id=lineage")[f"{kind[:-1]}_events"]
    extras = {event[field].rstrip("/"): event["extra"] for event in events}
    # One outlet is named by whoever wrote the DAG, the other stands for wherever the task writes.
    assert extras == {"s3://corpus/facts": FACTS, (bulk_folder / "lineage").as_uri(): FACTS}


def test_the_example_wakes_its_reader(scheduled: Rest, sandbox: Sandbox) -> None:
    fields = sandbox.connection
    scheduled.save(
        {"connection_id": "ovh_ai_endpoints_default", **fields, "extra": json.dumps(fields.get("extra", {}))}
    )
    try:
        run = scheduled.run("ovh_ai_assets")
        assert eventually(lambda: scheduled.state("ovh_ai_assets", run), ENDED.__contains__) == "success"
        runs = eventually(
            lambda: scheduled.get("/dags/ovh_ai_assets_reader/dagRuns")["dag_runs"],
            lambda runs: runs and runs[0]["state"] in ENDED,
        )
        assert [each["state"] for each in runs] == ["success"]
    finally:
        scheduled.ask("DELETE", f"{scheduled.root}/connections/ovh_ai_endpoints_default")
    path = f"/dags/ovh_ai_assets_reader/dagRuns/{runs[0]['dag_run_id']}/taskInstances/look/xcomEntries/return_value"
    summary = scheduled.get(path)["value"]
    assert (summary if isinstance(summary, dict) else ast.literal_eval(summary)) == FACTS
