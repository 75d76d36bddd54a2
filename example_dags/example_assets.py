"""
A corpus is embedded into a folder; another DAG runs whenever that has happened, and reads what was written.
"""

import tempfile
from datetime import datetime

from airflow import DAG
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import OVHCloudAIEndpointsEmbeddingOperator

try:
    from airflow.sdk import Asset, task
except ImportError:  # Airflow 2
    from airflow.datasets import Dataset as Asset
    from airflow.decorators import task

# --8<-- [start:write]
VECTORS = Asset("s3://corpus/vectors")

with DAG("ovh_ai_assets", start_date=datetime(2026, 1, 1), schedule=None):
    OVHCloudAIEndpointsEmbeddingOperator(
        task_id="embed",
        model="bge-m3",
        input=["A lighthouse.", "A harbour.", "A ferry."],
        output_path=f"{tempfile.gettempdir()}/ovh_ai_assets",  # in earnest s3://conn_id@corpus/vectors
        if_exists="update",  # each run updates the same folder
        outlets=[VECTORS],
    )
# --8<-- [end:write]


# --8<-- [start:read]
with DAG("ovh_ai_assets_reader", start_date=datetime(2026, 1, 1), schedule=[VECTORS]):

    @task(inlets=[VECTORS])
    def look(inlet_events: dict) -> dict:
        # {"model": "bge-m3", "dimensions": 1024, "rows": 3, "failed": 0, "parts": 1, "format": "jsonl"}
        return dict(inlet_events[VECTORS][-1].extra)

    look()
# --8<-- [end:read]
