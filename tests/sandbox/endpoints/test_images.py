"""
Images of the sandbox, also as a client that nobody here wrote sees them: the ``openai`` package.
"""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Callable
from typing import Any

import openai
import pytest
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox

Ask = Callable[..., Any]

MODEL = "stable-diffusion-xl-base-v10"


@pytest.fixture
def draw(ask: Ask) -> Ask:
    def send(prompt: Any = "a cat", model: str = MODEL, token: str | None = "sandbox-token", **params: Any) -> Any:
        return ask("/images/generations", {"model": model, "prompt": prompt, **params}, token=token)

    return send


def pictures(answer: Any) -> list[bytes]:
    assert answer.status == 200, answer.body
    assert answer.body.keys() == {"created", "data"}
    return [base64.b64decode(item["b64_json"], validate=True) for item in answer.body["data"]]


def read_png(data: bytes) -> tuple[int, int, bytes]:
    """Read as the PNG specification says: signature, chunks whose checksums fit, and as many pixels as promised."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, at = [], 8
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        kind, content = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        assert struct.unpack(">I", data[at + 8 + length : at + 12 + length]) == (zlib.crc32(kind + content),)
        chunks.append((kind, content))
        at += 12 + length
    assert [kind for kind, _ in chunks] == [b"IHDR", b"PLTE", b"IDAT", b"IEND"]
    width, height, *rest = struct.unpack(">IIBBBBB", chunks[0][1])
    assert rest == [1, 3, 0, 0, 0]
    pixels = zlib.decompress(chunks[2][1])
    assert len(pixels) == height * (1 + width // 8)
    return width, height, pixels


@pytest.mark.parametrize(
    ("size", "pixels"),
    [
        (None, (1024, 1024)),
        ("256x256", (256, 256)),
        ("512x512", (512, 512)),
        ("1024x1024", (1024, 1024)),
        ("1792x1024", (1792, 1024)),
        ("1024x1792", (1024, 1792)),
    ],
)
def test_an_image_has_the_size_asked_for(draw: Ask, size: str | None, pixels: tuple[int, int]) -> None:
    (picture,) = pictures(draw(size=size))
    assert read_png(picture)[:2] == pixels


def test_the_same_request_gets_the_same_images_and_others_get_others(draw: Ask) -> None:
    first = pictures(draw(n=3, response_format="b64_json"))
    assert first == pictures(draw(n=3))
    assert first[:1] == pictures(draw())
    assert len({*first, *pictures(draw("a dog")), *pictures(draw(style="vivid"))}) == 5


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"prompt": None}, "'prompt' is required"),
        ({"prompt": " "}, "must not be empty"),
        ({"prompt": ["a"]}, "'prompt' must be a text"),
        ({"n": 0}, "'n' must be a whole number from 1 to 10"),
        ({"n": 11}, "'n' must be a whole number from 1 to 10"),
        ({"n": "2"}, "'n' must be a whole number"),
        ({"size": "1000x1000"}, "'size' must be one of 256x256, 512x512, 1024x1024, 1792x1024, 1024x1792"),
        ({"response_format": "url"}, "'response_format' must be one of b64_json"),
        ({"negative_prompt": "dogs"}, "extra arguments"),
        ({"seed": 7}, "extra arguments"),
        ({"model": "gpt-oss-20b"}, "'gpt-oss-20b' is a model for chat, not for image"),
    ],
)
def test_what_is_refused(draw: Ask, params: dict[str, Any], words: str) -> None:
    answer = draw(**params)
    assert answer.status == 400
    assert words in answer.body["error"]["message"]


def test_a_model_that_is_not_there_and_one_that_makes_none(draw: Ask, ask: Ask) -> None:
    assert draw(model="dall-e-3").status == 404
    refused = ask("/chat/completions", {"model": MODEL, "messages": [{"role": "user", "content": "a cat"}]})
    assert (refused.status, "is a model for image" in refused.body["error"]["message"]) == (400, True)


def test_tokens_and_limits(draw: Ask) -> None:
    assert draw(token="wrong").status == 403
    assert [draw(token=None).status for _ in range(3)] == [200, 200, 429]


def test_openai_s_client(sandbox: Sandbox) -> None:
    with openai.OpenAI(base_url=sandbox.base_url, api_key=sandbox.token, max_retries=0) as client:
        answer = client.images.generate(model=MODEL, prompt="a cat", n=2, size="256x256", response_format="b64_json")
        assert [read_png(base64.b64decode(each.b64_json or ""))[:2] for each in answer.data or []] == [(256, 256)] * 2
        assert answer.created > 0
        with pytest.raises(openai.NotFoundError) as missing:
            client.images.generate(model="dall-e-2", prompt="a cat")
        assert missing.value.code == "model_not_found"
        with pytest.raises(openai.BadRequestError, match="'size' must be one of"):
            client.images.generate(model=MODEL, prompt="a cat", size="auto")
    with (
        openai.OpenAI(base_url=sandbox.base_url, api_key="wrong", max_retries=0) as client,
        pytest.raises(openai.PermissionDeniedError, match="Forbidden: authentication failed"),
    ):
        client.images.generate(model=MODEL, prompt="a cat")
