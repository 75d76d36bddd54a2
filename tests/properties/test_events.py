"""
Event streams: in whatever pieces they come, they say what the HTML standard says that they say.
"""

from __future__ import annotations

import json
from itertools import chain
from typing import Any
from unittest.mock import patch

import pytest
from apache_airflow_provider_ovhcloud_ai.client.chat.stream_assembly import StreamedChat
from apache_airflow_provider_ovhcloud_ai.client.http import sse
from apache_airflow_provider_ovhcloud_ai.client.http.sse import EventReader
from apache_airflow_provider_ovhcloud_ai.errors import InvalidResponseError
from fuzz.targets import read_events, reference_events
from hypothesis import given
from hypothesis import strategies as st

ENDS = st.sampled_from(["\n", "\r\n", "\r"])
FIELDS = st.sampled_from(["data", "data:", "data: ", "data:  ", ":", "event: ", "id:", "datas:", " data:", ""])
VALUES = st.text(st.characters(blacklist_characters="\r\n", blacklist_categories=["Cs"]))
LINES = st.builds("".join, st.tuples(FIELDS, VALUES, ENDS)) | ENDS
STREAMS = st.builds(
    lambda mark, lines: (mark + "".join(lines)).encode(), st.sampled_from(["", "\ufeff"]), st.lists(LINES)
)


@st.composite
def cut(draw: st.DrawFn, streams: st.SearchStrategy[bytes]) -> tuple[bytes, list[bytes]]:
    """
    A stream, and the same in pieces.
    """
    stream = draw(streams)
    places = sorted(draw(st.lists(st.integers(0, len(stream)))))
    return stream, [stream[a:b] for a, b in zip([0, *places], [*places, len(stream)], strict=True)]


@given(cut(STREAMS | st.binary()))
def test_any_pieces_are_read_as_the_standard_says(stream: tuple[bytes, list[bytes]]) -> None:
    whole, pieces = stream
    # What follows tells whether a carriage return at the very end was a line end.
    assert read_events([*pieces, b":"]) == reference_events(whole + b":")


@given(st.lists(st.lists(VALUES, min_size=1), min_size=1), ENDS, ENDS, st.booleans())
def test_what_was_written_is_read(events: list[list[str]], end: str, other: str, marked: bool) -> None:
    text = "".join("".join(f"data: {line}{end}" for line in lines) + other for lines in events)
    if end == "\r" and other == "\n":
        return  # one line end
    stream = ("\ufeff" * marked + text + ":").encode()
    assert read_events(stream[at : at + 1] for at in range(len(stream))) == ["\n".join(lines) for lines in events]


def test_a_line_of_megabytes_that_comes_byte_by_byte_is_read_at_once() -> None:
    # To look at all of it with each byte would take hours.
    size = 300_000
    (data,) = read_events([b"data: ", *(b"x" for _ in range(size)), b"\n\n"])
    assert len(data) == size


@given(st.sampled_from([b"data: x\n", b"data\n", b"data: x", b"x", b"data:\r"]), st.integers(1, 5_000))
def test_an_event_without_an_end_is_refused(unit: bytes, length: int) -> None:
    piece, most = unit * (length // len(unit) + 1), 10_000
    reader = EventReader()
    with (
        patch.object(sse, "MAX_EVENT_BYTES", most),
        pytest.raises(InvalidResponseError, match="more than 10,000 bytes"),
    ):
        list(chain.from_iterable(map(reader.feed, [piece] * (2 * most // len(piece) + 1))))


def test_comments_never_add_up() -> None:
    reader = EventReader()
    with patch.object(sse, "MAX_EVENT_BYTES", 10_000):
        for _ in range(100):
            assert list(reader.feed(b": ping\n\n" * 1_000)) == []
        assert list(reader.feed(b"data: a\n\n")) == ["a"]


TEXT = st.text(st.characters(blacklist_categories=["Cs"]))


@given(st.lists(TEXT), st.lists(TEXT), st.sampled_from(["stop", "length", None]))
def test_the_pieces_of_an_answer_are_the_answer(texts: list[str], thought: list[str], reason: str | None) -> None:
    chat = StreamedChat()
    parts: list[dict[str, Any]] = [{"delta": {"reasoning": text}} for text in thought]
    parts += [{"delta": {"content": text}} for text in texts]
    pieces = [chat.take(json.dumps({"choices": [{"index": 0, **part}]})) for part in parts]
    chat.take(json.dumps({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}))
    message = chat.response()["choices"][0]["message"]
    assert "".join(pieces) == (message["content"] or "") == "".join(texts)
    assert message.get("reasoning", "") == "".join(thought)
    assert chat.complete == (reason is not None)
