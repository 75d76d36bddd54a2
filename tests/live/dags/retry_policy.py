"""Tasks with an hour between their tries, unless a retry policy decides otherwise."""

from datetime import datetime, timedelta

import airflow
from airflow import DAG
from apache_airflow_provider_ovhcloud_ai.decorators import ovh_embed
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import OVHCloudAIEndpointsChatOperator

if tuple(map(int, airflow.__version__.split(".")[:2])) >= (3, 3):
    from apache_airflow_provider_ovhcloud_ai.retry_policy import OVHCloudAIEndpointsRetryPolicy

    RETRY_OPTIONS = {
        "retries": 3,
        "retry_delay": timedelta(hours=1),
        "retry_policy": OVHCloudAIEndpointsRetryPolicy(),
        "max_retries": 0,
        "fail_fast": False,
    }

    with DAG("retry_policy", start_date=datetime(2026, 1, 1), schedule=None):
        OVHCloudAIEndpointsChatOperator(
            task_id="refused", ovh_conn_id="policy_refused", prompt="Hello", **RETRY_OPTIONS
        )
        OVHCloudAIEndpointsChatOperator(
            task_id="limited", ovh_conn_id="policy_limited", prompt="Hello", **RETRY_OPTIONS
        )

        @ovh_embed(ovh_conn_id="policy_limited", **RETRY_OPTIONS)
        def limited_and_mapped(text: str) -> str:
            return text

        limited_and_mapped.expand(text=["Hello"])
