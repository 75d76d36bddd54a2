"""
Prices of a list of models, and what requests cost by them.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.client.models import prices
from apache_airflow_provider_ovhcloud_ai.client.usage import Usage

#: As AI Endpoints listed gpt-oss-120b on 2026-09-28.
LISTED = {
    "currency_unit": "USD",
    "completion": "0.00000047",
    "image": "0",
    "prompt": "0.00000009",
    "request": "0",
    "input_cache_reads": "0",
    "input_cache_writes": "0",
}


def test_what_requests_cost() -> None:
    rates = prices.read_pricing({"id": "m", "pricing": LISTED})
    assert rates == prices.ModelPricing(Decimal("0.00000009"), Decimal("0.00000047"), Decimal(0), "USD")
    assert prices.compute_cost(Usage(3, 1_000_000, 100_000), rates) == Decimal("0.137")
    assert prices.compute_cost(Usage(1, 100), rates) == Decimal("0.000009")
    dear = prices.read_pricing({"pricing": {**LISTED, "request": "0.01"}})
    assert dear is not None
    assert prices.compute_cost(Usage(3), dear) == Decimal("0.03")


FREE = {**LISTED, "prompt": "0", "completion": "0"}


@pytest.mark.parametrize(("name", "writes"), [("Qwen3Guard-Gen-8B", 16384), ("any", 1), ("bge-m3", 0)])
def test_what_is_billed_by_the_token_may_be_free(name: str, writes: int) -> None:
    rates = prices.read_pricing({"id": name, "pricing": FREE, "max_completion_tokens": writes})
    assert rates is not None
    assert prices.compute_cost(Usage(1, 5, 5), rates) == 0


@pytest.mark.parametrize("name", ["whisper-large-v3", "nvr-tts-en-us", "stable-diffusion-xl-base-v10", "any"])
def test_what_is_billed_otherwise_is_not_free(name: str) -> None:
    # As AI Endpoints lists them.
    model = {"id": name, "pricing": FREE, "context_length": 0, "max_completion_tokens": 0}
    assert prices.read_pricing(model) is None
    assert prices.read_pricing({**model, "pricing": {**FREE, "request": "0.01"}}) is not None


@pytest.mark.parametrize(
    "change",
    [
        {"currency_unit": None},
        {"currency_unit": "usd"},
        {"currency_unit": "US dollars"},
        {"prompt": None},
        {"prompt": "cheap"},
        {"prompt": "-0.1"},
        {"prompt": "NaN"},
        {"prompt": "Infinity"},
        {"prompt": True},
        {"prompt": "2"},
        {"completion": {}},
        {"request": "x"},
    ],
)
def test_what_is_no_price_is_unknown(change: dict[str, Any]) -> None:
    assert prices.read_pricing({"pricing": {**LISTED, **change}}) is None


@pytest.mark.parametrize("model", [{}, {"pricing": None}, {"pricing": "0.1"}, {"pricing": {}}])
def test_a_model_without_prices(model: dict[str, Any]) -> None:
    assert prices.read_pricing(model) is None
