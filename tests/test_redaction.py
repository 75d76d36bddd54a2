from __future__ import annotations

import base64
import html
import json
import random
import urllib.parse

import pytest
from apache_airflow_provider_ovhcloud_ai.redaction import (
    StreamScrubber,
    cut_at_space,
    excerpt,
    excerpts,
    page_title,
    scrub,
    without_userinfo,
)
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


SPELLINGS = {
    "as it is": canary.TOKEN,
    "with a word before": BEARER,
    "upper case": canary.TOKEN.upper(),
    "backwards": canary.TOKEN[::-1],
    "URL": urllib.parse.quote(canary.TOKEN, safe=""),
    "HTML": html.escape(canary.TOKEN),
    "JSON": json.dumps(canary.TOKEN).replace("/", "\\/"),
    "hexadecimal": canary.TOKEN.encode().hex(),
    "base64": base64.b64encode(canary.TOKEN.encode()).decode(),
    "base64 of more": base64.urlsafe_b64encode(BEARER.encode()).decode(),
}


@pytest.mark.parametrize("spelled", SPELLINGS.values(), ids=SPELLINGS)
def test_stream_is_scrubbed_however_it_is_split(spelled: str) -> None:
    chance = random.Random(7)
    text = f"before {spelled} Can{spelled}Canary {spelled}"
    for _ in range(300):
        cuts = sorted(chance.choices(range(len(text) + 1), k=chance.randrange(12)))
        scrubber = StreamScrubber(canary.TOKEN)
        pieces = [scrubber.feed(text[a:b]) for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
        pieces.append(scrubber.end())
        assert not canary.shows("".join(pieces)), cuts
        assert "".join(pieces).startswith("before ")
        assert "".join(pieces).count("***") == 3


def test_stream_without_the_token_comes_whole_and_soon() -> None:
    text = "Canary birds are yellow; Canary+to/ken is none. İK ends"
    scrubber = StreamScrubber(canary.TOKEN)
    pieces = [scrubber.feed(letter) for letter in text]
    held = [len(text[:place]) - len("".join(pieces[:place])) for place in range(len(text))]
    assert max(held) == len("Canary+to/ken")
    assert "".join(pieces) + scrubber.end() == text


@pytest.mark.parametrize("token", [None, ""])
def test_stream_without_a_token_is_held_nowhere(token: str | None) -> None:
    scrubber = StreamScrubber(token)
    assert [scrubber.feed(piece) for piece in ("a", "b")] == ["a", "b"]
    assert scrubber.end() == ""


@pytest.mark.parametrize("spelled", SPELLINGS.values(), ids=SPELLINGS)
def test_many_excerpts_at_once(spelled: str) -> None:
    token = canary.TOKEN
    # The last holds so many that a cut in front of the search would leave a part of one.
    messages = ["a\nb", "", f"x{spelled}y", "\u202egnp.exe", spelled * 60, "z" * 300]
    cleaned = excerpts(iter(messages), token, 200)
    assert cleaned[:2] == ["a b", ""]
    assert cleaned[3] == "gnp.exe"
    assert cleaned[5] == "z" * 197 + "..."
    assert all(len(each) <= 200 for each in cleaned)
    assert not any(canary.shows(each) or canary.TOKEN[:8] in each for each in cleaned)
    assert cleaned[2].startswith("x")


def test_excerpts_of_nothing() -> None:
    assert excerpts([], canary.TOKEN, 200) == []


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
    ("url", "result"),
    [
        ("http://user:p%40ss@proxy:3128", "http://proxy:3128"),
        ("http://user:p@ss@proxy:3128/x", "http://proxy:3128/x"),
        ("http://proxy:3128", "http://proxy:3128"),
    ],
)
def test_without_userinfo(url: str, result: str) -> None:
    assert without_userinfo(url) == result


@pytest.mark.parametrize(
    ("message", "cut"),
    [("", ""), ("short", "short"), ("ten chars.", "ten chars."), ("two words too", "two"), ("one-long-word-alone", "")],
)
def test_long_message_is_cut_before_the_last_word(message: str, cut: str) -> None:
    assert cut_at_space(message, 10).strip() == cut
