"""
Paths with a connection in them, as Airflow's Amazon provider reaches them: a real S3 API on this machine.
"""

from __future__ import annotations

import importlib.util
import json
from typing import Any
from unittest.mock import MagicMock

import pytest
from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import (
    OVHCloudAIEndpointsBulkChatOperator as BulkChat,
)
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import (
    OVHCloudAIEndpointsEmbeddingOperator as Embedding,
)
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from support import s3

pytestmark = [
    pytest.mark.airflow,
    pytest.mark.usefixtures("ovh_ai_endpoints_connection"),
    pytest.mark.skipif(
        importlib.util.find_spec("s3fs") is None, reason="s3fs is installed beside the newest Airflow alone"
    ),
]


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The file system itself, and the address of the same bucket behind an Airflow connection."""
    with s3.behind_a_connection(monkeypatch) as storage:
        yield storage


def test_operators_read_and_write_where_a_connection_leads(bucket: Any, ovh_ai_endpoints_sandbox: Sandbox) -> None:
    storage, place = bucket
    rows = [{"id": number, "text": f"Text {number}"} for number in range(60)]
    storage.pipe_file(f"{s3.BUCKET}/texts.jsonl", "\n".join(map(json.dumps, rows)).encode())
    context = {"ti": MagicMock()}
    for operator, model, column in ((Embedding, "bge-m3", "embedding"), (BulkChat, "gpt-oss-20b", "answer")):
        task = operator(
            task_id="t",
            model=model,
            input_path=f"{place}/texts.jsonl",
            output_path=f"{place}/{column}",
            part_size=20,
        )
        manifest = task.execute(context)
        assert (manifest["path"], manifest["rows"], manifest["parts"]) == (f"{place}/{column}", 60, 3)
        results = list(OVHCloudAIEndpointsHook.read_rows(manifest))
        assert [row["id"] for row in results] == list(range(60))
        assert all(row[column] for row in results)
        request_count = len(ovh_ai_endpoints_sandbox.requests)
        assert task.execute(context)["rows"] == 60
        assert len(ovh_ai_endpoints_sandbox.requests) == request_count
