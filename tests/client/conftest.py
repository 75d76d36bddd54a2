from __future__ import annotations

import pytest
from support.drivers import Drive, drive_blocking, drive_non_blocking


@pytest.fixture(autouse=True)
def _no_certificates_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(params=[drive_blocking, drive_non_blocking], ids=["blocking", "non_blocking"])
def drive(request: pytest.FixtureRequest) -> Drive:
    """Send requests with one driver after the other, all on one client, without ever sleeping."""
    return request.param
