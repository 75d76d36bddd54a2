from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai import defaults
from apache_airflow_provider_ovhcloud_ai.client.settings import (
    ClientSettings,
    clean_base_url,
    clean_token,
    is_loopback,
    read_network_settings,
)
from apache_airflow_provider_ovhcloud_ai.connection.settings import ConnectionSettings
from apache_airflow_provider_ovhcloud_ai.errors import ConfigurationError
from support import canary


@pytest.mark.parametrize(
    "pasted",
    [
        "xyz",
        " xyz\n",
        "Bearer xyz",
        "Bearer xyz\n",
        "bearer   xyz",
        "Authorization: Bearer xyz",
        '"xyz"',
        "'Bearer xyz'",
        "\u200axyz\u2003",
    ],
)
def test_token_is_taken_out_of_what_was_pasted(pasted: str) -> None:
    assert clean_token(pasted) == "xyz"


@pytest.mark.parametrize("nothing", [None, "", " \n", '""', "Bearer", "Bearer ", "authorization: bearer"])
def test_no_token(nothing: str | None) -> None:
    assert clean_token(nothing) is None


@pytest.mark.parametrize(
    ("token", "says"),
    [
        ("secret\ntoken", "a line break or blank at position 7"),
        ("secret token", "a line break or blank at position 7"),
        ("Bearer secret\r\nX: y", "a line break or blank at position 7"),
        ("secr\u00e9t", "a character that no token has at position 5"),
        ("secret\x00", "a character that no token has at position 7"),
        ("secret\ud800", "a character that no token has at position 7"),
    ],
)
def test_token_that_cannot_be_sent(token: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says) as caught:
        clean_token(token)
    assert "secr" not in str(caught.value)


@pytest.mark.parametrize(
    ("typed", "port", "url"),
    [
        (None, None, defaults.BASE_URL),
        ("  ", 0, defaults.BASE_URL),
        ("", 443, defaults.BASE_URL),
        ("oai.endpoints.kepler.ai.cloud.ovh.net", None, defaults.BASE_URL),
        ("https://oai.endpoints.kepler.ai.cloud.ovh.net/", None, defaults.BASE_URL),
        (" https://Example.com/v1/ \n", None, "https://example.com/v1"),
        ("example.com/v1", None, "https://example.com/v1"),
        ("example.com:8443", None, "https://example.com:8443"),
        ("https://example.com/v1/chat/completions", None, "https://example.com/v1"),
        ("https://example.com/v1/embeddings/", None, "https://example.com/v1"),
        ("https://example.com/v1/models", 443, "https://example.com/v1"),
        ("https://example.com:443/v1", None, "https://example.com/v1"),
        ("https://example.com/v1", 8443, "https://example.com:8443/v1"),
        ("https://example.com:9/v1", 8443, "https://example.com:9/v1"),
        ("http://localhost:8000/v1", None, "http://localhost:8000/v1"),
        ("http://127.0.0.1/v1", 80, "http://127.0.0.1/v1"),
        ("http://[::1]:8000/v1", None, "http://[::1]:8000/v1"),
    ],
)
def test_base_url(typed: str | None, port: int | None, url: str) -> None:
    assert clean_base_url(typed, port) == url


