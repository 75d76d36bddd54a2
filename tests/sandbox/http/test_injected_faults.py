from __future__ import annotations

import http.client
from collections.abc import Callable
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox

Ask = Callable[..., Any]


def test_ordered_failure_comes_once_and_only_where_it_was_ordered(sandbox: Sandbox, chat: Ask, embed: Ask) -> None:
    sandbox.fail_next(500, path="/v1/embeddings")
    assert chat().status == 200
    assert embed("x").body == {"message": "Internal Server Error"}
    assert embed("x").status == 200


def test_ordered_failures_come_in_their_order_with_their_body_and_headers(sandbox: Sandbox, chat: Ask) -> None:
    sandbox.fail_next(429, {"error": {"message": "slow"}}, {"Retry-After": "3"}, times=2)
    sandbox.fail_next(502, "[]", {"Content-Type": "text/html"})
    sandbox.fail_next(599)
    first, second, third, fourth = chat(), chat(), chat(), chat()
    assert (first.status, first.headers["Retry-After"], first.body) == (429, "3", {"error": {"message": "slow"}})
    assert second.status == 429
    assert (third.status, third.headers.get_all("Content-Type")) == (502, ["text/html"])
    assert (fourth.status, fourth.body) == (599, {"message": "Error"})
    assert chat().status == 200


def test_dropped_connection(sandbox: Sandbox, chat: Ask) -> None:
    sandbox.drop_next()
    with pytest.raises(http.client.RemoteDisconnected):
        chat()
    assert chat().status == 200


def test_cut_response(sandbox: Sandbox, chat: Ask) -> None:
    sandbox.cut_next()
    with pytest.raises(http.client.IncompleteRead):
        chat()
    assert chat().status == 200
