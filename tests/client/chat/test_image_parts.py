"""
What is an image, how it gets into a conversation, and how much of it the service takes.
"""

from __future__ import annotations

import base64
import copy
import json
import struct
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai import defaults
from apache_airflow_provider_ovhcloud_ai.client.chat.chat_request import chat
from apache_airflow_provider_ovhcloud_ai.client.chat.image_parts import (
    MAX_FILE_BYTES,
    check_count,
    check_sizes,
    encoded_size,
    part,
    sniff_image_type,
    with_images,
)
from apache_airflow_provider_ovhcloud_ai.errors import ConfigurationError
from hypothesis import given
from hypothesis import strategies as st

PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4s", 13, b"IHDR") + bytes(17)
SOME = part(PNG, "a.png")


def picture(size: int) -> dict[str, Any]:
    return part(PNG.ljust(size, b"\0"), "a.png")


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "image/jpeg"),
        (b"\xff\xd8\xff\xe1\0\x10Exif", "image/jpeg"),
        (b"GIF87a..", "image/gif"),
        (b"GIF89a..", "image/gif"),
        (b"RIFF\x24\0\0\0WEBPVP8 ", "image/webp"),
        (b"RIFF\x24\0\0\0WAVEfmt ", None),
        (b"GIF88a", None),
        (PNG[:7], None),
        (b"\xff\xd8", None),
        (b"RIFF", None),
        (b"", None),
        (b"image/png", None),
        (b"\n" + PNG, None),
    ],
)
def test_type_is_read_from_the_first_bytes(data: bytes, kind: str | None) -> None:
    assert sniff_image_type(data) == kind


def test_a_part_is_a_data_url_of_the_whole_file() -> None:
    data = b"GIF89a" + bytes(range(256))
    image_part = part(data, "holiday.png")
    head, _, text = image_part["image_url"]["url"].partition(",")
    assert image_part["type"] == "image_url"
    assert head == "data:image/gif;base64"
    assert base64.b64decode(text, validate=True) == data


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "is empty"),
        (b"%PDF-1.7\n", "seems to be a PDF"),
        (b"<!DOCTYPE html><html><svg></svg></html>", "seems to be an HTML page"),
        (b"\xef\xbb\xbf\n <HTML lang='en'>", "seems to be an HTML page"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "seems to be an SVG image"),
        (b'<?xml version="1.0"?>\n<!-- drawn -->\n<svg>', "seems to be an SVG image"),
        (b'<?xml version="1.0"?>\n<Error><Code>AccessDenied</Code></Error>', "seems to be XML"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "seems to be a HEIC image"),
        (b"\0\0\0\x1cftypavif\0\0\0\0", "seems to be an AVIF image"),
        (b"\0\0\0\x20ftypisom\0\0\x02\0", "seems to be a video"),
        (b"II*\0\x08\0\0\0", "seems to be a TIFF image"),
        (b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0", "seems to be a BMP image"),
        (b"version https://git-lfs.github.com/spec/v1\n", "seems to be a Git LFS pointer"),
        (base64.b64encode(PNG), "seems to be an image written as base64 text"),
        (base64.b64encode(b"\xff\xd8\xff\xe0"), "seems to be an image written as base64 text"),
        (SOME["image_url"]["url"].encode(), "seems to be a data URL written as text"),
        (b"<note>", "is of another type"),
        (b"BMW is a make of car", "is of another type"),
        (b"PK\x03\x04", "is of another type"),
    ],
)
def test_error_for_another_format_names_the_file_and_its_likely_format(data: bytes, what: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^scan\.png cannot be sent as an image: it ") as raised:
        part(data, "scan.png")
    assert f": it {what}" in str(raised.value)
    assert "PNG, JPEG, WebP and GIF" in str(raised.value)


def test_what_a_file_says_is_not_shown() -> None:
    with pytest.raises(ConfigurationError) as raised:
        part(b"root:x:0:0:root:/root:/bin/bash", "passwd")
    assert "root" not in str(raised.value)


@given(st.sampled_from([b"", b"<", PNG[:8], b"RIFF....WEBP", b"....ftyp", b"GIF8"]), st.binary(max_size=50))
def test_any_bytes_are_an_image_or_refused(beginning: bytes, rest: bytes) -> None:
    data = beginning + rest
    if sniff_image_type(data) is None:
        with pytest.raises(ConfigurationError, match=r"^x cannot be sent"):
            part(data, "x")
    else:
        assert part(data, "x")["image_url"]["url"].startswith("data:image/")


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        ("What is it?", [{"type": "text", "text": "What is it?"}, SOME]),
        ([{"type": "text", "text": "What?"}, SOME], [{"type": "text", "text": "What?"}, SOME, SOME]),
        (({"type": "text", "text": "What?"},), [{"type": "text", "text": "What?"}, SOME]),
        ("", [SOME]),
        (" \n", [SOME]),
        (None, [SOME]),
        ([], [SOME]),
    ],
)
def test_images_come_behind_the_text(content: Any, parts: list[Any]) -> None:
    assert with_images([{"role": "user", "content": content}], [SOME]) == [{"role": "user", "content": parts}]


