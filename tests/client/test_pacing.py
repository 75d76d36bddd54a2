from __future__ import annotations

import threading

import pytest
from apache_airflow_provider_ovhcloud_ai.client.pacing import Pacer, wait_for_turn
from apache_airflow_provider_ovhcloud_ai.client.settings import ClientSettings


def test_requests_are_spread_over_the_minute() -> None:
    pacer = Pacer(120)
    assert [pacer.reserve(100.0) for _ in range(4)] == [0.0, 0.5, 1.0, 1.5]
    assert [pacer.reserve(now) for now in (101.0, 103.0, 103.2)] == pytest.approx([1.0, 0.0, 0.3])


def test_no_minute_holds_more_than_the_cap() -> None:
    pacer = Pacer(7)
    moments = [now + pacer.reserve(now) for now in [n * 1.3 for n in range(60)]]
    assert all(later - first >= 60.0 - 1e-6 for first, later in zip(moments, moments[7:], strict=False))


def test_turns_are_shared_by_service_and_token() -> None:
    def turn(base_url: str = "https://pacing.test/v1", token: str | None = "a", cap: int | None = 60) -> float:
        return round(wait_for_turn(ClientSettings(base_url=base_url, token=token, requests_per_minute=cap)))

    assert [turn(), turn(), turn(token="b"), turn(token=None), turn(base_url="https://other.test"), turn()] == [
        0,
        1,
        0,
        0,
        0,
        2,
    ]
    assert [turn(cap=None) for _ in range(3)] == [0, 0, 0]


def test_threads_get_different_turns() -> None:
    settings = ClientSettings(base_url="https://threads.test/v1", requests_per_minute=1)
    turns: list[float] = []
    threads = [threading.Thread(target=lambda: turns.append(wait_for_turn(settings))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [round(turn / 60) for turn in sorted(turns)] == list(range(20))
