"""
Whether a model can be used: listed, and answering. tests/sensors/test_model.py waits for one.
"""

from __future__ import annotations

import pytest
from apache_airflow_provider_ovhcloud_ai.errors import AuthenticationError, BadRequestError, ConfigurationError
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from support.saved_connections import Make, stored

pytestmark = pytest.mark.airflow


@pytest.mark.parametrize(
    ("model", "ask", "paths"),
    [
        ("gpt-oss-20b", True, ["/v1/models", "/v1/chat/completions"]),
        ("bge-m3", True, ["/v1/models", "/v1/embeddings"]),
        ("nvr-tts-en-us", True, ["/v1/models"]),
        ("gpt-oss-20b", False, ["/v1/models"]),
    ],
)
def test_model_is_described_and_asked_by_its_kind(
    hook_for: Make, sandbox: Sandbox, model: str, ask: bool, paths: list[str]
) -> None:
    details, reason = hook_for(stored(sandbox)).check_model(model, ask=ask)
    assert details is not None
    assert (details["id"], details["object"], reason) == (model, "model", "")
    assert [request.path for request in sandbox.requests] == paths


def test_query_is_asked_although_it_is_not_listed(hook_for: Make, sandbox: Sandbox) -> None:
    assert hook_for(stored(sandbox)).check_model("mistral@latest") == ({"id": "mistral@latest"}, "")
    details, reason = hook_for(stored(sandbox)).check_model("nobody@latest")
    assert details is None
    assert "does not exist" in reason


def test_missing_model_is_a_reason_with_its_neighbours(hook_for: Make, sandbox: Sandbox) -> None:
    hook = hook_for(stored(sandbox))
    assert hook.check_model("gpt-oss-2") == (None, "is not served; there is gpt-oss-20b, gpt-oss-120b")
    assert hook.check_model("zzz") == (None, "is not served")


def test_outage_is_a_reason_and_a_refusal_an_error(hook_for: Make, sandbox: Sandbox) -> None:
    hook = hook_for(stored(sandbox), max_retries=0)
    for status in (429, 503):
        sandbox.fail_next(status, path="/v1/chat/completions")
        details, reason = hook.check_model("gpt-oss-20b")
        assert (details, str(status) in reason) == (None, True)
    for status, error in ((403, AuthenticationError), (400, BadRequestError)):
        sandbox.fail_next(status, path="/v1/chat/completions")
        with pytest.raises(error):
            hook.check_model("gpt-oss-20b")
    with pytest.raises(ConfigurationError, match="model must not be empty"):
        hook.check_model(" ")
