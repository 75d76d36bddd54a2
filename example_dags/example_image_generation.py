"""
Posters that a model paints into files, another one looks at, and a Python task counts: no image goes through XCom.
"""

import tempfile
from datetime import datetime

from airflow import DAG
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import (
    OVHCloudAIEndpointsChatOperator,
    OVHCloudAIEndpointsImageOperator,
)

try:
    from airflow.sdk import task
except ImportError:  # Airflow 2
    from airflow.decorators import task

# With several workers: a folder in storage that all of them reach, such as s3://conn_id@bucket/posters.
FOLDER = f"{tempfile.gettempdir()}/posters"

with DAG(
    "ovh_ai_image_generation",
    start_date=datetime(2026, 1, 1),
    schedule=None,
    params={"city": "Lille"},
):
    # --8<-- [start:one]
    poster = OVHCloudAIEndpointsImageOperator(
        task_id="poster",
        prompt="A travel poster of {{ params.city }}, flat colours",
        output_path=FOLDER + "/{{ run_id }}/poster.png",
    )
    # --8<-- [end:one]

    # --8<-- [start:several]
    drafts = OVHCloudAIEndpointsImageOperator(
        task_id="drafts",
        prompt="A logo with a {{ params.city }} tram",
        output_path=FOLDER + "/{{ run_id }}/draft.png",  # draft-1.png, draft-2.png, draft-3.png
        n=3,
        size="512x512",
    )
    # --8<-- [end:several]

    # --8<-- [start:look]
    OVHCloudAIEndpointsChatOperator(
        task_id="choose",
        model="Qwen2.5-VL-72B-Instruct",
        prompt="Which of these logos is the easiest to recognise? Answer with its number.",
        images=drafts.output["paths"],
        output="text",
    )
    # --8<-- [end:look]

    # --8<-- [start:hook]
    @task
    def thumbnails(cities: list) -> int:
        from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook

        hook = OVHCloudAIEndpointsHook()
        images = [hook.generate_image(f"The skyline of {city}", size="256x256").images[0] for city in cities]
        return sum(len(image.data) for image in images)

    # --8<-- [end:hook]

    poster >> thumbnails(["Lille", "Ghent"])
