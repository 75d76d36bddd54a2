from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox


@pytest.fixture(autouse=True)
def _no_certificates_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def sandbox(ovh_ai_endpoints_sandbox: Sandbox) -> Sandbox:
    return ovh_ai_endpoints_sandbox


@pytest.fixture(params=[False, True], ids=["lenient", "strict"])
def each_sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """Run a sandbox that accepts optional fields, and then one that refuses them."""
    with Sandbox(strict=request.param) as sandbox:
        yield sandbox


@pytest.fixture
def hook_for(monkeypatch: pytest.MonkeyPatch) -> Callable[..., OVHCloudAIEndpointsHook]:
    """Store a connection in the environment, and make a hook for it."""

    def make(stored: dict[str, Any] | str, conn_id: str = "stored", **options: Any) -> OVHCloudAIEndpointsHook:
        value = stored if isinstance(stored, str) else json.dumps(stored)
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", value)
        return OVHCloudAIEndpointsHook(conn_id, **options)

    return make


class Ear:
    """
    Hears what a hook says, by the standard library's logging or by structlog, as the release has it.
    """

    def __init__(self, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
        self._caplog = caplog
        self._capfd = capfd
        self._printed = ""
        self._structured = False

    def listen(self, hook: OVHCloudAIEndpointsHook) -> OVHCloudAIEndpointsHook:
        log = hook.log
        self._structured = not isinstance(log, logging.Logger)
        if isinstance(log, logging.Logger) and self._caplog.handler not in log.handlers:
            log.addHandler(self._caplog.handler)
            self._caplog.set_level(logging.DEBUG, logger=log.name)
        return hook

    @property
    def everything(self) -> str:
        self._printed += "".join(self._capfd.readouterr())
        return self._printed + self._caplog.text

    @property
    def text(self) -> str:
        return self.everything.removesuffix(self._caplog.text) if self._structured else self._caplog.text

    def lines(self, about: str) -> list[str]:
        """
        All that was said about something, without what the handlers wrote around it.
        """
        lines = [about + line.partition(about)[2] for line in self.text.splitlines() if about in line]
        return list(dict.fromkeys(lines))


@pytest.fixture
def ear(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> Ear:
    return Ear(caplog, capfd)
