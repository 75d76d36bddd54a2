from __future__ import annotations

from collections.abc import Callable
from typing import Any

from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox

Ask = Callable[..., Any]


def test_received_requests_are_kept_and_their_repr_shows_no_secret(sandbox: Sandbox, chat: Ask) -> None:
    chat(seed=7)
    (request,) = sandbox.requests
    assert (request.method, request.path) == ("POST", "/v1/chat/completions")
    assert request.headers["authorization"] == "Bearer sandbox-token"
    assert request.json["seed"] == 7
    assert "sandbox-token" not in repr(request) + repr(sandbox)
    assert "Airflow" not in repr(request)


def test_body_that_is_not_json_is_none(sandbox: Sandbox, ask: Ask) -> None:
    ask("/embeddings", b"{")
    assert sandbox.requests[0].json is None
    assert sandbox.requests[0].body == b"{"
