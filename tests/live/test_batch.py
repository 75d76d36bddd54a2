"""
A batch that a real triggerer waits for, and that its restart does not cancel.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from local_airflow import LocalAirflow

from .rest import ENDED, Rest, eventually

pytestmark = pytest.mark.airflow


@pytest.fixture
def triggerer(airflow: LocalAirflow, scheduled: Rest) -> Iterator[LocalAirflow]:
    airflow.start("triggerer")
    yield airflow
    airflow.end("triggerer")


def test_a_triggerer_waits_and_may_be_restarted(
    triggerer: LocalAirflow, scheduled: Rest, batch_sandbox: Sandbox, bulk_folder: Path
) -> None:
    def asked(method: str, path: str) -> int:
        return sum((each.method, each.path) == (method, path) for each in batch_sandbox.requests)

    run = scheduled.run("batch")
    eventually(lambda: scheduled.task("batch", run, "work")["state"], lambda state: state == "deferred")
    eventually(lambda: asked("GET", "/v1/batches"), lambda looks: looks >= 3)
    triggerer.end("triggerer")
    looks = asked("GET", "/v1/batches")
    triggerer.start("triggerer")
    eventually(lambda: asked("GET", "/v1/batches"), lambda more: more > looks)
    assert eventually(lambda: scheduled.state("batch", run), ENDED.__contains__) == "success"
    assert (asked("POST", "/v1/batches"), asked("POST", "/v1/batches/batch-000001/cancel")) == (1, 0)
    manifest = json.loads((bulk_folder / "batch" / "_manifest.json").read_text())
    assert (manifest["rows"], manifest["failed"]) == (30, 0)
    assert scheduled.task("batch", run, "work")["try_number"] == 1
