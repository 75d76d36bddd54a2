"""
Classify a table of reviews into a schema: with a fallback model, a budget and a limit of failed rows, into Parquet.
"""

import tempfile
from datetime import datetime
from pathlib import Path
from typing import Literal

from airflow import DAG
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import OVHCloudAIEndpointsBulkChatOperator
from pydantic import BaseModel

PARAMS = {"reviews": f"{Path(__file__).parent}/reviews.csv", "output": f"{tempfile.gettempdir()}/ovh-ai-classify"}


# --8<-- [start:classify]
class Review(BaseModel):
    topic: Literal["delivery", "quality", "other"]
    urgent: bool


with DAG("ovh_ai_classify", start_date=datetime(2026, 1, 1), schedule=None, params=PARAMS):
    OVHCloudAIEndpointsBulkChatOperator(
        task_id="classify",
        input_path="{{ params.reviews }}",  # a file or a folder, here or in object storage
        prompt="What is this review about, and is it urgent? {review}",
        response_format=Review,
        columns="flatten",  # a column for topic, a column for urgent
        model="gpt-oss-20b",
        fallback_models=["gpt-oss-120b"],
        max_cost=5,
        on_error="skip",
        max_failures=0.01,  # a share of the rows
        output_path="{{ params.output }}/{{ run_id }}",
        output_format="parquet",
        retries=3,
    )
# --8<-- [end:classify]
