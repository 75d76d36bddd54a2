"""
The usage of one task, and its limits.
"""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from ...client.models import prices
from ...client.models.model_names import find_model
from ...client.usage import is_count, sum_usage
from ...errors import AIEndpointsError, BudgetExceededError, ConfigurationError
from ...validation import integer, number

#: Name in XCom -> group and name in the usage of a response.
_TOKEN_DETAILS = {
    "reasoning_tokens": ("completion_tokens_details", "reasoning_tokens"),
    "cached_tokens": ("prompt_tokens_details", "cached_tokens"),
}


@dataclass
class _Tally:
    """
    The usage of the requests to one model.
    """

    requests: int = 0
    tokens: Counter[str] = field(default_factory=Counter)
    #: Responses without the token counts that their cost needs, and responses without a total.
    missing_usage: int = 0
    missing_total: int = 0


class UsageTracker:
    """
    Adds up the usage of a task's requests, and enforces its limits.

    Safe to use from several threads.

    :param list_models: lists the service's models; called at most once, and only if a price is needed
    :param max_cost: maximum cost, in the currency of the service's prices; None for no limit
    :param max_total_tokens: maximum tokens, of prompts and answers together; None for no limit
    :raises ConfigurationError: if a limit isn't a number in its range
    """

    def __init__(
        self, list_models: Callable[[], list[dict[str, Any]]], max_cost: Any = None, max_total_tokens: Any = None
    ) -> None:
        self._list_models = list_models
        self._max_cost = None if max_cost is None else _parse_money(max_cost)
        self._max_tokens = None if max_total_tokens is None else integer(max_total_tokens, "max_total_tokens", 1)
        self._models: list[dict[str, Any]] | None = None
        self._tallies: defaultdict[str, _Tally] = defaultdict(_Tally)
        self._lock = threading.RLock()

    def check(self, model: str) -> None:
        """
        Check that the task may send one more request. The first one is always allowed.

        :param model: model id of the request
        :raises BudgetExceededError: if a limit is reached
        :raises ConfigurationError: if ``max_cost`` is set and the service lists no price for the model
        """
        with self._lock:
            if self._max_cost is not None:
                self._check_cost(model, self._max_cost)
            if self._max_tokens is not None:
                self._check_tokens(self._max_tokens)

    def add(self, response: Mapping[str, Any], model: str) -> None:
        """
        Add the usage of a response.

        :param response: response in OpenAI's format; one without usage counts as a request, too
        :param model: model id of the request
        """
        served = response.get("model")
        tokens, has_counts = sum_usage([response]), prices.has_token_counts(response.get("usage"))
        if has_counts:
            tokens.setdefault("total_tokens", tokens["prompt_tokens"] + tokens.get("completion_tokens", 0))
        with self._lock:
            tally = self._tallies[served if isinstance(served, str) else model]
            tally.requests += 1
            tally.tokens.update(tokens)
            tally.tokens.update(_read_details(response))
            tally.missing_usage += not has_counts
            tally.missing_total += "total_tokens" not in tokens

    @property
    def requests(self) -> int:
        """
        The number of responses so far.
        """
        return sum(tally.requests for tally in self._tallies.values())

    @property
    def usage(self) -> dict[str, int]:
        """
        Token counts of all requests by name, with reasoning and cached tokens if the service reports them.
        """
        with self._lock:
            total: Counter[str] = Counter()
            for tally in self._tallies.values():
                total.update(tally.tokens)
            return dict(total)

    def as_xcom(self, *, priced: bool = True) -> dict[str, Any]:
        """
        Return the usage in the form that operators push to XCom.

        :param priced: whether to request the service's prices if they aren't loaded yet
        :return: ``requests``, the token counts, ``cost`` and ``currency``; the last two are None if the cost is unknown
        """
        with self._lock:
            cost = self._cost() if priced or self._models is not None else None
            price = {"cost": float(cost[0]), "currency": cost[1]} if cost else {"cost": None, "currency": None}
            return {"requests": self.requests, **self.usage, **price}

    def _check_cost(self, model: str, limit: Decimal) -> None:
        if self._rates(model) is None:
            raise ConfigurationError(
                f"max_cost cannot be kept: the service tells no price for {model!r}. Give max_total_tokens instead."
            )
        spent = self._cost()
        if spent is None:
            raise BudgetExceededError(
                "max_cost cannot be kept: what the last answers cost is not known. Give max_total_tokens instead."
            )
        if spent[0] >= limit:
            raise self._exhausted("max_cost", f"{spent[0]:.6f} of {limit} {spent[1]}")

    def _check_tokens(self, limit: int) -> None:
        if any(tally.missing_total for tally in self._tallies.values()):
            raise BudgetExceededError(
                "max_total_tokens cannot be kept: the service does not tell how many tokens its answers used. Leave "
                "max_total_tokens out, or ask a model whose answers have a usage."
            )
        total = self.usage.get("total_tokens", 0)
        if total >= limit:
            raise self._exhausted("max_total_tokens", f"{total:,} of {limit:,} tokens")

    def _exhausted(self, name: str, spent: str) -> BudgetExceededError:
        return BudgetExceededError(
            f"The task has used {spent} ({name}) in {self.requests} requests, and sends no more: raise {name}, or ask "
            "for less."
        )

    def _cost(self) -> tuple[Decimal, str] | None:
        """
        Add up the cost. None if a part of it is unknown: users would take the rest for the total.
        """
        total, currencies = Decimal(0), set()
        for model, tally in self._tallies.items():
            rates = self._rates(model)
            if rates is None or tally.missing_usage:
                return None
            total += prices.compute_cost(tally.tokens, rates, tally.requests)
            currencies.add(rates.currency)
        if len(currencies) > 1:
            return None
        return total, currencies.pop() if currencies else ""

    def _rates(self, model: str) -> prices.ModelPricing | None:
        if self._models is None:
            try:
                self._models = self._list_models()
            except AIEndpointsError:
                if self._max_cost is not None:
                    raise
                self._models = []  # a task that has its answer does not fail for its price
        listed_model = find_model(model, self._models)
        return prices.read_pricing(listed_model) if listed_model else None


def _parse_money(value: Any) -> Decimal:
    amount = number(value, "max_cost", 0)
    if not amount:
        raise ConfigurationError("max_cost must be more than 0.")
    return Decimal(str(amount))


def _read_details(response: Mapping[str, Any]) -> dict[str, int]:
    usage = response.get("usage")
    details = {}
    for name, (group, inner) in _TOKEN_DETAILS.items():
        counts = usage.get(group) if isinstance(usage, Mapping) else None
        count = counts.get(inner) if isinstance(counts, Mapping) else None
        if is_count(count):
            details[name] = count
    return details


def format_usage(usage: Mapping[str, Any]) -> str:
    """
    Format the usage of a task as one line of a log.

    :param usage: return value of :meth:`UsageTracker.as_xcom`
    :return: such as ``requests=2 input_tokens=60 output_tokens=14 cost=0.000012 USD``
    """
    cost = "unknown" if usage["cost"] is None else f"{usage['cost']:.6f} {usage['currency']}"
    tokens = f"input_tokens={usage.get('prompt_tokens')} output_tokens={usage.get('completion_tokens')}"
    return f"requests={usage['requests']} {tokens} cost={cost}"
