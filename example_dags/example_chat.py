"""
A chat completion with everything that is often set, and two parameters of the API that the operator has no name for.
"""

from datetime import datetime

from airflow import DAG
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import OVHCloudAIEndpointsChatOperator

with DAG("ovh_ai_chat", start_date=datetime(2026, 1, 1), schedule=None):
    # --8<-- [start:chat]
    OVHCloudAIEndpointsChatOperator(
        task_id="classify",
        model="Meta-Llama-3_3-70B-Instruct",
        messages=[
            {"role": "system", "content": "Answer with one word: positive, neutral or negative."},
            {"role": "user", "content": "The parcel came a week late, but the bread was still warm."},
        ],
        temperature=0.0,
        max_tokens=200,
        stop="\n\n",
    )
    # --8<-- [end:chat]

    # --8<-- [start:extra_body]
    OVHCloudAIEndpointsChatOperator(
        task_id="extract",
        model="gpt-oss-120b",
        messages=[{"role": "user", "content": "Lyon lies where the Saône meets the Rhône."}],
        extra_body={
            "seed": 7,
            "response_format": {
                "type": "json_schema",
                "json_schema": {
                    "name": "place",
                    "schema": {
                        "type": "object",
                        "properties": {
                            "city": {"type": "string"},
                            "rivers": {"type": "array", "items": {"type": "string"}},
                        },
                        "required": ["city", "rivers"],
                    },
                },
            },
        },
    )
    # --8<-- [end:extra_body]

    # --8<-- [start:render_false]
    OVHCloudAIEndpointsChatOperator(
        task_id="explain_template",
        model="gpt-oss-120b",
        messages=[{"role": "user", "content": "What does {{ .Values.image }} mean in a Helm chart?"}],
        render_prompts=False,
    )
    # --8<-- [end:render_false]
