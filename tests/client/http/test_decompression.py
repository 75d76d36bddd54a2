from __future__ import annotations

import gzip
import zlib

import pytest
from apache_airflow_provider_ovhcloud_ai.client.http.decompression import inflate, receive
from apache_airflow_provider_ovhcloud_ai.client.http.http_response import HTTPResponse
from apache_airflow_provider_ovhcloud_ai.client.models.model_list import models
from apache_airflow_provider_ovhcloud_ai.client.settings import ClientSettings
from apache_airflow_provider_ovhcloud_ai.errors import InvalidResponseError

TEXT = b"any text " * 100


@pytest.mark.parametrize(
    ("body", "plain"),
    [
        (gzip.compress(TEXT), TEXT),
        (zlib.compress(TEXT), TEXT),
        (zlib.compress(TEXT, wbits=-15), TEXT),
        (gzip.compress(TEXT) * 3, TEXT * 3),
        (gzip.compress(b""), b""),
        (b"", b""),
        (gzip.compress(TEXT) + b"no stream", None),
        (b"no stream", None),
        (b"\x1f\x8b", b""),
    ],
    ids=["gzip", "zlib", "deflate", "members", "empty stream", "empty", "trailing bytes", "plain", "only a header"],
)
def test_inflate(body: bytes, plain: bytes | None) -> None:
    assert inflate(body, 10_000) == plain


@pytest.mark.parametrize("limit", [0, 1, 899, 900])
def test_inflate_stops_one_byte_after_the_limit(limit: int) -> None:
    for body in (gzip.compress(TEXT), gzip.compress(TEXT[:450]) * 2, zlib.compress(TEXT, wbits=-15)):
        assert len(inflate(body, limit) or b"") == min(limit + 1, 900)


def test_receive_reads_header_names_in_any_case() -> None:
    settings = ClientSettings(max_response_bytes=2_000)
    headers = [("X-Request-ID", "r-1"), ("CONTENT-ENCODING", "gzip")]
    response = receive(200, headers, gzip.compress(TEXT), models(), settings)
    assert isinstance(response, HTTPResponse)
    assert (response.status, response.headers, response.body) == (200, {"x-request-id": "r-1"}, TEXT)


@pytest.mark.parametrize(
    ("encoding", "body"),
    [("gzip", gzip.compress(TEXT)), ("identity", TEXT), ("br", TEXT)],
    ids=["gzip", "identity", "br"],
)
def test_receive_refuses_what_is_too_large(encoding: str, body: bytes) -> None:
    outcome = receive(200, [("content-encoding", encoding)], body, models(), ClientSettings(max_response_bytes=899))
    assert isinstance(outcome, InvalidResponseError)
    assert "larger than 899 bytes" in str(outcome)
