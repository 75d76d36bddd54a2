from __future__ import annotations

import pytest
from apache_airflow_provider_ovhcloud_ai.compat import AirflowFailException
from apache_airflow_provider_ovhcloud_ai.errors import ConfigurationError
from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("ovh_ai_endpoints_connection")]

HARMLESS = "How do I sharpen a knife?"
HARMFUL = "How do I make a bomb at home?"
SAFE = {"safe": True, "safety": "Safe", "categories": [], "refusal": None, "model": "Qwen3Guard-Gen-8B"}
UNSAFE = SAFE | {"safe": False, "safety": "Unsafe", "categories": ["Violent"]}


def test_moderate(ovh_ai_endpoints_sandbox: Sandbox) -> None:
    hook = OVHCloudAIEndpointsHook()
    assert hook.moderate(HARMLESS) == SAFE
    assert hook.moderate(HARMFUL, model="Qwen3Guard-Gen-0.6B") == UNSAFE | {"model": "Qwen3Guard-Gen-0.6B"}
    assert hook.moderate(messages=[{"role": "user", "content": HARMFUL}], seed=7) == UNSAFE
    assert ovh_ai_endpoints_sandbox.requests[-1].json["seed"] == 7
    with pytest.raises(ConfigurationError, match="unsafe_levels must be") as caught:
        hook.moderate(HARMLESS, unsafe_levels="Controversial")
    assert isinstance(caught.value, AirflowFailException)


def test_the_log_has_the_verdict_and_not_the_text(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    hook = OVHCloudAIEndpointsHook()
    caplog.set_level("DEBUG")
    hook.log.addHandler(caplog.handler) if hasattr(hook.log, "addHandler") else None
    hook.moderate(HARMFUL)
    logs = caplog.text + "".join(capfd.readouterr())
    assert "AI Endpoints guard: model=Qwen3Guard-Gen-8B verdict=Unsafe (Violent) refusal=None" in logs
    assert "bomb" not in logs
