"""
Vectors of a folder into PostgreSQL with pgvector. Needs ``apache-airflow-providers-pgvector`` and a connection
``postgres_default`` to a database that has the extension ``vector``.
"""

import json
import tempfile
from datetime import datetime

from airflow import DAG
from airflow.providers.pgvector.hooks.pgvector import PgVectorHook
from airflow.providers.pgvector.operators.pgvector import PgVectorIngestOperator
from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import OVHCloudAIEndpointsEmbeddingOperator

try:
    from airflow.sdk import task
except ImportError:
    from airflow.decorators import task

with DAG("ovh_ai_to_pgvector", start_date=datetime(2026, 1, 1), schedule=None):
    embedded = OVHCloudAIEndpointsEmbeddingOperator(
        task_id="embed",
        model="bge-m3",
        input=[{"id": n, "text": f"Paragraph {n} of the handbook"} for n in range(1, 101)],
        output_path=f"{tempfile.gettempdir()}/handbook-pgvector/{{{{ run_id }}}}",
    )

    # --8<-- [start:shape]
    @task
    def as_json(manifest: dict) -> str:
        return json.dumps(list(OVHCloudAIEndpointsHook.read_rows(manifest)))

    PgVectorIngestOperator(
        task_id="ingest",
        conn_id="postgres_default",
        sql="""
            INSERT INTO handbook (id, text, embedding)
            SELECT id, text, embedding::vector
            FROM jsonb_to_recordset(%(rows)s::jsonb) AS given (id int, text text, embedding text)
            ON CONFLICT (id) DO UPDATE SET text = excluded.text, embedding = excluded.embedding
        """,
        parameters={"rows": as_json(embedded.output)},
    )
    # --8<-- [end:shape]

    # --8<-- [start:stream]
    @task
    def ingest_any_size(manifest: dict) -> None:
        rows = OVHCloudAIEndpointsHook.read_rows(manifest)
        PgVectorHook("postgres_default").insert_rows(
            "handbook",
            # pgvector reads a vector from text in brackets, as a list is written.
            ((row["id"], row["text"], str(row["embedding"])) for row in rows),
            target_fields=["id", "text", "embedding"],
            replace=True,
            replace_index="id",
            commit_every=1000,
        )

    ingest_any_size(embedded.output)
    # --8<-- [end:stream]
