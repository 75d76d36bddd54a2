from __future__ import annotations

import socket
import ssl
from itertools import pairwise

import pytest
from apache_airflow_provider_ovhcloud_ai.client.http.network_errors import (
    build_connection_error,
    build_timeout_error,
    classify_network_error,
)
from apache_airflow_provider_ovhcloud_ai.client.models.model_list import models
from apache_airflow_provider_ovhcloud_ai.client.settings import ClientSettings
from apache_airflow_provider_ovhcloud_ai.errors import APITimeoutError
from support import canary

PROXY = "http://someone:Sesame@proxy.test:3128"


def chained(*exceptions: BaseException) -> BaseException:
    for outer, inner in pairwise(exceptions):
        outer.__cause__ = inner
    return exceptions[0]


@pytest.mark.parametrize(
    ("exception", "kind", "through_proxy"),
    [
        (socket.gaierror(-2, "Name or service not known"), "dns", "proxy"),
        (ConnectionRefusedError(111, "refused"), "refused", "proxy"),
        (
            chained(OSError("all failed"), ExceptionGroup("both", [OSError("a"), ConnectionRefusedError()])),
            "refused",
            "proxy",
        ),
        (OSError(101, "Network is unreachable"), "unreachable", "proxy"),
        (ssl.SSLCertVerificationError("self-signed"), "tls", "tls"),
        (chained(ValueError("outer"), ssl.SSLEOFError("inner")), "tls", "tls"),
        (ConnectionResetError(104, "reset"), "lost", "proxy"),
        (BrokenPipeError(), "lost", "proxy"),
        (ValueError(ConnectionRefusedError()), "refused", "proxy"),
        (ValueError("something else"), "unreachable", "proxy"),
    ],
    ids=lambda value: repr(value) if isinstance(value, BaseException) else None,
)
def test_error_kind(exception: BaseException, kind: str, through_proxy: str) -> None:
    assert classify_network_error(exception) == kind
    assert classify_network_error(exception, through_proxy=True) == through_proxy


def test_circles_among_causes_end() -> None:
    first, second = ValueError("a"), ValueError("b")
    first.__cause__, second.__cause__ = second, first
    assert classify_network_error(first) == "unreachable"


@pytest.mark.parametrize("exception", [ssl.SSLError("bad record"), ConnectionRefusedError(), ValueError("incomplete")])
def test_what_breaks_after_sending_is_lost(exception: BaseException) -> None:
    error = build_connection_error(exception, models(), ClientSettings(proxy=PROXY), seconds=1.0, connected=True)
    assert (error.kind, error.may_have_been_processed) == ("lost", True)


@pytest.mark.parametrize("connected", [True, False])
def test_timeouts_are_recognised_beneath_others(connected: bool) -> None:
    exception = chained(OSError("outer"), ValueError(TimeoutError("inner")))
    error = build_connection_error(exception, models(), ClientSettings(), seconds=7.0, connected=connected)
    assert isinstance(error, APITimeoutError)
    assert (error.may_have_been_processed, "within 7 s" in str(error)) == (connected, True)


def test_seconds_named_are_those_that_ran_out() -> None:
    settings = ClientSettings(connect_timeout=3.0)
    assert "within 3 s" in str(build_timeout_error(models(), settings, 60.0, connected=False))
    assert "within 1 s" in str(build_timeout_error(models(), settings, 1.0, connected=False))
    assert "within 60 s" in str(build_timeout_error(models(), settings, 60.0, connected=True))


def test_neither_token_nor_password_is_quoted() -> None:
    settings = ClientSettings(token=canary.TOKEN, proxy=PROXY)
    exception = OSError(f"refused {canary.TOKEN}")
    for connected in (True, False):
        traces = "".join(
            canary.traces(build_connection_error(exception, models(), settings, seconds=1.0, connected=connected))
        )
        assert not canary.shows(traces)
        assert "Sesame" not in traces
    assert "proxy.test:3128" in traces
