"""
What requests cost, as the service's own list of models tells. Pure.

Source: ``GET /models`` of AI Endpoints, 2026-09-28: ``pricing`` holds texts, each the price of one token or request in
``currency_unit``, without VAT.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ..usage import is_count
from .model_names import find_kind

#: No token costs as much as one unit of a currency: whatever is above is no price.
_MAX_PRICE = Decimal(1)

_CURRENCY = re.compile("[A-Z]{3}")

#: What is billed by the token, so that a price of nothing is one. Speech and images are listed with it too, though they
#: are billed by the second or the piece.
_BY_TOKEN = frozenset({"chat", "embedding"})


@dataclass(frozen=True)
class ModelPricing:
    """
    What a model costs.

    :param prompt: price of a token that it reads
    :param completion: price of a token that it writes
    :param request: price of a request
    :param currency: such as ``USD``
    """

    prompt: Decimal
    completion: Decimal
    request: Decimal
    currency: str


def read_pricing(model: Mapping[str, Any]) -> ModelPricing | None:
    """
    Read the rates in a list of models.

    :param model: as the service lists it
    :return: its rates, None where it tells none that can be read. Rates of nothing at all, with which guard models in
        beta are listed, are believed of models that are billed by the token alone
    """
    pricing, currency = find_price_fields(model)
    prompt, completion = (read_price_per_unit(pricing.get(name)) for name in ("prompt", "completion"))
    request = read_price_per_unit(pricing.get("request", "0"))
    if currency is None or prompt is None or completion is None or request is None:
        return None
    if not (prompt or completion or request) and find_kind(model) not in _BY_TOKEN:
        return None
    return ModelPricing(prompt, completion, request, currency)


def find_price_fields(model: Mapping[str, Any]) -> tuple[Mapping[str, Any], str | None]:
    """
    Find where a list of models speaks of prices.

    :param model: as the service lists it
    :return: its ``pricing``, empty where there is none, and their currency, None where it names none that is one
    """
    pricing = model.get("pricing")
    found = pricing if isinstance(pricing, Mapping) else {}
    currency = found.get("currency_unit")
    # A browser takes no other word for a currency.
    return found, currency if isinstance(currency, str) and _CURRENCY.fullmatch(currency) else None


def read_price_per_unit(value: Any) -> Decimal | None:
    """
    Read the price of one token or request.

    :param value: a text or number
    :return: the price, None for what is none
    """
    if isinstance(value, bool):
        return None
    try:
        price = Decimal(str(value))
    except ArithmeticError:
        return None
    return price if price.is_finite() and 0 <= price < _MAX_PRICE else None


def has_token_counts(usage: Any) -> bool:
    """
    Tell whether a response says what it used.

    :param usage: its ``usage``
    :return: True if the tokens read stand there; those written may be none, as in embeddings
    """
    counts = usage if isinstance(usage, Mapping) else {}
    return is_count(counts.get("prompt_tokens")) and is_count(counts.get("completion_tokens", 0))


def compute_cost(tokens: Mapping[str, int], rates: ModelPricing, requests: int = 1) -> Decimal:
    """
    Compute what requests cost.

    :param tokens: ``prompt_tokens`` and ``completion_tokens`` that they used
    :param rates: of the model that answered them
    :param requests: how many they were
    :return: the cost in the currency of the rates
    """
    read, written = tokens.get("prompt_tokens", 0), tokens.get("completion_tokens", 0)
    return requests * rates.request + read * rates.prompt + written * rates.completion
