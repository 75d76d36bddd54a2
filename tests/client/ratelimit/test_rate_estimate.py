"""
Limits as numbers on a clock that a test sets; test_pacer.py has what follows for senders.
"""

from __future__ import annotations

import pytest
from apache_airflow_provider_ovhcloud_ai.client.ratelimit.rate_estimate import (
    AdvertisedLimit,
    EstimatedLimit,
    TokenMean,
)
from apache_airflow_provider_ovhcloud_ai.client.ratelimit.ratelimit_headers import TOKENS, Quota


class TestAdvertised:
    def test_nothing_waits_before_a_quota_is_reported(self) -> None:
        assert AdvertisedLimit().moment(100.0, 1_000, 99.0) == 100.0

    def test_half_goes_at_once_and_the_rest_over_the_window(self) -> None:
        limit = AdvertisedLimit()
        limit.update(Quota(60, 59, 60.0), 1, 100.0)
        assert limit.moment(101.0, 30, 101.0) == 101.0
        # 29 are left for the 59 s until the reset.
        assert limit.moment(101.0, 31, 101.0) == pytest.approx(101.0 + 59.0 / 30)
        assert limit.moment(101.0, 60, 101.0) == 160.0

    def test_quota_without_a_reset_lasts_a_minute_at_least(self) -> None:
        limit = AdvertisedLimit()
        limit.update(Quota(60, 10, None), 1, 100.0)
        assert limit.moment(100.0, 2, 100.0) == 102.0

    def test_after_the_reset_requests_go_at_the_rate_of_the_limit(self) -> None:
        limit = AdvertisedLimit()
        limit.update(Quota(60, 0, 5.0), 1, 100.0)
        assert limit.moment(104.0, 1, 100.0) == 105.0
        assert limit.moment(105.0, 1, 105.0) == 106.0

    def test_older_report_of_the_same_window_can_only_lower_the_quota(self) -> None:
        limit = AdvertisedLimit()
        limit.update(Quota(6, 3, 60.0), 2, 100.0)
        limit.update(Quota(6, 0, 60.0), 1, 100.0)
        assert limit.moment(100.0, 1, 100.0) == 160.0
        limit.update(Quota(6, 5, 60.0), 1, 100.0)
        assert limit.moment(100.0, 1, 100.0) == 160.0

    def test_first_request_after_the_reset_does_not_wait(self) -> None:
        limit = AdvertisedLimit()
        limit.update(Quota(5, 0, 1.0), 1, 100.0)
        assert limit.moment(101.2, 1, 100.9) == 101.0

    def test_window_is_a_minute_until_renewals_follow_faster(self) -> None:
        limit = AdvertisedLimit()
        for number, (left, moment) in enumerate([(4, 100.0), (3, 100.3), (4, 101.1), (4, 102.2)], 1):
            limit.update(Quota(5, left, 1.0), number, moment)
            assert limit.window == (60.0 if number < 4 else 1.0)
        assert limit.rate(102.3, 4) == 300.0

    def test_window_of_a_minute_stays_one(self) -> None:
        limit = AdvertisedLimit()
        # Half a minute is gone at the first request, and resets are rounded.
        for number, (left, moment, reset) in enumerate(
            [(4, 0.0, 30.0), (3, 5.4, 25.0), (4, 31.0, 59.0), (4, 90.5, 60.0)]
        ):
            limit.update(Quota(5, left, reset), number + 1, moment)
        assert (limit.window, limit.rate(91.0, 4)) == (60.0, 5.0)

    def test_quota_of_tokens_counts_in_requests(self) -> None:
        limit = AdvertisedLimit()
        limit.update(Quota(6_000, 5_900, 60.0, unit=TOKENS), 1, 100.0, cost=100.0)
        assert limit.rate(100.0, 1) == 60.0
        assert limit.moment(101.0, 30, 101.0) == 101.0
        assert limit.moment(101.0, 31, 101.0) == pytest.approx(101.0 + 59.0 / 30)

    def test_limit_of_hours_is_a_rate_once_half_of_it_is_gone(self) -> None:
        limit = AdvertisedLimit()
        limit.update(Quota(600, 599, 3_000.0, 3_600.0), 1, 100.0)
        assert [limit.rate(101.0, count) for count in (1, 300, 301)] == [None, None, 10.0]


class TestTokenMean:
    def test_mean_follows_the_larger_of_quota_and_usage(self) -> None:
        mean = TokenMean()
        for number, left, usage, expected in [
            (1, 900, None, 0.0),
            (2, 800, None, 100.0),
            # Two requests together, and then the service refills.
            (4, 600, 90, 100.0),
            (5, 900, 100, 100.0),
            (6, 890, 200, 110.0),
            # An older response.
            (3, 700, 5_000, 110.0),
        ]:
            mean.update(Quota(1_000, left, None, unit=TOKENS), number, usage)
            assert mean.value == pytest.approx(expected)


class TestEstimated:
    def test_nothing_waits_before_a_refusal(self) -> None:
        limit = EstimatedLimit()
        for _ in range(100):
            limit.on_send(100.0)
        assert limit.moment(100.0) == 100.0

    def test_pauses_double_up_to_a_maximum_unless_the_service_names_one(self) -> None:
        limit, now, pauses = EstimatedLimit(), 100.0, []
        for _ in range(5):
            limit.pause(now, now, None)
            pauses.append(limit.moment(now) - now)
            now = limit.moment(now)
        assert pauses == [1.0, 2.0, 4.0, 8.0, 8.0]
        limit.pause(now, now, 20.0)
        assert limit.moment(now) - now == 20.0

    def test_refusals_of_requests_sent_together_are_one(self) -> None:
        limit = EstimatedLimit()
        for now in (100.1, 100.2, 100.3):
            limit.pause(100.0, now, None)
        assert limit.moment(100.3) == pytest.approx(101.1)

    def test_rate_is_what_was_accepted_until_the_pause_was_over(self) -> None:
        limit = EstimatedLimit()
        for number in range(12):
            limit.on_send(100.0 + number)
        for refused in (110.0, 111.0):
            limit.on_refusal(refused)
        limit.pause(111.0, 111.0, 9.0)
        limit.on_success(120.0)
        # Ten in 20 s are 30 a minute, of which 98.5 % are used at first.
        assert limit.moment(120.0) == pytest.approx(120.0 + 2.0 / 0.985)

    def test_request_sent_before_the_end_of_the_pause_proves_nothing(self) -> None:
        limit = EstimatedLimit()
        limit.on_send(100.0)
        limit.pause(100.0, 100.0, 9.0)
        limit.on_success(108.0)
        assert limit.moment(108.0) == 109.0
