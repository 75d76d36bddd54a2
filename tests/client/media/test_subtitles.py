from __future__ import annotations

from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.client.media import subtitles
from apache_airflow_provider_ovhcloud_ai.errors import InvalidResponseError
from hypothesis import given
from hypothesis import strategies as st

SPOKEN = {
    "text": "Hello. Is a --> b & c < d?",
    "segments": [
        {"start": 0, "end": 1.5, "text": " Hello."},
        {"start": 3599.9996, "end": 3661.25, "text": "Is a --> b\n\n& c < d?"},
    ],
}


def test_srt() -> None:
    assert subtitles.srt(SPOKEN) == (
        "1\n00:00:00,000 --> 00:00:01,500\nHello.\n\n2\n01:00:00,000 --> 01:01:01,250\nIs a -> b & c < d?\n"
    )


def test_vtt() -> None:
    assert subtitles.vtt(SPOKEN) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\nHello.\n\n01:00:00.000 --> 01:01:01.250\nIs a -> b &amp; c &lt; d?\n"
    )


def test_silence_has_no_subtitles() -> None:
    assert (subtitles.srt({"text": ""}), subtitles.vtt({"text": "", "segments": []})) == ("", "WEBVTT\n")


@pytest.mark.parametrize(
    "response",
    [
        {"text": "a"},
        {"text": "a", "segments": []},
        {"text": "a", "segments": ["a"]},
        {"text": "a", "segments": [{"text": "a", "start": 0}]},
        {"text": "a", "segments": [{"text": "a", "start": float("nan"), "end": 1}]},
    ],
)
def test_no_subtitles_without_times(response: dict[str, Any]) -> None:
    for write in (subtitles.srt, subtitles.vtt):
        with pytest.raises(InvalidResponseError, match="no segments with times") as caught:
            write(response)
        assert caught.value.response == response


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["start", "end", "text", "x"]), inner),
    max_leaves=8,
)

CUES = st.lists(st.fixed_dictionaries({"start": JSON, "end": JSON, "text": JSON}), max_size=3)


@given(segments=JSON | CUES, text=st.text(max_size=3))
def test_any_segments_are_subtitles_or_a_sentence(segments: Any, text: str) -> None:
    for write in (subtitles.srt, subtitles.vtt):
        try:
            content = write({"text": text, "segments": segments})
        except InvalidResponseError as error:
            assert "no segments with times" in str(error)  # noqa: PT017  (either is right)
        else:
            assert content.count(" --> ") == (len(segments) if isinstance(segments, list) else 0)
