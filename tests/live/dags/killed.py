"""A task of every operator and sensor, of those that a test kills in the middle, whichever these are."""

import os
from datetime import datetime, timedelta

from airflow import DAG
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import (
    OVHCloudAIEndpointsBatchOperator,
    OVHCloudAIEndpointsBulkChatOperator,
    OVHCloudAIEndpointsChatOperator,
    OVHCloudAIEndpointsEmbeddingOperator,
    OVHCloudAIEndpointsGuardOperator,
    OVHCloudAIEndpointsImageOperator,
    OVHCloudAIEndpointsModelsOperator,
    OVHCloudAIEndpointsResponseOperator,
    OVHCloudAIEndpointsTranscriptionOperator,
)
from apache_airflow_provider_ovhcloud_ai.sensors.batch import OVHCloudAIEndpointsBatchSensor
from apache_airflow_provider_ovhcloud_ai.sensors.model import OVHCloudAIEndpointsModelSensor

#: Each run has a folder of its own; the test puts a recording beside them.
FOLDER = f"{os.environ['BULK_FOLDER']}/killed"
OUT = f"{FOLDER}/{{{{ run_id }}}}"

CHAT, EMBEDDING = "gpt-oss-20b", "bge-m3"

with DAG(
    "killed",
    start_date=datetime(2026, 1, 1),
    schedule=None,
    # More at a time would be killed before they have begun: two cores start two in as many seconds.
    max_active_tasks=4,
    default_args={"ovh_conn_id": "killed", "retries": 9, "retry_delay": timedelta(0)},
):
    OVHCloudAIEndpointsChatOperator(task_id="chat", model=CHAT, prompt="One question")
    OVHCloudAIEndpointsResponseOperator(task_id="response", model=CHAT, input="One question")
    OVHCloudAIEndpointsGuardOperator(task_id="guard", text="One question")
    OVHCloudAIEndpointsModelsOperator(task_id="models", output="ids")
    OVHCloudAIEndpointsTranscriptionOperator(
        task_id="transcription", audio_path=f"{FOLDER}/talk.wav", output_path=f"{OUT}/talk.txt"
    )
    OVHCloudAIEndpointsImageOperator(
        task_id="image", prompt="One image", size="512x512", n=2, output_path=f"{OUT}/image.png"
    )
    OVHCloudAIEndpointsEmbeddingOperator(
        task_id="embedding",
        model=EMBEDDING,
        input=[{"id": number, "text": f"Text {number}"} for number in range(200)],
        output_path=f"{OUT}/embedding",
        part_size=25,
        concurrency=2,
    )
    OVHCloudAIEndpointsBulkChatOperator(
        task_id="bulk",
        model=CHAT,
        rows=[{"id": number, "text": f"Question {number}"} for number in range(16)],
        output_path=f"{OUT}/bulk",
        part_size=2,
        concurrency=2,
    )
    batch = OVHCloudAIEndpointsBatchOperator(
        task_id="batch",
        model=CHAT,
        rows=[f"Row {number}" for number in range(10)],
        output_path=f"{OUT}/batch",
        deferrable=False,
        poll_interval=1,
    )
    batch >> OVHCloudAIEndpointsBatchSensor(
        task_id="batch_sensor",
        batch_id="{{ ti.xcom_pull(task_ids='batch', key='batches')[0]['id'] }}",
        deferrable=False,
        poke_interval=1,
    )
    OVHCloudAIEndpointsModelSensor(task_id="model_sensor", model=CHAT, require_response=True, poke_interval=1)
