"""
What is sent for images, and what of an answer is one.
"""

from __future__ import annotations

import base64
import json
import pickle
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.client.http.http_response import HTTPResponse
from apache_airflow_provider_ovhcloud_ai.client.media import image_generation
from apache_airflow_provider_ovhcloud_ai.errors import ConfigurationError, InvalidResponseError
from hypothesis import given
from hypothesis import strategies as st
from support.image_samples import JPEG, PNG, encoded, images

RESPONSE = HTTPResponse(200, {"x-request-id": "r-1"}, b"")


def body(*args: Any, **options: Any) -> dict[str, Any]:
    request = image_generation.build_request(*args, **options)
    assert (request.method, request.path, request.safe_to_retry) == ("POST", "/images/generations", False)
    return json.loads(request.content or b"")


def read(value: dict[str, Any], n: int = 1) -> image_generation.GeneratedImages:
    return image_generation.read_images(value, RESPONSE, image_generation.build_request("m", "a cat", n=n))


def test_nothing_is_sent_that_was_not_asked_for_but_how_images_come() -> None:
    assert body("m", "a cat") == {"model": "m", "prompt": "a cat", "response_format": "b64_json"}
    assert body("m", "a cat", n=1, size=None, quality=None) == body("m", "a cat")


def test_all_that_can_be_asked_for() -> None:
    assert body("m", " a\ncat ", n="3", size="1024x768", quality="hd", negative_prompt="dogs") == {
        "model": "m",
        "prompt": " a\ncat ",
        "n": 3,
        "size": "1024x768",
        "quality": "hd",
        "negative_prompt": "dogs",
        "response_format": "b64_json",
    }


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"model": ""}, "model must not be empty"),
        ({"model": 5}, "model must be a text, not 5"),
        ({"prompt": None}, "prompt must be a text, not None"),
        ({"prompt": " \n"}, "prompt must not be empty"),
        ({"prompt": ["a cat"]}, "prompt must be a text"),
        ({"prompt": "x" * 2_000_000}, "the service accepts 2,000,000: shorten the prompt"),
        ({"n": 0}, "n must be a number from 1 to 10, not 0"),
        ({"n": 11}, "n must be a number from 1 to 10, not 11"),
        ({"n": 1.5}, "n must be a whole number from 1 to 10"),
        ({"n": True}, "n must be a number"),
        ({"n": "two"}, "n must be a number from 1 to 10, not 'two'"),
        ({"n": None}, "n must be a number from 1 to 10, not None"),
        *(
            ({"size": size}, "size must be width x height in pixels, such as '1024x1024', not ")
            for size in ("", "1024", "1024X1024", "1024 x 1024", "0x1024", "1024x", "big", "1024x1024x3", 1024, [8, 8])
        ),
        ({"response_format": "url"}, "response_format cannot be chosen"),
        ({"stream": True}, "stream cannot be chosen"),
        ({"seed": {1}}, "seed cannot be written as JSON"),
    ],
)
def test_invalid_parameters_are_refused_before_a_request(options: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        image_generation.build_request(**{"model": "m", "prompt": "a cat", **options})


def test_the_digest_is_of_what_images_show_and_not_of_how_many_there_are() -> None:
    def digest(*args: Any, **options: Any) -> str:
        return image_generation.digest(image_generation.build_request(*args, **options))

    same = {digest("m", "a cat", size="8192x16", seed=1, n=n) for n in (1, 2, 10)}
    same.add(digest("m", "a cat", seed=1, size="8192x16"))
    assert len(same) == 1
    others = [digest("m", "a cat"), digest("m", "a dog"), digest("n", "a cat"), digest("m", "a cat", size="64x64")]
    assert len({*same, *others, digest("m", "a cat", seed=2)}) == 6


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (PNG, "image/png"),
        (JPEG, "image/jpeg"),
        (b"RIFF\x04\x00\x00\x00WEBPVP8 ", "image/webp"),
        (b"GIF89a\x01\x00", "image/gif"),
    ],
)
def test_images(data: bytes, kind: str) -> None:
    result = read(images(data))
    assert result == image_generation.GeneratedImages(
        (image_generation.GeneratedImage(data, kind),), "m", 1_700_000_000
    )
    assert str(data[:4]) not in repr(result)


def test_several_images_keep_their_order_and_the_metadata_of_the_service() -> None:
    result = read(images(PNG, JPEG, model="served", created=5), n=2)
    assert [each.data for each in result.images] == [PNG, JPEG]
    assert (result.model, result.created) == ("served", 5)
    assert read(images(PNG, created="now", model=7)) == read({"data": [encoded(PNG)]})
    assert read({"data": [encoded(PNG)]}).created is None


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({}, "0 of 1 images came"),
        ({"data": None}, "0 of 1 images came"),
        ({"data": {"b64_json": "aa"}}, "0 of 1 images came"),
        (images(), "0 of 1 images came"),
        (images(PNG, PNG), "2 of 1 images came"),
        ({"data": [5]}, r"data\[0\] has no text 'b64_json'"),
        ({"data": [{"b64_json": None}]}, r"data\[0\] has no text 'b64_json'"),
        ({"data": [{"b64_json": ""}]}, r"data\[0\] has no text 'b64_json'"),
        ({"data": [{"b64_json": [1]}]}, r"data\[0\] has no text 'b64_json'"),
        ({"data": [{"url": "https://example.com/1.png"}]}, r"data\[0\] is an address, which is not fetched"),
        ({"data": [{"b64_json": "iVBOR*"}]}, r"data\[0\] is no base64"),
        ({"data": [{"b64_json": "é"}]}, r"data\[0\] is no base64"),
        ({"data": [{"b64_json": "aGVsbG8"}]}, r"data\[0\] is no base64"),
        (images(b"<html><title>Sign in</title></html>"), r"data\[0\] is none: its 35 bytes are no PNG, JPEG, WebP"),
        (images(b"%PDF-1.7"), r"data\[0\] is none: its 8 bytes"),
    ],
)
def test_what_is_no_image(value: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidResponseError, match=says) as caught:
        read(value)
    error = caught.value
    assert "may have been billed" in str(error)
    assert (error.retryable, error.status, error.request_id) == (True, 200, "r-1")


def test_the_first_that_is_wrong_is_named() -> None:
    with pytest.raises(InvalidResponseError, match=r"data\[1\] is none"):
        read(images(PNG, b"no image", PNG), n=3)


def test_no_image_is_in_an_error() -> None:
    secret = base64.b64encode(b"what nobody shall see in a log" * 50).decode()
    value = {"created": 7, "data": [{"b64_json": secret}, {"url": f"https://example.com/{secret}"}] * 30}
    with pytest.raises(InvalidResponseError) as caught:
        read(value)
    error = caught.value
    assert error.response is not None
    assert error.response["created"] == 7
    assert error.response["data"][:2] == [{"b64_json_length": len(secret)}, {"url_length": len(secret) + 20}]
    texts = str(error) + repr(error) + repr(vars(error)) + repr(pickle.dumps(error))
    assert secret[:40] not in texts
    assert len(texts) < 3_000


@given(st.recursive(st.none() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3)))
def test_any_response_is_an_image_or_an_error(item: Any) -> None:
    for value in ({"data": item}, {"data": [item]}, {"data": [{"b64_json": item, "url": item}]}):
        with pytest.raises(InvalidResponseError):
            read(value)
