"""
Vectors of a folder into Weaviate. Needs ``apache-airflow-providers-weaviate``, its connection ``weaviate_default``, and
a collection ``Handbook`` that takes vectors as they come.
"""

import tempfile
from datetime import datetime
from uuid import NAMESPACE_URL, uuid5

from airflow import DAG
from airflow.providers.weaviate.hooks.weaviate import WeaviateHook
from airflow.providers.weaviate.operators.weaviate import WeaviateIngestOperator
from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import OVHCloudAIEndpointsEmbeddingOperator

try:
    from airflow.sdk import task
except ImportError:
    from airflow.decorators import task

with DAG("ovh_ai_to_weaviate", start_date=datetime(2026, 1, 1), schedule=None):
    embedded = OVHCloudAIEndpointsEmbeddingOperator(
        task_id="embed",
        model="bge-m3",
        input=[{"number": n, "text": f"Paragraph {n} of the handbook"} for n in range(1, 101)],
        output_path=f"{tempfile.gettempdir()}/handbook-weaviate/{{{{ run_id }}}}",
    )

    # --8<-- [start:shape]
    def identified(row: dict) -> dict:
        # Weaviate's ids are UUIDs; made of the row's own number, a task that is tried again replaces its objects.
        return {"id": str(uuid5(NAMESPACE_URL, f"handbook/{row['number']}")), **row}

    @task
    def objects(manifest: dict) -> list[dict]:
        return [identified(row) for row in OVHCloudAIEndpointsHook.read_rows(manifest)]

    WeaviateIngestOperator(
        task_id="ingest",
        conn_id="weaviate_default",
        collection_name="Handbook",
        input_data=objects(embedded.output),
        vector_col="embedding",
    )
    # --8<-- [end:shape]

    # --8<-- [start:stream]
    @task
    def ingest_any_size(manifest: dict) -> None:
        with WeaviateHook("weaviate_default").conn as client:
            handbook = client.collections.get("Handbook")
            with handbook.batch.dynamic() as batch:
                for row in map(identified, OVHCloudAIEndpointsHook.read_rows(manifest)):
                    batch.add_object(uuid=row.pop("id"), vector=row.pop("embedding"), properties=row)
            if failed := handbook.batch.failed_objects:
                raise RuntimeError(f"{len(failed)} objects were refused, the first one: {failed[0].message}")

    ingest_any_size(embedded.output)
    # --8<-- [end:stream]
