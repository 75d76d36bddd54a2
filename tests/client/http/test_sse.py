"""
Server-sent events, in whatever pieces they come.
"""

from __future__ import annotations

import random

import pytest
from apache_airflow_provider_ovhcloud_ai.client.http import sse
from apache_airflow_provider_ovhcloud_ai.client.http.sse import EventReader
from apache_airflow_provider_ovhcloud_ai.errors import InvalidResponseError


def read(*pieces: bytes) -> list[str]:
    reader = EventReader()
    return [data for piece in pieces for data in reader.feed(piece)]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_all_three_line_ends(end: bytes) -> None:
    assert read(b"data: a" + end + end + b"data: b" + end + end + b":") == ["a", "b"]


@pytest.mark.parametrize(
    ("stream", "data"),
    [
        pytest.param(b"data: a\n\n", ["a"], id="one"),
        pytest.param(b"data:a\n\n", ["a"], id="no blank"),
        pytest.param(b"data:  a \n\n", [" a "], id="one blank is taken off"),
        pytest.param(b"data: a\ndata: b\n\n", ["a\nb"], id="several lines"),
        pytest.param(b"data: a\ndata:\ndata: b\n\n", ["a\n\nb"], id="an empty line among them"),
        pytest.param(b": a\n: b\n\ndata: c\n\n", ["c"], id="comments"),
        pytest.param(b"event: x\nid: 1\nretry: 5\ndata: c\n\n", ["c"], id="other fields"),
        pytest.param(b"\n\n\ndata: c\n\n\n\n", ["c"], id="blank lines"),
        pytest.param(b"data: a\n\ndata: cut off", ["a"], id="no end"),
        pytest.param(b"data: a\n\ndata: cut off\n", ["a"], id="no blank line at the end"),
        pytest.param(b"database: a\n\n", [], id="another field"),
        pytest.param(b"data: \xff\n\n", ["\ufffd"], id="no UTF-8"),
        pytest.param(b"", [], id="nothing"),
    ],
)
def test_events(stream: bytes, data: list[str]) -> None:
    assert read(stream) == data
    assert read(*(stream[place : place + 1] for place in range(len(stream)))) == data


def test_any_split_gives_the_same_events() -> None:
    chance = random.Random(5)
    stream = "data: Grüße 🎈\r\ndata: zwei\r\n\r\n: ping\rdata: 漢字\r\rdata: drei\n\n".encode()
    for _ in range(300):
        cuts = sorted(chance.choices(range(len(stream) + 1), k=chance.randrange(8)))
        pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
        assert read(*pieces) == ["Grüße 🎈\nzwei", "漢字", "drei"], pieces


def test_carriage_return_at_the_end_of_a_piece_is_half_a_line_end() -> None:
    reader = EventReader()
    assert list(reader.feed(b"data: a\r")) == []
    assert list(reader.feed(b"\ndata: b\r")) == []
    assert list(reader.feed(b"\n\r\n")) == ["a\nb"]


@pytest.mark.parametrize(
    "piece",
    [
        pytest.param(b"data: " + b"x" * 40, id="a line that never ends"),
        pytest.param(b"data: xxxxxxxx\n", id="lines without a blank one"),
        pytest.param(b"data:\n", id="empty lines"),
    ],
)
def test_event_that_never_ends_is_refused(monkeypatch: pytest.MonkeyPatch, piece: bytes) -> None:
    monkeypatch.setattr(sse, "MAX_EVENT_BYTES", 1_000)
    with pytest.raises(InvalidResponseError, match="an event of more than 1,000 bytes"):
        read(*[piece] * 300)


def test_many_events_together_may_be_larger(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "MAX_EVENT_BYTES", 1_000)
    assert len(read(*[b": comment of no event\ndata: " + b"x" * 500 + b"\n\n"] * 300)) == 300
