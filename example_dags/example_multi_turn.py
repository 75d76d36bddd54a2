"""
A conversation: what was said before goes along with the new question.
"""

from datetime import datetime

from airflow import DAG
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import OVHCloudAIEndpointsChatOperator

with DAG("ovh_ai_multi_turn", start_date=datetime(2026, 1, 1), schedule=None):
    # --8<-- [start:multi_turn]
    OVHCloudAIEndpointsChatOperator(
        task_id="follow_up",
        model="Meta-Llama-3_3-70B-Instruct",
        messages=[
            {"role": "system", "content": "You are a Python expert."},
            {"role": "user", "content": "How do I read a CSV file?"},
            {"role": "assistant", "content": "With pandas: pd.read_csv('file.csv')"},
            {"role": "user", "content": "And how do I keep the rows where 'age' is over 30?"},
        ],
    )
    # --8<-- [end:multi_turn]
