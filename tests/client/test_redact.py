from __future__ import annotations

import base64
import html
import json
import urllib.parse

import pytest
from apache_airflow_provider_ovhcloud_ai.client.redact import excerpt, page_title, scrub, without_userinfo
from support import canary

BEARER = f"Bearer {canary.TOKEN}"


@pytest.mark.parametrize(
    "spelled",
    [
        canary.TOKEN,
        BEARER,
        canary.TOKEN.upper(),
        canary.TOKEN.lower(),
        canary.TOKEN[::-1],
        urllib.parse.quote(canary.TOKEN, safe=""),
        urllib.parse.quote(canary.TOKEN, safe="").lower(),
        urllib.parse.quote_plus(canary.TOKEN),
        html.escape(canary.TOKEN),
        json.dumps(canary.TOKEN),
        json.dumps(canary.TOKEN).replace("/", "\\/"),
        repr(canary.TOKEN),
        canary.TOKEN.encode().hex(),
        canary.TOKEN.encode().hex().upper(),
        base64.b64encode(canary.TOKEN.encode()).decode(),
        base64.urlsafe_b64encode(BEARER.encode()).decode(),
        base64.b64encode(BEARER.encode()).decode().rstrip("="),
    ],
)
def test_scrub_knows_every_spelling(spelled: str) -> None:
    scrubbed = scrub(f"before {spelled} after {spelled}", canary.TOKEN)
    assert "***" in scrubbed
    assert not canary.shows(scrubbed)
    assert scrubbed.startswith("before ")
    assert " after " in scrubbed


@pytest.mark.parametrize("token", [None, ""])
def test_scrub_without_a_token(token: str | None) -> None:
    assert scrub("as it was", token) == "as it was"


@pytest.mark.parametrize(
    ("message", "result"),
    [
        ("one\ntwo\t three", "one two three"),
        ("\x1b[31mred\x1b[0m \x00\ud800", "[31mred [0m"),
        ("x" * 20, "xxxxxxx..."),
        ("", ""),
    ],
)
def test_excerpt(message: str, result: str) -> None:
    assert excerpt(message, 10 if len(message) == 20 else 300) == result


@pytest.mark.parametrize(
    ("page", "title"),
    [
        ("<html><head><TITLE lang='en'>Sign\n in &amp; go</TITLE>", "Sign in & go"),
        ("<title></title>", ""),
        ("<p>none</p>", ""),
        ("<title>never closed", ""),
    ],
)
def test_page_title(page: str, title: str) -> None:
    assert page_title(page) == title


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://user:p%40ss@proxy:3128", "http://proxy:3128"),
        ("http://user:p@ss@proxy:3128/x", "http://proxy:3128/x"),
        ("http://proxy:3128", "http://proxy:3128"),
    ],
)
def test_without_userinfo(url: str, shown: str) -> None:
    assert without_userinfo(url) == shown
