"""
A task of its own for each prompt, and an Airflow pool that lets only some of them ask at a time.

Make the pool once: ``airflow pools set ovh_ai_endpoints 4 "Requests at a time"``, or Admin > Pools.
"""

from datetime import datetime

from airflow import DAG
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import OVHCloudAIEndpointsChatOperator

CITIES = ["Roubaix", "Gravelines", "Strasbourg", "Beauharnois", "Limburg", "Warsaw"]

with DAG("ovh_ai_mapped_with_pool", start_date=datetime(2026, 1, 1), schedule=None):
    # --8<-- [start:pool]
    OVHCloudAIEndpointsChatOperator.partial(
        task_id="describe",
        model="gpt-oss-20b",
        pool="ovh_ai_endpoints",
        retries=3,
        retry_delay=60,
    ).expand(messages=[[{"role": "user", "content": f"Describe {city} in one sentence."}] for city in CITIES])
    # --8<-- [end:pool]
