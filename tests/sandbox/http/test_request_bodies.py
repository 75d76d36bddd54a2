from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.sandbox import Request
from apache_airflow_provider_ovhcloud_ai.sandbox.http.messages import Refusal
from apache_airflow_provider_ovhcloud_ai.sandbox.http.request_bodies import form_payload

Ask = Callable[..., Any]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "The body is not JSON"),
        (b"{'model': 1}", "The body is not JSON"),
        (b'{"temperature": NaN}', "NaN is not JSON"),
        (b'{"a": "\xff"}', "The body is not JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[]", "must be a JSON object"),
        (b'"text"', "must be a JSON object"),
    ],
)
def test_bad_json_is_a_400_that_says_so(ask: Ask, body: bytes, words: str) -> None:
    answer = ask("/embeddings", body)
    assert (answer.status, answer.headers["Content-Type"]) == (400, "application/json")
    assert words in answer.body["error"]["message"]


@pytest.mark.parametrize(
    ("content", "status"),
    [
        ("x" * 1_999_000, 400),
        ("x" * 2_000_000, 413),
        ([{"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 9_000_000}}], 200),
        ([{"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 10_000_000}}], 413),
    ],
    ids=["context", "text too large", "large image", "image too large"],
)
def test_size_limits_of_the_body(ask: Ask, content: object, status: int) -> None:
    payload = {"model": "Qwen3.5-9B", "messages": [{"role": "user", "content": content}]}
    assert ask("/chat/completions", payload).status == status


def test_form_is_read_as_parameters() -> None:
    fields = (
        b'"model"\r\n\r\nwhisper',
        b'"words[]"\r\n\r\na',
        b'"words[]"\r\n\r\n\xff',
        b'"file"; filename="a"\r\n\r\n\0\r\n',
    )
    body = (
        b"".join(b"--edge\r\nContent-Disposition: form-data; name=" + field + b"\r\n" for field in fields)
        + b"--edge--\r\n"
    )
    request = Request("POST", "/", {"content-type": "multipart/form-data; boundary=edge"}, body)
    assert form_payload(request) == {"model": "whisper", "words": ["a", "\ufffd"], "file": b"\0\r\n"}


def test_form_of_another_type_is_refused() -> None:
    with pytest.raises(Refusal) as caught:
        form_payload(Request("POST", "/", {"content-type": "application/json"}, b"{}"))
    assert (caught.value.response.status, "multipart/form-data" in str(caught.value.response.body)) == (400, True)
