"""
Vectors of a folder into Pinecone. Needs ``apache-airflow-providers-pinecone``, its connection ``pinecone_default``, and
an index ``handbook`` for vectors of 1,024 numbers.
"""

import tempfile
from datetime import datetime
from itertools import islice

from airflow import DAG
from airflow.providers.pinecone.hooks.pinecone import PineconeHook
from airflow.providers.pinecone.operators.pinecone import PineconeIngestOperator
from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import OVHCloudAIEndpointsEmbeddingOperator

try:
    from airflow.sdk import task
except ImportError:
    from airflow.decorators import task

with DAG("ovh_ai_to_pinecone", start_date=datetime(2026, 1, 1), schedule=None):
    embedded = OVHCloudAIEndpointsEmbeddingOperator(
        task_id="embed",
        model="bge-m3",
        input=[{"id": n, "text": f"Paragraph {n} of the handbook"} for n in range(1, 101)],
        output_path=f"{tempfile.gettempdir()}/handbook-pinecone/{{{{ run_id }}}}",
    )

    # --8<-- [start:shape]
    def vector(row: dict) -> dict:
        return {"id": str(row.pop("id")), "values": row.pop("embedding"), "metadata": row}

    @task
    def vectors(manifest: dict) -> list[dict]:
        return [vector(row) for row in OVHCloudAIEndpointsHook.read_rows(manifest)]

    PineconeIngestOperator(
        task_id="ingest", index_name="handbook", input_vectors=vectors(embedded.output), batch_size=50
    )
    # --8<-- [end:shape]

    # --8<-- [start:stream]
    @task
    def ingest_any_size(manifest: dict) -> None:
        hook, rows = PineconeHook("pinecone_default"), OVHCloudAIEndpointsHook.read_rows(manifest)
        while batch := [vector(row) for row in islice(rows, 100)]:
            hook.upsert("handbook", batch)

    ingest_any_size(embedded.output)
    # --8<-- [end:stream]
