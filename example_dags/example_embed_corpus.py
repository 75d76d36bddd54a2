"""
A file of texts to a folder of vectors, and the vectors read back: nothing large goes through XCom.
"""

import json
import tempfile
from datetime import datetime
from pathlib import Path

from airflow import DAG
from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import OVHCloudAIEndpointsEmbeddingOperator

try:
    from airflow.sdk import task
except ImportError:
    from airflow.decorators import task

with DAG("ovh_ai_embed_corpus", start_date=datetime(2026, 1, 1), schedule=None):

    @task
    def handbook() -> str:
        folder = Path(tempfile.mkdtemp(prefix="handbook-"))
        rows = [{"id": n, "text": f"Paragraph {n} of the handbook"} for n in range(1, 101)]
        (folder / "texts.jsonl").write_text("\n".join(map(json.dumps, rows)))
        return str(folder)

    # --8<-- [start:embed]
    embedded = OVHCloudAIEndpointsEmbeddingOperator(
        task_id="embed",
        model="bge-m3",
        input_path="{{ ti.xcom_pull('handbook') }}/texts.jsonl",
        output_path="{{ ti.xcom_pull('handbook') }}/vectors",
        part_size=30,
    )
    # --8<-- [end:embed]

    # --8<-- [start:read]
    @task
    def load(manifest: dict) -> dict:
        rows = dimensions = 0
        for row in OVHCloudAIEndpointsHook.read_rows(manifest):
            rows, dimensions = rows + 1, len(row["embedding"])
        return {"rows": rows, "columns": sorted(row), "dimensions": dimensions}

    # --8<-- [end:read]

    handbook() >> embedded
    load(embedded.output)
