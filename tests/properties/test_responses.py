"""
JSON of responses: whatever stands in the fields that are read, it is a right response or the provider's error.

What must hold of a right one is said in ``fuzz/targets.py``, which the fuzzer shares.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.client.http.decompression import MAX_COMPRESSED_STREAMS, inflate
from apache_airflow_provider_ovhcloud_ai.client.media import subtitles
from apache_airflow_provider_ovhcloud_ai.client.models import prices
from apache_airflow_provider_ovhcloud_ai.client.usage import Usage
from apache_airflow_provider_ovhcloud_ai.errors import InvalidResponseError
from apache_airflow_provider_ovhcloud_ai.hooks.usage.usage_tracker import UsageTracker, format_usage
from apache_airflow_provider_ovhcloud_ai.redaction import scrub
from apache_airflow_provider_ovhcloud_ai.ui.console.views import catalogue, models
from fuzz import targets
from hypothesis import given
from hypothesis import strategies as st
from support.canary import TOKEN, shows, spellings

from .anything import NUMBERS, TEXTS, json_values, objects

COUNTS = st.integers(-2, 9) | st.just(10**4299)
TEXT_OR_PARTS = TEXTS | st.lists(objects(type=st.just("text"), text=TEXTS), max_size=3)
CALLS = st.lists(objects(id=TEXTS, type=TEXTS, function=objects(name=TEXTS, arguments=TEXTS)), max_size=2)
MESSAGE = objects(role=TEXTS, content=TEXT_OR_PARTS, reasoning=TEXTS, reasoning_content=TEXTS, tool_calls=CALLS)
USAGE = objects(
    prompt_tokens=COUNTS, completion_tokens=COUNTS, total_tokens=COUNTS, completion_tokens_details=objects(x=COUNTS)
)
REASON = st.sampled_from(["stop", "length", "tool_calls"])
PRICES = st.sampled_from(["0", "0.0000001", "1e-9", "-1", "2", "NaN", "free"]) | NUMBERS
LISTED = objects(
    id=TEXTS.map("m{}".format),
    max_completion_tokens=COUNTS,
    pricing=objects(prompt=PRICES, completion=PRICES, request=PRICES, currency_unit=st.sampled_from(["EUR", "USD"])),
)
SEGMENT = objects(start=NUMBERS, end=NUMBERS, text=TEXTS)

#: In the order of ``targets.READERS``.
SHAPES = {
    "chat": objects(
        choices=st.lists(objects(message=MESSAGE, finish_reason=REASON), max_size=3), usage=USAGE, model=TEXTS
    ),
    "embeddings": objects(
        data=st.lists(
            objects(
                index=COUNTS, embedding=st.lists(NUMBERS, max_size=3) | st.sampled_from(["AACAPw==", "AACAfw==", "!"])
            ),
            max_size=3,
        ),
        usage=USAGE,
    ),
    "models": objects(data=st.lists(LISTED, max_size=3)),
    "response": objects(
        status=st.sampled_from(["completed", "incomplete", "failed"]),
        error=objects(message=TEXTS),
        output=st.lists(
            objects(type=st.just("message"), content=st.lists(objects(type=st.just("output_text"), text=TEXTS))),
            max_size=3,
        ),
        usage=objects(input_tokens=COUNTS, output_tokens=COUNTS, total_tokens=COUNTS),
    ),
    "transcript": objects(text=TEXTS, segments=st.lists(SEGMENT, max_size=3), usage=objects(seconds=NUMBERS)),
    "pictures": objects(data=st.lists(objects(b64_json=TEXTS, url=TEXTS), max_size=2), created=NUMBERS),
    "batch": objects(id=TEXTS, status=TEXTS, request_counts=objects(total=NUMBERS, completed=NUMBERS, failed=NUMBERS)),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_response_is_right_or_refused(shape: str) -> None:
    first = bytes([list(SHAPES).index(shape)])

    @given(SHAPES[shape] | json_values())
    def holds(value: Any) -> None:
        targets.response(first + json.dumps(value).encode())

    holds()


ERRORS = objects(
    error=TEXTS | objects(message=TEXTS, code=TEXTS, type=TEXTS),
    message=TEXTS,
    detail=TEXTS | st.lists(objects(loc=st.lists(TEXTS), msg=TEXTS), max_size=3),
    request_id=TEXTS,
)


@given(ERRORS | json_values(), st.binary(min_size=1, max_size=1), TEXTS)
def test_an_error_response_is_an_error_with_a_sentence(value: Any, status: bytes, header: str) -> None:
    line = header.encode("latin-1", "replace").replace(b"\n", b"")
    targets.refusal(status + line + b"\n" + json.dumps(value).encode())


EVENTS = st.lists(
    objects(
        choices=st.lists(
            objects(index=COUNTS, delta=MESSAGE, finish_reason=REASON, logprobs=objects(content=st.lists(COUNTS)))
        ),
        usage=USAGE,
        error=objects(message=TEXTS),
        model=TEXTS,
    )
    | json_values(),
    max_size=4,
)


@given(EVENTS, st.binary(min_size=1, max_size=1))
def test_a_stream_is_an_answer_or_an_error(values: list[Any], cut: bytes) -> None:
    targets.events(cut + "".join(f"data: {json.dumps(value)}\n\n" for value in values).encode())


@given(st.sampled_from(spellings()), st.text(), st.text())
def test_no_spelling_of_a_token_is_left(spelling: str, before: str, after: str) -> None:
    assert not shows(scrub(f"{before}{spelling}{after}", TOKEN).replace(before, "").replace(after, ""))


@pytest.mark.parametrize("body", [b'{"message": "%s"}' % (b"a " * 20_000_000), b"a " * 20_000_000, b"a" * 40_000_000])
def test_an_error_of_megabytes_is_raised_at_once(body: bytes) -> None:
    # To look for the token in all of it, letter by letter, would take minutes and ten times its memory.
    targets.refusal(b"\x00\n" + body)


def test_a_token_that_is_cut_is_not_quoted_in_part() -> None:
    blanks = b" " * 1_985
    targets.refusal(b"\x00\n<" + blanks + b"TOKEN" * 9)
    response = targets.HTTPResponse(400, {}, b"says" + blanks + targets.TOKEN.encode())
    error = targets.parse_error(response, targets.CHAT, targets.SETTINGS.base_url, targets.TOKEN, 0)
    assert targets.TOKEN[:8] not in str(error)


def test_a_body_of_very_many_compressed_streams_is_damaged() -> None:
    # Each copies all that follow it: 64 MB of empty ones would take hours.
    import gzip

    one = gzip.compress(b"a")
    assert inflate(one * (MAX_COMPRESSED_STREAMS - 1), 10_000) == b"a" * (MAX_COMPRESSED_STREAMS - 1)
    assert inflate(one * 1_000_000, 2_000_000) is None


@given(st.lists(SHAPES["chat"].filter(lambda value: isinstance(value, dict)), max_size=5))
def test_usage_never_falls_and_can_always_be_reported(responses: list[dict[str, Any]]) -> None:
    tracker, before = UsageTracker(list), 0
    for response in responses:
        tracker.add(response, "m")
        now = tracker.usage.total_tokens or 0
        assert now >= before
        before = now
        assert format_usage(tracker.as_xcom())


CLOCK = re.compile(r"(\d\d+):(\d\d):(\d\d)[.,](\d\d\d)")
TIMED = st.builds(
    lambda start, length, text: {"start": start, "end": start + length, "text": text},
    st.floats(0, 1e6),
    st.floats(0, 1e3),
    st.text(st.characters(blacklist_categories=["Cs"])) | st.sampled_from(["a --> b", "a\n\nb", "<i>a</i> & b"]),
)


@pytest.mark.parametrize("write", [subtitles.srt, subtitles.vtt])
def test_subtitles_have_the_times_and_the_words_of_a_transcript(write: Callable[[Any], str]) -> None:
    @given(st.lists(TIMED, max_size=5))
    def holds(segments: list[dict[str, Any]]) -> None:
        text = write({"text": "", "segments": segments})
        # As a player reads them: cues are what stands between blank lines, if it has a line of times.
        blocks = [block.split("\n") for block in re.split("\n\n+", text)]
        cues = [
            (block[at], block[at + 1 :])
            for block in blocks
            for at in (0, 1)
            if at < len(block) and " --> " in block[at]
        ]
        assert len(cues) == len(segments)
        for (times, lines), segment in zip(cues, segments, strict=True):
            times_s = [seconds(clock) for clock in times.split(" --> ")]
            assert times_s == pytest.approx([segment["start"], segment["end"]], abs=0.001)
            assert "-->" not in "".join(lines)
            cue_text = " ".join(lines).replace("&lt;", "<").replace("&amp;", "&").strip()
            assert cue_text == " ".join(segment["text"].replace("-->", "->").split())

    holds()


def seconds(clock: str) -> float:
    match = CLOCK.fullmatch(clock)
    assert match, clock
    hours, minutes, whole, thousandths = map(int, match.groups())
    return hours * 3600 + minutes * 60 + whole + thousandths / 1000


def test_subtitles_of_no_times_are_refused() -> None:
    for wrong in (10**400, 1e308, float("nan"), float("inf"), -1, True, "1", None):
        with pytest.raises(InvalidResponseError):
            subtitles.srt({"text": "a", "segments": [{"start": 0, "end": wrong, "text": "a"}]})


@given(LISTED.filter(lambda model: isinstance(model.get("id"), str)))
def test_a_price_is_one_or_none(model: dict[str, Any]) -> None:
    rates = prices.read_pricing(model)
    if rates:
        counts = [Usage(0, 1, 0), Usage(0, 0, 1), Usage(1, 0, 0)]
        alone = [prices.compute_cost(count, rates) for count in counts]
        assert alone == [rates.prompt, rates.completion, rates.request]
        assert all(0 <= price < 1 for price in alone)
    model_price = models.read_price(model)
    assert model_price is None or all(
        price is None or 0 <= price < 1_000_000 for price in (model_price.tokens_in, model_price.tokens_out)
    )


UNITS = st.sampled_from(["million_input_tokens", "million_output_tokens", "second"])
ENTRY = objects(
    name=TEXTS,
    category=st.sampled_from(["LLM", "Embeddings", "Guard", "Speech", "Image Generation"]),
    metadata=objects(
        usage_information=objects(pricing=st.lists(objects(price_unit=UNITS, price=PRICES), max_size=3)),
        model_specs=objects(capabilities=objects(input_modality=st.lists(st.sampled_from(["text", "image"])))),
    ),
)


@given(st.lists(ENTRY, max_size=3) | json_values())
def test_any_catalogue_is_read(value: Any) -> None:
    for name, entry in catalogue.read_entries(value).items():
        assert isinstance(name, str)
        assert entry.keys() <= {"kind", "price"}
        assert entry.get("kind") in {None, "guard", "embedding", "speech", "image", "vision", "chat"}
        price = entry.get("price")
        amounts = [] if price is None else [price.tokens_in, price.tokens_out]
        assert all(each is None or 0 <= each < 1_000_000 for each in amounts)