@pytest.mark.parametrize(
    ("typed", "port", "says"),
    [
        ("ftp://example.com", None, "must begin with https://, not 'ftp://'"),
        ("file:///etc/passwd", None, "must begin with https://, not 'file://'"),
        ("http://example.com/v1", None, "'http://example.com/v1' would send the token unencrypted"),
        ("http://10.0.0.1/v1", None, "would send the token unencrypted"),
        ("http://localhost.example.com", None, "would send the token unencrypted"),
        ("https://user:pass@example.com", None, "must hold no user or password"),
        ("https://user:pa/ss@example.com", None, "must hold no user or password"),
        ("http://localhost\\@example.com", None, "must hold no user or password"),
        ("https://example.com/v1?key=1", None, "must end before any '?' or '#'"),
        ("https://example.com/v1#x", None, "must end before any '?' or '#'"),
        ("https://", None, "names no host"),
        ("https:///v1", None, "names no host"),
        ("https://exa mple.com", None, "names no host"),
        (
            "https://example.com:70000",
            None,
            "https://example.com' is not one: it is of the form https://host:port/path",
        ),
        ("https://example.com:x", None, "with a port from 0 to 65535 or none"),
        ("https://[::1", None, "https://[::1' is not one: it is of the form"),
        ("example.com", 70_000, "Port must be a number from 0 to 65535, not 70000"),
        ("example.com", -1, "Port must be a number from 0 to 65535, not -1"),
        ("example.com", "x", "Port must be a number from 0 to 65535, not 'x'"),
    ],
)
def test_base_url_that_cannot_be(typed: str, port: Any, says: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        clean_base_url(typed, port)
    assert says in str(caught.value)
    assert "pass" not in str(caught.value).replace("password", "")
    assert "pa/ss" not in str(caught.value)


def test_plain_http_may_be_allowed() -> None:
    assert clean_base_url("http://example.com/v1", allow_http=True) == "http://example.com/v1"


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True),
        ("a.localhost", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("10.0.0.1", False),
    ],
)
def test_is_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


SERVICE = "https://service.example:8443/v1"


@pytest.mark.parametrize(
    ("environment", "base_url", "proxy"),
    [
        ({}, SERVICE, None),
        ({"HTTPS_PROXY": "http://u:p@proxy:3128"}, SERVICE, "http://u:p@proxy:3128"),
        ({"https_proxy": "proxy:3128"}, SERVICE, "http://proxy:3128"),
        ({"ALL_PROXY": "https://proxy:3128"}, SERVICE, "https://proxy:3128"),
        ({"HTTP_PROXY": "http://proxy:3128"}, SERVICE, None),
        ({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "service.example"}, SERVICE, None),
        ({"HTTPS_PROXY": "http://proxy:3128", "no_proxy": ".example:8443"}, SERVICE, None),
        ({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "*"}, SERVICE, None),
        ({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "10.0.0.0/8"}, "https://10.1.2.3/v1", None),
        ({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "other.example"}, SERVICE, "http://proxy:3128"),
        # What may go unencrypted to this machine must not go to a proxy.
        ({"HTTP_PROXY": "http://proxy:3128"}, "http://127.0.0.1:8000/v1", None),
        ({"HTTP_PROXY": "http://proxy:3128"}, "http://localhost:8000/v1", None),
    ],
)
def test_proxy(environment: dict[str, str], base_url: str, proxy: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert read_network_settings(base_url)["proxy"] == proxy


@pytest.mark.parametrize(
    "proxy", ["socks5://u:Sesame@proxy:1080", "http://:3128", "http://u:Sesame@proxy:port", "ftp://p"]
)
def test_proxy_that_cannot_be(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(ConfigurationError, match=r"for service\.example is not of the form http://host:port") as caught:
        read_network_settings(SERVICE)
    assert "Sesame" not in str(caught.value)


def test_certificates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {}
    for name in ("own", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        files[name] = str(tmp_path / name)
        Path(files[name]).touch()
    assert read_network_settings(SERVICE)["ca_bundle"] is None
    for name in ("SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE"):
        monkeypatch.setenv(name, files[name])
        assert read_network_settings(SERVICE)["ca_bundle"] == files[name]
    assert read_network_settings(SERVICE, files["own"])["ca_bundle"] == files["own"]
    with pytest.raises(ConfigurationError, match=r"'/no/such\.pem' does not exist on this machine"):
        read_network_settings(SERVICE, "/no/such.pem")


def test_settings_show_neither_token_nor_proxy() -> None:
    client = ClientSettings(token=canary.TOKEN, proxy="http://u:Sesame@proxy:3128")
    assert not canary.shows(repr(ConnectionSettings(client)))
    assert "Sesame" not in repr(client)
