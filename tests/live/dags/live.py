"""DAGs whose tasks the tests look at from outside, through Airflow's API and pages."""

import os
from datetime import datetime, timedelta

import airflow
from airflow import DAG
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import (
    OVHCloudAIEndpointsBatchOperator,
    OVHCloudAIEndpointsBulkChatOperator,
    OVHCloudAIEndpointsChatOperator,
    OVHCloudAIEndpointsEmbeddingOperator,
)

try:
    from airflow.sdk import Asset, AssetAlias
except ImportError:  # Airflow 2
    from airflow.datasets import Dataset as Asset
    from airflow.datasets import DatasetAlias as AssetAlias

HELLO = [{"role": "user", "content": "Hello"}]
START = datetime(2026, 1, 1)

with DAG("links", start_date=START, schedule=None):
    OVHCloudAIEndpointsChatOperator(task_id="chat", ovh_conn_id="fast", model="gpt-oss-120b", messages=HELLO)
    OVHCloudAIEndpointsEmbeddingOperator(task_id="embed", ovh_conn_id="fast", input="Hello")
    OVHCloudAIEndpointsChatOperator(
        task_id="chat_elsewhere", ovh_conn_id="elsewhere", model="gpt-oss-120b", messages=HELLO
    )
    # The sandbox drops the first request for this model, and a chat that broke is not sent again within the task.
    OVHCloudAIEndpointsChatOperator(
        task_id="chat_retried",
        ovh_conn_id="flaky",
        model="gpt-oss-20b",
        messages=HELLO,
        retries=1,
        retry_delay=timedelta(0),
    )
    OVHCloudAIEndpointsEmbeddingOperator(
        task_id="embed_retried",
        ovh_conn_id="flaky",
        input="Hello",
        max_retries=0,
        retries=1,
        retry_delay=timedelta(0),
    )
    OVHCloudAIEndpointsChatOperator.partial(task_id="chat_mapped", ovh_conn_id="fast", messages=HELLO).expand(
        model=["gpt-oss-120b", "Meta-Llama-3_3-70B-Instruct"]
    )
    OVHCloudAIEndpointsEmbeddingOperator.partial(task_id="embed_mapped", ovh_conn_id="fast").expand(
        input=["one", "two"]
    )

with DAG("lineage", start_date=START, schedule=None):
    OVHCloudAIEndpointsEmbeddingOperator(
        task_id="embed",
        ovh_conn_id="fast",
        model="bge-m3",
        input=["one", "two", "three"],
        output_path=f"{os.environ['BULK_FOLDER']}/lineage",
        outlets=[Asset("s3://corpus/facts"), AssetAlias("vectors")],
    )

with DAG("slow_chat", start_date=START, schedule=None):
    OVHCloudAIEndpointsChatOperator(task_id="ask", ovh_conn_id="slow_chat", model="gpt-oss-120b", messages=HELLO)

with DAG("slow_embedding", start_date=START, schedule=None):
    OVHCloudAIEndpointsEmbeddingOperator(task_id="ask", ovh_conn_id="slow_embedding", input="Hello", max_retries=0)

with DAG("pooled", start_date=START, schedule=None):
    OVHCloudAIEndpointsChatOperator.partial(
        task_id="ask", ovh_conn_id="fast", model="gpt-oss-120b", pool="ovh_ai_endpoints"
    ).expand(messages=[HELLO] * 6)

# Slow enough to be killed halfway; the folder is the test's own.
BULK = {
    "ovh_conn_id": "bulk",
    "concurrency": 4,
    "retries": 1,
    "retry_delay": timedelta(0),
}

with DAG("bulk_embed", start_date=START, schedule=None):
    OVHCloudAIEndpointsEmbeddingOperator(
        task_id="work",
        model="bge-m3",
        input=[{"id": number, "text": f"Text {number}"} for number in range(1_000)],
        output_path=f"{os.environ['BULK_FOLDER']}/bulk_embed",
        part_size=25,
        **BULK,
    )

with DAG("bulk_chat", start_date=START, schedule=None):
    OVHCloudAIEndpointsBulkChatOperator(
        task_id="work",
        model="gpt-oss-20b",
        rows=[{"id": number, "text": f"Question {number}"} for number in range(80)],
        output_path=f"{os.environ['BULK_FOLDER']}/bulk_chat",
        part_size=5,
        **BULK,
    )

BATCH = {"task_id": "work", "ovh_conn_id": "batch", "model": "gpt-oss-20b", "poll_interval": 1}
TRIED_AGAIN = {"retries": 2, "retry_delay": timedelta(0)}
ROWS = [f"Question {number}" for number in range(30)]

with DAG("batch", start_date=START, schedule=None):
    OVHCloudAIEndpointsBatchOperator(
        rows=ROWS, output_path=f"{os.environ['BULK_FOLDER']}/batch", deferrable=True, **BATCH, **TRIED_AGAIN
    )

with DAG("batch_deferred", start_date=START, schedule=None):
    OVHCloudAIEndpointsBatchOperator(rows=ROWS, deferrable=True, **BATCH, **TRIED_AGAIN)

with DAG("batch_waited_for", start_date=START, schedule=None):
    OVHCloudAIEndpointsBatchOperator(rows=ROWS, deferrable=False, **BATCH)

with DAG("batch_killed", start_date=START, schedule=None):
    # 3.0 gives a task whose process was killed no retry: somebody clears it there.
    OVHCloudAIEndpointsBatchOperator(
        rows=ROWS,
        output_path=f"{os.environ['BULK_FOLDER']}/batch_killed",
        deferrable=False,
        reattach="always" if airflow.__version__.startswith("3.0.") else "retry",
        **(BATCH | {"ovh_conn_id": "batch_quick"}),
        **TRIED_AGAIN,
    )

with DAG("batch_ends", start_date=START, schedule=None):
    for name, conn_id, model in (
        ("expired", "batch_expired", "gpt-oss-20b"),
        ("cancelled", "batch", "gpt-oss-20b"),
        ("refused", "batch_quick", "nobodys-model"),
        ("shuffled", "batch_shuffled", "gpt-oss-20b"),
    ):
        OVHCloudAIEndpointsBatchOperator(
            task_id=name,
            ovh_conn_id=conn_id,
            model=model,
            rows=ROWS,
            output_path=f"{os.environ['BULK_FOLDER']}/batch_ends/{name}",
            on_error="skip",
            poll_interval=1,
            deferrable=True,
        )

with DAG("batch_many", start_date=START, schedule=None):
    OVHCloudAIEndpointsBatchOperator.partial(deferrable=True, **(BATCH | {"ovh_conn_id": "batch_many"})).expand(
        rows=[[f"Question {number}"] for number in range(6)]
    )
