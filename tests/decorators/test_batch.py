from __future__ import annotations

import pytest
from apache_airflow_provider_ovhcloud_ai.decorators import ovh_batch
from apache_airflow_provider_ovhcloud_ai.errors import ConfigurationError
from support.decorated import returning, run

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("ovh_ai_endpoints_connection")]


def test_rows_are_answered_by_a_batch() -> None:
    process = ovh_batch(model="gpt-oss-20b", prompt="Judge: {text}", poll_interval=0.05, deferrable=False)
    results = run(process, returning(["late", "fine"]))["results"]
    assert ["late" in results[0], "fine" in results[1]] == [True, True]


def test_vectors_of_rows() -> None:
    process = ovh_batch(endpoint="/v1/embeddings", model="bge-m3", poll_interval=0.05, deferrable=False)
    assert [len(vector) for vector in run(process, returning([{"text": "a"}]))["results"]] == [1024]


def test_other_values_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="must return rows: a list of texts or of dictionaries"):
        run(ovh_batch(model="gpt-oss-20b"), returning("a"))
