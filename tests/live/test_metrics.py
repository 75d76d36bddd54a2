"""What tasks that Airflow runs count where Airflow counts."""

from __future__ import annotations

import pytest

from .metrics import Metrics

pytestmark = pytest.mark.airflow


@pytest.mark.usefixtures("run")
def test_requests_and_tokens_are_counted_as_airflows_own_metrics(metrics: Metrics) -> None:
    counted = {
        name.rpartition(".")[2]: number for name, number in metrics.counters.items() if "ovh_ai_endpoints" in name
    }
    # Five chats and four embeddings; one of each lost its first try.
    assert counted["requests"] >= 9
    assert counted["input_tokens"] > counted["requests"]
    assert counted["output_tokens"] > counted["requests"]
    assert counted["errors"] >= 2
    # A recording that another DAG had transcribed is counted in seconds.
    assert set(counted) - {"audio_seconds"} == {"requests", "input_tokens", "output_tokens", "errors"}
    assert all(f"airflow.ovh_ai_endpoints.{name}" in metrics.counters for name in counted)
