from __future__ import annotations

from apache_airflow_provider_ovhcloud_ai.sandbox.endpoints.endpoint_call import Call
from apache_airflow_provider_ovhcloud_ai.sandbox.models import BY_NAME


def test_repr_shows_the_model_but_no_prompt() -> None:
    text = repr(Call(BY_NAME["gpt-oss-20b"], "gpt-oss-20b", {"input": "a secret"}))
    assert "gpt-oss-20b" in text
    assert "secret" not in text
