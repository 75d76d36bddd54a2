"""
Base URLs and connections: whatever was typed is cleaned to what a request can use, or refused with one sentence.
"""

from __future__ import annotations

import ipaddress
import json
import re
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
from apache_airflow_provider_ovhcloud_ai import defaults
from apache_airflow_provider_ovhcloud_ai.client.settings import clean_base_url, clean_token, is_loopback
from apache_airflow_provider_ovhcloud_ai.connection.fields import FIELDS
from apache_airflow_provider_ovhcloud_ai.connection.reader import read_extra, read_settings
from apache_airflow_provider_ovhcloud_ai.errors import ConfigurationError
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.provisional import domains

from .anything import TEXTS, json_values, outcome

ADDRESSES = st.ip_addresses(v=4).map(str) | st.ip_addresses(v=6).map(lambda address: f"[{address}]")
HOSTS = domains().map(str.lower) | ADDRESSES | st.just("localhost")
PATHS = st.lists(st.from_regex(r"[a-z0-9_-]{1,8}", fullmatch=True), max_size=3).map(
    lambda parts: "".join(f"/{part}" for part in parts)
)
PORTS = st.none() | st.integers(1, 65535)
ENDPOINTS = st.sampled_from(["", "/", "///", "/chat/completions", "/embeddings/", "/models"])
BLANKS = st.text(" \t\r\n", max_size=3)


@given(HOSTS, PORTS, PATHS, ENDPOINTS, st.sampled_from(["https://", "HTTPS://", ""]), BLANKS)
def test_what_people_paste_around_an_address_is_cut(
    host: str, port: int | None, path: str, endpoint: str, scheme: str, blank: str
) -> None:
    assume(not re.search(r"/(completions|embeddings|models|responses)$", path))
    suffix = f":{port}" if port else ""
    cleaned = clean_base_url(f"{blank}{scheme}{host}{suffix}{path}{endpoint}{blank}")
    parts = urlsplit(cleaned)
    own = urlsplit(f"https://{host}")
    assert (parts.scheme, parts.hostname, parts.port or 443) == ("https", own.hostname, port or 443)
    assert parts.path == (path or (urlsplit(defaults.BASE_URL).path if host in defaults.BASE_URL else ""))
    assert clean_base_url(cleaned) == cleaned


@given(TEXTS | st.text("htps:/@[]%.?#\\ a1é\n", max_size=20), st.none() | st.integers() | TEXTS, st.booleans())
def test_an_address_can_be_used_or_is_refused(typed: str, port: Any, allow_http: bool) -> None:
    cleaned = outcome(lambda: clean_base_url(typed, port, allow_http=allow_http), ConfigurationError)
    if isinstance(cleaned, ConfigurationError):
        assert re.match(r"The base URL|Port must be", str(cleaned))
        return
    parts = urlsplit(cleaned)
    assert parts.hostname
    assert (parts.query, parts.fragment, parts.username, parts.password) == ("", "", None, None)
    assert not cleaned.endswith("/")
    assert parts.port is None or 0 < parts.port <= 65535
    assert parts.scheme == "https" or (parts.scheme == "http" and (allow_http or is_loopback(parts.hostname)))


@given(st.ip_addresses())
def test_the_machine_itself_is_detected_by_its_address(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    assert is_loopback(str(address)) == address.is_loopback
    host = f"[{address}]" if address.version == 6 else str(address)
    if address.is_loopback:
        assert clean_base_url(f"http://{host}") == f"http://{host}"
    else:
        with pytest.raises(ConfigurationError, match="unencrypted"):
            clean_base_url(f"http://{host}")


@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, blacklist_characters="\"'"), min_size=1), BLANKS)
def test_a_token_is_the_same_however_it_was_pasted(token: str, blank: str) -> None:
    assume(not re.match(r"(?i)(authorization:|bearer$)", token))
    for pasted in (token, f"Bearer {token}", f"authorization: bearer {token}", f'"{token}"', f"'Bearer {token}'"):
        assert clean_token(f"{blank}{pasted}{blank}") == token


@given(TEXTS)
def test_a_token_can_be_sent_in_a_header_or_is_refused_without_a_quote(typed: str) -> None:
    token = outcome(lambda: clean_token(typed), ConfigurationError)
    if isinstance(token, ConfigurationError):
        assert len(typed) < 8 or typed not in str(token)
    else:
        assert token is None or (token.isascii() and token.isprintable() and " " not in token)


NAMES = st.sampled_from([each.name for each in FIELDS] + ["api_key"])
SPELT = NAMES | NAMES.map(lambda name: f"extra__ovh_ai_endpoints__{name}") | TEXTS
EXTRAS = st.dictionaries(SPELT, json_values()).map(json.dumps) | json_values().map(json.dumps)


def connection(extra: str | None, **fields: Any) -> Any:
    stored = {"conn_type": "ovh_ai_endpoints", "host": "", "port": None, "schema": "", "password": "t", **fields}
    return SimpleNamespace(conn_id="c", extra=extra, **stored)


@given(EXTRAS | TEXTS | st.just("[" * 100_000))
def test_a_connection_has_settings_that_work_or_one_sentence(extra: str) -> None:
    settings = outcome(lambda: read_settings(connection(extra), token_required=False), ConfigurationError)
    if isinstance(settings, ConfigurationError):
        assert str(settings).endswith(".")
        assert len(str(settings)) < 500
        return
    client = settings.client
    assert settings.access in {"token", "anonymous"}
    assert (client.token is None) or settings.access == "token"
    assert 0 < client.timeout <= 86_400
    assert type(client.max_retries) is int
    assert client.max_retries >= 0
    assert client.requests_per_minute is None or client.requests_per_minute >= 1
    assert all(value is None or value.strip() for value in (settings.chat_model, settings.embedding_model))


@given(st.dictionaries(NAMES, json_values(), max_size=4))
def test_a_prefix_and_how_an_extra_came_make_no_difference(fields: dict[str, Any]) -> None:
    prefixed = {f"extra__ovh_ai_endpoints__{name}": value for name, value in fields.items()}
    read = [read_extra(connection(json.dumps(each))) for each in (fields, prefixed)]
    assert repr(read[0]) == repr(read[1])
    assert all(str(value).strip() for value in read[0].values())
