"""
The assets that are a task's outlets, and OpenLineage, receive a summary of its output.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
from apache_airflow_provider_ovhcloud_ai.compat import to_asset
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


class Events:
    """The events of outlets, as the context has them; assets of 3.0 have no hash."""

    def __init__(self) -> None:
        self._events: dict[str, Any] = {}

    def __getitem__(self, outlet: Any) -> Any:
        return self._events.setdefault(outlet.uri, MagicMock(extra={}))


def read_event(operator: Any) -> dict[str, Any]:
    """Run an operator whose outlet is an asset, and return the extra of the event."""
    outlet = to_asset(ASSET)
    operator.outlets = [outlet]
    events, ti = Events(), MagicMock(dag_id="d", run_id="r", task_id="t", map_index=-1, try_number=1, max_tries=0)
    operator.execute({"ti": ti, "task_instance": ti, "run_id": "r", "outlet_events": events})
    return dict(events[outlet].extra)


def test_each_operator_that_writes_reports_a_summary(tmp_path: Path) -> None:
    (tmp_path / "talk.wav").write_bytes(wav(2))
    rows = ["a", "b", "c"]
    embed = OVHCloudAIEndpointsEmbeddingOperator(
        task_id="t", model="bge-m3", input=rows, output_path=str(tmp_path / "1"), part_size=2
    )
    assert read_event(embed) == {
        "model": "bge-m3",
        "dimensions": 1024,
        "rows": 3,
        "failed": 0,
        "parts": 2,
        "format": "jsonl",
    }
    ask = OVHCloudAIEndpointsBulkChatOperator(
        task_id="t", model="gpt-oss-20b", rows=rows, output_path=str(tmp_path / "2")
    )
    assert read_event(ask) == {"model": "gpt-oss-20b", "rows": 3, "failed": 0, "parts": 1, "format": "jsonl"}
    batch = OVHCloudAIEndpointsBatchOperator(
        task_id="t",
        model="gpt-oss-20b",
        rows=rows,
        output_path=str(tmp_path / "3"),
        deferrable=False,
        poll_interval=0.1,
    )
    assert read_event(batch) == {"model": "gpt-oss-20b", "rows": 3, "failed": 0, "parts": 1, "format": "jsonl"}
    write = OVHCloudAIEndpointsTranscriptionOperator(
        task_id="t", audio_path=tmp_path / "talk.wav", output_path=str(tmp_path / "talk.srt")
    )
    assert read_event(write) == {"model": "whisper-large-v3", "format": "srt", "seconds": 2, "characters": 68}
    paint = OVHCloudAIEndpointsImageOperator(
        task_id="t", prompt="A cat", n=2, size="512x512", output_path=str(tmp_path / "cat.png")
    )
    assert read_event(paint) == {"model": "stable-diffusion-xl-base-v10", "images": 2, "size": "512x512"}


def test_what_goes_to_xcom_is_no_asset(tmp_path: Path) -> None:
    assert read_event(OVHCloudAIEndpointsEmbeddingOperator(task_id="t", model="bge-m3", input="a")) == {}
    assert read_event(OVHCloudAIEndpointsChatOperator(task_id="t", model="gpt-oss-20b", prompt="Hi")) == {}
