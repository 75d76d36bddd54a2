"""
Converts a transcript to subtitles. Pure.

Source: W3C, "WebVTT: The Web Video Text Tracks Format", 2019-04; SubRip as the programs that read it agree on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ...errors import InvalidResponseError
from ..usage import is_seconds


class _Cue(NamedTuple):
    """
    One subtitle, and the seconds from and to which it is displayed.
    """

    start: float
    end: float
    text: str


def srt(response: Mapping[str, Any]) -> str:
    """
    Convert a transcript to SubRip.

    :param response: a transcript with segments
    :return: the content of the file
    :raises InvalidResponseError: if it isn't silent, but doesn't have segments with times
    """
    blocks = [
        f"{number}\n{_clock(cue.start, ',')} --> {_clock(cue.end, ',')}\n{cue.text}\n"
        for number, cue in enumerate(_cues(response), 1)
    ]
    return "\n".join(blocks)


def vtt(response: Mapping[str, Any]) -> str:
    """
    Convert a transcript to WebVTT.

    :param response: a transcript with segments
    :return: the content of the file
    :raises InvalidResponseError: if it isn't silent, but doesn't have segments with times
    """
    blocks = [f"{_clock(cue.start, '.')} --> {_clock(cue.end, '.')}\n{_escape(cue.text)}\n" for cue in _cues(response)]
    return "\n".join(["WEBVTT\n", *blocks])


def _cues(response: Mapping[str, Any]) -> Iterator[_Cue]:
    segments = response.get("segments")
    cues = [_cue(each) for each in segments] if isinstance(segments, list) else []
    if None in cues or (not cues and str(response.get("text") or "").strip()):
        raise InvalidResponseError(
            "The transcript has no segments with times, of which subtitles are made: write it to a .txt or .json file.",
            response=dict(response),
        )
    # A blank line, or an arrow, would end a cue.
    return (cue._replace(text=" ".join(cue.text.replace("-->", "->").split())) for cue in cues if cue)


def _cue(segment: Any) -> _Cue | None:
    if not isinstance(segment, Mapping) or not isinstance(segment.get("text"), str):
        return None
    times = [segment.get(name) for name in ("start", "end")]
    seconds = [float(at) for at in times if is_seconds(at)]
    return _Cue(seconds[0], max(seconds), segment["text"]) if len(seconds) == 2 else None


def _clock(seconds: float, point: str) -> str:
    whole, thousandths = divmod(round(seconds * 1000), 1000)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}{point}{thousandths:03d}"


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")