def test_the_last_message_of_the_user_has_them() -> None:
    messages = [
        {"role": "system", "content": "Be short."},
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": "1"},
        {"role": "user", "content": "two", "name": "ada"},
        {"role": "assistant", "content": "2"},
    ]
    before = copy.deepcopy(messages)
    result = with_images(messages, [SOME, SOME])
    assert [message["content"] for message in result[:3]] == ["Be short.", "one", "1"]
    assert result[3] == {"role": "user", "content": [{"type": "text", "text": "two"}, SOME, SOME], "name": "ada"}
    assert result[4] == before[4]
    assert messages == before


def test_parts_that_were_there_are_not_changed() -> None:
    content = [{"type": "text", "text": "What?"}]
    message = {"role": "user", "content": content}
    with_images([message], [SOME])
    assert (content, message) == ([{"type": "text", "text": "What?"}], {"role": "user", "content": content})


def test_no_images_change_nothing() -> None:
    messages = [{"role": "system", "content": "Be short."}, {"role": "user", "content": [SOME] * 9}]
    result = with_images(messages, [])
    assert result == messages
    assert result is not messages


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        ([], "a message of the role 'user', and there is none"),
        ([{"role": "system", "content": "x"}, {"role": "assistant", "content": "x"}], "there is none"),
        (["hello"], "there is none"),
        ([{"role": "user", "content": 7}], r"messages\[0\] must have a text or a list of parts as 'content', not 7"),
        ("hello", "messages must be a list of messages, not 'hello'"),
        ({"role": "user", "content": "x"}, "must be a list of messages, not a value of type dict"),
        (None, "must be a list of messages, not None"),
    ],
)
def test_where_images_cannot_go(messages: Any, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        with_images(messages, [SOME])


def test_those_that_the_messages_hold_are_counted() -> None:
    messages = [
        {"role": "user", "content": [{"type": "text", "text": "one"}, SOME, SOME]},
        {"role": "assistant", "content": None},
        {"role": "user", "content": "two"},
    ]
    assert len(with_images(messages, [SOME] * 3)[2]["content"]) == 4
    with pytest.raises(ConfigurationError, match=r"would hold 6 images, all of its messages together; .* takes 5"):
        with_images(messages, [SOME] * 4)


@pytest.mark.parametrize("url", ["file:///etc/hostname", "https://example.com/a.png"])
@pytest.mark.parametrize("wrap", [lambda url: {"url": url}, lambda url: url])
def test_any_image_of_a_message_counts_and_stays_as_it_is(url: str, wrap: Any) -> None:
    theirs = {"type": "image_url", "image_url": wrap(url)}
    result = with_images([{"role": "user", "content": [theirs]}], [SOME] * 4)
    assert result[0]["content"][0] == theirs
    with pytest.raises(ConfigurationError, match="6 images"):
        with_images([{"role": "user", "content": [theirs]}], [SOME] * 5)


def test_a_broken_part_is_left_to_the_service() -> None:
    broken = [{"type": "image_url"}, {"type": "image_url", "image_url": {"url": 7}}, "text", None]
    result = with_images([{"role": "user", "content": broken}], [SOME])
    assert result[0]["content"] == [*broken, SOME]


def test_count() -> None:
    check_count(defaults.MAX_IMAGES)
    with pytest.raises(ConfigurationError, match="would hold 6 images"):
        check_count(defaults.MAX_IMAGES + 1)


@given(st.binary(max_size=100))
def test_the_size_of_base64_is_foretold(data: bytes) -> None:
    assert encoded_size(len(data)) == len(base64.b64encode(data))


def test_the_most_that_fits() -> None:
    assert encoded_size(MAX_FILE_BYTES) <= defaults.MAX_REQUEST_BYTES_IMAGES < encoded_size(MAX_FILE_BYTES + 1)
    check_sizes({})
    check_sizes({"a": MAX_FILE_BYTES})
    check_sizes({"a": MAX_FILE_BYTES - 300, "b": 300})
    with pytest.raises(ConfigurationError, match=r"10,000,004 bytes as base64; .* 10,000,000 .* 7,500,000 bytes of f"):
        check_sizes({"a": MAX_FILE_BYTES + 1})


def test_the_largest_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"The largest file is b\.png with 5,000,000 bytes"):
        check_sizes({"a.png": 2_000_000, "b.png": 5_000_000, "c.png": 1_000_000})


def test_sizes_of_all_messages_count() -> None:
    large = picture(4_000_000)
    (alone,) = with_images([{"role": "user", "content": "What?"}], [large])
    with pytest.raises(ConfigurationError, match="The images come to 10,666,"):
        with_images([alone], [large])


def test_a_request_may_hold_what_is_accepted_here() -> None:
    messages = with_images([{"role": "user", "content": "What?"}], [picture(MAX_FILE_BYTES - 1_000)])
    request = chat("Qwen2.5-VL-72B-Instruct", messages)
    assert defaults.MAX_REQUEST_BYTES < len(request.content or b"") <= defaults.MAX_REQUEST_BYTES_IMAGES
    assert json.loads(request.content or b"")["messages"] == messages
