from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, NamedTuple

import pytest
from apache_airflow_provider_ovhcloud_ai.connection.check import run_test
from apache_airflow_provider_ovhcloud_ai.connection.check_message import compose_message
from apache_airflow_provider_ovhcloud_ai.connection.check_report import Report
from support.services import Manner, Service, running, settings_for


class Verdict(NamedTuple):
    report: Report
    message: str

    @property
    def ok(self) -> bool:
        return self.report.ok


@pytest.fixture
def serve() -> Iterator[Callable[..., Service]]:
    """Start services that live as long as the test."""
    with ExitStack() as stack:

        def start(answer: Manner, tls: ssl.SSLContext | None = None) -> Service:
            return stack.enter_context(running(answer, tls))

        yield start


@pytest.fixture
def press() -> Callable[..., Verdict]:
    """Do what the Test button does, and read its toast with the milliseconds made equal."""

    def test(base_url: str, seconds: float = 5.0, **fields: Any) -> Verdict:
        report = run_test(settings_for(base_url, **fields), seconds)
        return Verdict(report, re.sub(r"\b\d+ ms", "N ms", compose_message(report)))

    return test
