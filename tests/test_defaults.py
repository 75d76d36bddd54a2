from __future__ import annotations

import subprocess
import sys
from urllib.parse import urlsplit

import pytest
from apache_airflow_provider_ovhcloud_ai import defaults


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("oai.endpoints.kepler.ai.cloud.ovh.net", True),
        ("ovhcloud.com", True),
        ("www.ovh.ca", True),
        ("notovh.net", False),
        ("ovh.net.example", False),
        ("127.0.0.1", False),
        ("", False),
    ],
)
def test_is_ovhcloud(host: str, expected: bool) -> None:
    assert defaults.is_ovhcloud(host) is expected


@pytest.mark.parametrize("name", ["BASE_URL", "CATALOGUE_URL", "STATUS_URL"])
def test_addresses_are_encrypted(name: str) -> None:
    assert urlsplit(getattr(defaults, name)).scheme == "https"


def test_service_is_ovhcloud_s() -> None:
    assert defaults.is_ovhcloud(urlsplit(defaults.BASE_URL).hostname or "")
    assert not defaults.BASE_URL.endswith("/")


def test_defaults_are_within_their_limits() -> None:
    assert 1 <= defaults.MAX_CONCURRENCY <= defaults.MAX_POOL_CONNECTIONS
    assert defaults.MAX_REQUEST_BYTES < defaults.MAX_REQUEST_BYTES_IMAGES
    assert defaults.AUDIO_BYTES_ANONYMOUS < defaults.AUDIO_BYTES
    assert defaults.CONNECT_TIMEOUT_S < defaults.TIMEOUT_S


def test_nothing_is_imported() -> None:
    code = (
        f"import sys; before = set(sys.modules); import {defaults.__name__}; print(sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    package = defaults.__name__.partition(".")[0]
    assert {name for name in eval(done.stdout) if name != "__future__"} == {package, defaults.__name__}
