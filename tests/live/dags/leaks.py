"""A task of each kind, with a prompt that must be nowhere else, over connections whose token must be nowhere at all."""

import logging
import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import airflow
from airflow import DAG
from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import (
    OVHCloudAIEndpointsChatOperator,
    OVHCloudAIEndpointsEmbeddingOperator,
)
from apache_airflow_provider_ovhcloud_ai.sensors.batch import OVHCloudAIEndpointsBatchSensor
from apache_airflow_provider_ovhcloud_ai.sensors.model import OVHCloudAIEndpointsModelSensor
from support.operator_cases import OPERATORS, build_operator

try:
    from airflow.sdk import Asset, task
except ImportError:  # Airflow 2
    from airflow.datasets import Dataset as Asset
    from airflow.decorators import task

for name in ("apache_airflow_provider_ovhcloud_ai", "requests", "urllib3", "httpx", "httpcore"):
    logging.getLogger(name).setLevel(logging.DEBUG)
for handler in logging.getLogger().handlers:
    handler.setLevel(logging.DEBUG)

PROMPT = "colibri-4c1d8e52"
FOLDER = Path(os.environ["BULK_FOLDER"]) / "leaks"

#: Within one process, as `dag.test()` runs it, no trigger finds a connection of the database.
INLINE = "LEAKS_INLINE" in os.environ

#: The only operators if each task takes seconds to begin.
FEW = {"ChatOperator", "BatchOperator"}
ALL = not INLINE and not airflow.__version__.startswith("2.")

#: Parameters other than those of the operator's case.
OPTIONS = {
    "BatchOperator": {"deferrable": not INLINE, "poll_interval": 1},
    "EmbeddingOperator": {"input": [PROMPT, "{{ run_id }}"]},
    # The test creates the files.
    "BulkChatOperator": {"rows": None, "input_path": str(FOLDER / "rows.jsonl"), "prompt": f"{PROMPT} {{text}}"},
}


def add_task(name: str, conn_id: str, suffix: str = "") -> None:
    task_id = name.removesuffix("Operator").lower() + suffix
    options = {"task_id": task_id, "ovh_conn_id": conn_id, **OPTIONS.get(name, {})}
    build_operator(name, FOLDER, to_files=False, **options)


# SQLite bears no more than a few at a time.
with DAG("leaks", start_date=datetime(2026, 1, 1), schedule=None, max_active_tasks=4):
    for operator in OPERATORS:
        if ALL or operator in FEW:
            add_task(operator, "canary")
    # That every operator may be refused, `tests/leaks` shows.
    add_task("ChatOperator", "canary_refused", "_refused")
    add_task("EmbeddingOperator", "canary_refused", "_refused")

    OVHCloudAIEndpointsChatOperator.partial(task_id="mapped", ovh_conn_id="canary", model="gpt-oss-20b").expand(
        prompt=[PROMPT]
    )

    @task.ovh_chat(ovh_conn_id="canary_extra", model="gpt-oss-20b")
    def build_prompt() -> str:
        return PROMPT

    @task
    def python() -> int:
        hook = OVHCloudAIEndpointsHook("canary")
        hook.chat_completion("gpt-oss-20b", [{"role": "user", "content": PROMPT}])
        # What a child of a task could read.
        code = "import os; print(dict(os.environ))"
        (FOLDER / "child.txt").write_bytes(subprocess.check_output([sys.executable, "-c", code]))
        return len(hook.list_models())

    build_prompt()
    python()

    if ALL:

        @task.ovh_embed(ovh_conn_id="canary", model="bge-m3")
        def turned_into_vectors() -> list[str]:
            return [PROMPT]

        turned_into_vectors()
        OVHCloudAIEndpointsEmbeddingOperator(
            task_id="embedded",
            ovh_conn_id="canary",
            model="bge-m3",
            input_path=str(FOLDER / "rows.jsonl"),
            output_path=str(FOLDER / "vectors"),
            outlets=[Asset("s3://leaks/vectors")],
        )
        OVHCloudAIEndpointsChatOperator.partial(
            task_id="mapped_refused", ovh_conn_id="canary_refused", model="gpt-oss-20b"
        ).expand(prompt=[PROMPT])
        OVHCloudAIEndpointsModelSensor(task_id="model", ovh_conn_id="canary", model="bge-m3")
        sensor = OVHCloudAIEndpointsBatchSensor(
            task_id="ended",
            ovh_conn_id="canary",
            batch_id="{{ ti.xcom_pull(task_ids='batch', key='batches')[0]['id'] }}",
        )
        sensor.set_upstream(sensor.dag.get_task("batch"))
