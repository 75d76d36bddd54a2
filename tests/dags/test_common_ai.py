"""
The example DAG that uses Airflow's own AI provider, where that is installed.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from support.common_ai import needs_common_ai

EXAMPLE = Path(__file__).parents[2] / "example_dags" / "example_common_ai.py"

pytestmark = [pytest.mark.airflow, needs_common_ai]


def test_example(
    run_dag: Callable[..., Any],
    xcom: Callable[..., Any],
    ovh_ai_endpoints_sandbox: Sandbox,
    ovh_ai_endpoints_connection: str,
) -> None:
    run = run_dag(EXAMPLE.read_text(encoding="utf-8"))

    assert run.state == "success"
    assert xcom(run, "sort").keys() == {"product", "urgent"}
    assert '"sandbox: 12 pieces"' in xcom(run, "reply")
    assert "Apache Airflow is a platform for workflows" in xcom(run, "summarise")
    default = json.loads(ovh_ai_endpoints_sandbox.connection_json)["extra"]["chat_model"]
    models = [request.json["model"] for request in ovh_ai_endpoints_sandbox.requests]
    assert sorted(models) == sorted(["Meta-Llama-3_3-70B-Instruct", default, default, "gpt-oss-20b"])
