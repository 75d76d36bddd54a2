"""
What a task writes is told to the assets that are its outlets, and to OpenLineage.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
from apache_airflow_provider_ovhcloud_ai.compat import to_asset
from apache_airflow_provider_ovhcloud_ai.operators._datasets import DatasetRef, to_dataset_ref
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import (
    OVHCloudAIEndpointsBatchOperator,
    OVHCloudAIEndpointsBulkChatOperator,
    OVHCloudAIEndpointsChatOperator,
    OVHCloudAIEndpointsEmbeddingOperator,
    OVHCloudAIEndpointsImageOperator,
    OVHCloudAIEndpointsTranscriptionOperator,
)
from support.audio_samples import wav

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("ovh_ai_endpoints_connection")]

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


@pytest.mark.parametrize(
    ("path", "uri", "namespace", "name"),
    [
        ("s3://lake@bucket/a/b", "s3://bucket/a/b", "s3://bucket", "a/b"),
        ("s3://bucket/a/b/", "s3://bucket/a/b", "s3://bucket", "a/b"),
        ("gs://bucket", "gs://bucket", "gs://bucket", "/"),
        ("abfs://lake:secret@files/a?sig=secret", "abfs://files/a", "abfs://files", "a"),
        ("/data/out", "file:///data/out", "file", "/data/out"),
        ("file:///data/out", "file:///data/out", "file", "/data/out"),
        ("/data/a b", "file:///data/a%20b", "file", "/data/a b"),
    ],
)
def test_an_address_says_where_and_not_as_whom(path: str, uri: str, namespace: str, name: str) -> None:
    assert to_dataset_ref(path) == DatasetRef(uri, namespace, name)


def test_a_relative_path_is_one_below_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert to_dataset_ref("out").name == str(tmp_path / "out")


class Events:
    """The events of outlets, as the context has them; assets of 3.0 have no hash."""

    def __init__(self) -> None:
        self._found: dict[str, Any] = {}

    def __getitem__(self, outlet: Any) -> Any:
        return self._found.setdefault(outlet.uri, MagicMock(extra={}))


def told(operator: Any) -> dict[str, Any]:
    """Run an operator whose outlet is an asset, and give what the event is told."""
    outlet = to_asset(ASSET)
    operator.outlets = [outlet]
    events, ti = Events(), MagicMock(dag_id="d", run_id="r", task_id="t", map_index=-1, try_number=1, max_tries=0)
    operator.execute({"ti": ti, "task_instance": ti, "run_id": "r", "outlet_events": events})
    return dict(events[outlet].extra)


def test_each_operator_that_writes_tells_what(tmp_path: Path) -> None:
    (tmp_path / "talk.wav").write_bytes(wav(2))
    rows = ["a", "b", "c"]
    embed = OVHCloudAIEndpointsEmbeddingOperator(
        task_id="t", model="bge-m3", input=rows, output_path=str(tmp_path / "1"), part_size=2
    )
    assert told(embed) == {"model": "bge-m3", "dimensions": 1024, "rows": 3, "parts": 2, "format": "jsonl"}
    ask = OVHCloudAIEndpointsBulkChatOperator(
        task_id="t", model="gpt-oss-20b", rows=rows, output_path=str(tmp_path / "2")
    )
    assert told(ask) == {"model": "gpt-oss-20b", "rows": 3, "parts": 1, "format": "jsonl"}
    batch = OVHCloudAIEndpointsBatchOperator(
        task_id="t",
        model="gpt-oss-20b",
        rows=rows,
        output_path=str(tmp_path / "3"),
        deferrable=False,
        poll_interval=0.1,
    )
    assert told(batch) == {"model": "gpt-oss-20b", "rows": 3, "parts": 1, "format": "jsonl"}
    write = OVHCloudAIEndpointsTranscriptionOperator(
        task_id="t", audio_path=tmp_path / "talk.wav", output_path=str(tmp_path / "talk.srt")
    )
    assert told(write) == {"model": "whisper-large-v3", "format": "srt", "seconds": 2, "characters": 68}
    paint = OVHCloudAIEndpointsImageOperator(
        task_id="t", prompt="A cat", n=2, size="512x512", output_path=str(tmp_path / "cat.png")
    )
    assert told(paint) == {"model": "stable-diffusion-xl-base-v10", "images": 2, "size": "512x512"}


def test_what_goes_to_xcom_is_no_asset(tmp_path: Path) -> None:
    assert told(OVHCloudAIEndpointsEmbeddingOperator(task_id="t", model="bge-m3", input="a")) == {}
    assert told(OVHCloudAIEndpointsChatOperator(task_id="t", model="gpt-oss-20b", prompt="Hi")) == {}


@pytest.fixture
def source(tmp_path: Path) -> str:
    text = tmp_path / "texts.txt"
    text.write_text("one\ntwo\nthree\n")
    target = tmp_path / "vectors"
    return textwrap.dedent(DAG).format(source=str(text), target=str(target), asset=ASSET)


@pytest.mark.slow
@pytest.mark.skipif(
    importlib.util.find_spec("openlineage") is None, reason="OpenLineage is installed beside the newest Airflow alone"
)
def test_openlineage_is_told(source: str, tmp_path: Path, airflow_db: Path) -> None:
    dags, told = tmp_path / "dags", tmp_path / "events.jsonl"
    dags.mkdir()
    (dags / "lineage.py").write_text(source)
    transport = {"type": "file", "log_file_path": str(told), "append": True}
    environment = os.environ | {
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps(transport),
        "AIRFLOW__OPENLINEAGE__NAMESPACE": "tests",
    }
    command = [sys.executable, "-m", "airflow", "dags", "test", "ovh_ai_lineage"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    events = [json.loads(line) for line in told.read_text().splitlines()]
    (event,) = [
        each for each in events if each["eventType"] == "COMPLETE" and each["job"]["name"] == "ovh_ai_lineage.embed"
    ]
    assert [(each["namespace"], each["name"]) for each in event["inputs"]] == [("file", str(tmp_path / "texts.txt"))]
    (output,) = event["outputs"]
    assert (output["namespace"], output["name"]) == ("file", str(tmp_path / "vectors"))
    assert output["outputFacets"]["outputStatistics"]["rowCount"] == 3
    facet = event["run"]["facets"]["ovhcloud_aiEndpoints"]
    assert (facet["model"], facet["dimensions"]) == ("bge-m3", 1024)
    assert "sandbox-token" not in told.read_text()
