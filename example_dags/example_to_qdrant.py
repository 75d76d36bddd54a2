"""
Vectors of a folder into Qdrant. Needs ``apache-airflow-providers-qdrant``, its connection ``qdrant_default``, and a
collection ``handbook`` for vectors of 1,024 numbers.
"""

import tempfile
from datetime import datetime

from airflow import DAG
from airflow.providers.qdrant.hooks.qdrant import QdrantHook
from airflow.providers.qdrant.operators.qdrant import QdrantIngestOperator
from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import OVHCloudAIEndpointsEmbeddingOperator

try:
    from airflow.sdk import task
except ImportError:
    from airflow.decorators import task

with DAG("ovh_ai_to_qdrant", start_date=datetime(2026, 1, 1), schedule=None):
    embedded = OVHCloudAIEndpointsEmbeddingOperator(
        task_id="embed",
        model="bge-m3",
        input=[{"id": n, "text": f"Paragraph {n} of the handbook"} for n in range(1, 101)],
        output_path=f"{tempfile.gettempdir()}/handbook-qdrant/{{{{ run_id }}}}",
    )

    # --8<-- [start:shape]
    @task(multiple_outputs=True)
    def points(manifest: dict) -> dict:
        rows = list(OVHCloudAIEndpointsHook.read_rows(manifest))
        return {
            "ids": [row["id"] for row in rows],
            "vectors": [row.pop("embedding") for row in rows],
            "payload": rows,
        }

    shaped = points(embedded.output)
    QdrantIngestOperator(
        task_id="ingest",
        collection_name="handbook",
        ids=shaped["ids"],
        vectors=shaped["vectors"],
        payload=shaped["payload"],
    )
    # --8<-- [end:shape]

    # --8<-- [start:stream]
    @task
    def ingest_any_size(manifest: dict) -> None:
        from qdrant_client.models import PointStruct

        rows = OVHCloudAIEndpointsHook.read_rows(manifest)
        points = (PointStruct(id=row["id"], vector=row.pop("embedding"), payload=row) for row in rows)
        QdrantHook("qdrant_default").conn.upload_points("handbook", points)

    ingest_any_size(embedded.output)
    # --8<-- [end:stream]
