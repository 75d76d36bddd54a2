"""
Prices of requests, from the service's own list of models. Pure.

Source: ``GET /models`` of AI Endpoints, 2026-09-28. ``pricing`` holds strings, each the price of one token or request
in ``currency_unit``, without VAT.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ..usage import Usage
from .model_names import find_kind

#: No token costs as much as one unit of a currency: anything above isn't a price.
_MAX_PRICE = Decimal(1)

_CURRENCY = re.compile("[A-Z]{3}")

#: Kinds billed by the token, for which a price of 0 is valid. Speech and images are listed with it too, though they are
#: billed by the second or the image.
_BY_TOKEN = frozenset({"chat", "embedding"})


@dataclass(frozen=True)
class ModelPricing:
    """
    The prices of a model.

    :param prompt: price of an input token
    :param completion: price of an output token
    :param request: price of a request
    :param currency: such as ``USD``
    """

    prompt: Decimal
    completion: Decimal
    request: Decimal
    currency: str


def read_pricing(model: Mapping[str, Any]) -> ModelPricing | None:
    """
    Read the prices of a listed model.

    :param model: an entry of the service's list
    :return: the prices; None if they are missing or invalid. If all are 0, as for guard models in beta, they are valid
        only for models billed by the token
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
    Return the fields of a listed model that hold its prices.

    :param model: an entry of the service's list
    :return: its ``pricing``, empty if it is missing; and its currency, None if it is missing or invalid
    """
    pricing = model.get("pricing")
    fields = pricing if isinstance(pricing, Mapping) else {}
    currency = fields.get("currency_unit")
    # A browser accepts no other form of a currency.
    return fields, currency if isinstance(currency, str) and _CURRENCY.fullmatch(currency) else None


def read_price_per_unit(value: Any) -> Decimal | None:
    """
    Parse the price of one token or request.

    :param value: a string or number
    :return: the price; None if it is invalid
    """
    if isinstance(value, bool):
        return None
    try:
        price = Decimal(str(value))
    except ArithmeticError:
        return None
    return price if price.is_finite() and 0 <= price < _MAX_PRICE else None


def compute_cost(usage: Usage, rates: ModelPricing) -> Decimal:
    """
    Compute the cost of requests.

    :param usage: usage of the requests
    :param rates: prices of the model
    :return: the cost in the currency of the prices
    """
    tokens_in, tokens_out = usage.input_tokens or 0, usage.output_tokens or 0
    return usage.requests * rates.request + tokens_in * rates.prompt + tokens_out * rates.completion
