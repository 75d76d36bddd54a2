"""
What OpenLineage is told of a task.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from apache_airflow_provider_ovhcloud_ai.operators._datasets import Lineage, to_dataset_ref

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("ovh_ai_endpoints_connection")]

needs_openlineage = pytest.mark.skipif(
    importlib.util.find_spec("openlineage") is None, reason="OpenLineage is installed beside the newest Airflow alone"
)

ASSET = "s3://corpus/vectors"

DAG = """
from datetime import datetime
from airflow import DAG
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import OVHCloudAIEndpointsEmbeddingOperator
try:
    from airflow.sdk import Asset, AssetAlias
except ImportError:
    from airflow.datasets import Dataset as Asset, DatasetAlias as AssetAlias
with DAG("ovh_ai_lineage", start_date=datetime(2026, 1, 1), schedule=None):
    OVHCloudAIEndpointsEmbeddingOperator(
        task_id="embed",
        model="bge-m3",
        input_path={source!r},
        output_path={target!r},
        outlets=[Asset({asset!r}), AssetAlias("vectors")],
    )
"""


@pytest.fixture
def source(tmp_path: Path) -> str:
    text = tmp_path / "texts.txt"
    text.write_text("one\ntwo\nthree\n")
    target = tmp_path / "vectors"
    return textwrap.dedent(DAG).format(source=str(text), target=str(target), asset=ASSET)


@pytest.mark.slow
@needs_openlineage
def test_openlineage_receives_the_outlets(source: str, tmp_path: Path, airflow_db: Path) -> None:
    dags, log_file = tmp_path / "dags", tmp_path / "events.jsonl"
    dags.mkdir()
    (dags / "lineage.py").write_text(source)
    transport = {"type": "file", "log_file_path": str(log_file), "append": True}
    environment = os.environ | {
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps(transport),
        "AIRFLOW__OPENLINEAGE__NAMESPACE": "tests",
    }
    command = [sys.executable, "-m", "airflow", "dags", "test", "ovh_ai_lineage"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    events = [json.loads(line) for line in log_file.read_text().splitlines()]
    (event,) = [
        each for each in events if each["eventType"] == "COMPLETE" and each["job"]["name"] == "ovh_ai_lineage.embed"
    ]
    assert [(each["namespace"], each["name"]) for each in event["inputs"]] == [("file", str(tmp_path / "texts.txt"))]
    (output,) = event["outputs"]
    assert (output["namespace"], output["name"]) == ("file", str(tmp_path / "vectors"))
    assert output["outputFacets"]["outputStatistics"]["rowCount"] == 3
    facet = event["run"]["facets"]["ovhcloud_aiEndpoints"]
    assert (facet["model"], facet["dimensions"]) == ("bge-m3", 1024)
    assert "sandbox-token" not in log_file.read_text()


@needs_openlineage
def test_lineage_in_openlineage_s_classes() -> None:
    from apache_airflow_provider_ovhcloud_ai.operators._openlineage import FACET, as_operator_lineage

    source, target = (to_dataset_ref(path) for path in ("/data/texts.txt", "s3://lake@corpus/vectors"))
    facts = {"model": "bge-m3", "dimensions": 1024, "rows": 3, "format": "jsonl"}
    lineage = as_operator_lineage(Lineage((source,), (target,), facts))
    assert [(each.namespace, each.name) for each in lineage.inputs] == [("file", "/data/texts.txt")]
    (output,) = lineage.outputs
    assert (output.namespace, output.name) == ("s3://corpus", "vectors")
    statistics = output.outputFacets["outputStatistics"]
    assert (statistics.rowCount, statistics.fileCount) == (3, 1)
    facet = lineage.run_facets[FACET]
    assert (facet.model, facet.dimensions, facet.seconds) == ("bge-m3", 1024, None)
