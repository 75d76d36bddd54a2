"""
The usage of one task, and its limits.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from ...client.models import prices
from ...client.models.model_names import find_model
from ...client.usage import Usage, read_usage
from ...errors import AIEndpointsError, BudgetExceededError, ConfigurationError
from ...validation import integer, number


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
        self._usage_by_model: defaultdict[str, Usage] = defaultdict(Usage)
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

    def check_estimate(self, model: str, usage: Usage) -> None:
        """
        Check that an estimated usage is within the limits.

        :param model: model id of the requests
        :param usage: usage of the task so far, and the estimate for the requests that are to be sent
        :raises BudgetExceededError: if it exceeds a limit
        :raises ConfigurationError: if ``max_cost`` is set and the service lists no price for the model
        """
        total = usage.total_tokens or 0
        if self._max_tokens is not None and total > self._max_tokens:
            raise self._build_estimate_error("max_total_tokens", f"{total:,} of {self._max_tokens:,} tokens")
        if self._max_cost is not None:
            self._check_cost(model, self._max_cost)
            rates = self._rates(model)
            cost = prices.compute_cost(usage, rates) if rates else Decimal(0)
            if cost > self._max_cost:
                raise self._build_estimate_error("max_cost", f"{cost:.6f} of {self._max_cost}")

    def _build_estimate_error(self, name: str, usage: str) -> BudgetExceededError:
        return BudgetExceededError(
            f"The task's requests are estimated to use {usage} ({name}), so the rest isn't sent. Raise {name}, or send "
            "less."
        )

    def add(self, response: Mapping[str, Any], model: str) -> None:
        """
        Add the usage of a response.

        :param response: response in OpenAI's format; one without usage counts as a request, too
        :param model: model id of the request
        """
        served = response.get("model")
        usage = read_usage(response)
        with self._lock:
            self._usage_by_model[served if isinstance(served, str) else model] += usage

    @property
    def usage(self) -> Usage:
        """
        The usage of all requests so far.
        """
        with self._lock:
            return sum(self._usage_by_model.values(), Usage())

    def as_xcom(self, *, priced: bool = True) -> dict[str, Any]:
        """
        Return the usage in the form that operators push to XCom.

        :param priced: whether to request the service's prices if they aren't loaded yet
        :return: ``requests``, the reported counts such as ``input_tokens``, and ``cost`` and ``currency``; the last two
            are None if the cost is unknown
        """
        with self._lock:
            cost = self._cost() if priced or self._models is not None else None
            price = {"cost": float(cost[0]), "currency": cost[1]} if cost else {"cost": None, "currency": None}
            return {**self.usage.as_dict(), **price}

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
        usage = self.usage
        if usage.missing_total:
            raise BudgetExceededError(
                "max_total_tokens cannot be kept: the service does not tell how many tokens its answers used. Leave "
                "max_total_tokens out, or ask a model whose answers have a usage."
            )
        total = usage.total_tokens or 0
        if total >= limit:
            raise self._exhausted("max_total_tokens", f"{total:,} of {limit:,} tokens")

    def _exhausted(self, name: str, spent: str) -> BudgetExceededError:
        return BudgetExceededError(
            f"The task has used {spent} ({name}) in {self.usage.requests} requests, and sends no more: raise {name}, "
            "or ask for less."
        )

    def _cost(self) -> tuple[Decimal, str] | None:
        """
        Add up the cost. None if a part of it is unknown: users would take the rest for the total.
        """
        total, currencies = Decimal(0), set()
        for model, usage in self._usage_by_model.items():
            rates = self._rates(model)
            if rates is None or usage.missing_tokens:
                return None
            total += prices.compute_cost(usage, rates)
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


def format_usage(usage: Mapping[str, Any]) -> str:
    """
    Format the usage of a task as one line of a log.

    :param usage: return value of :meth:`UsageTracker.as_xcom`
    :return: such as ``requests=2 input_tokens=60 output_tokens=14 cost=0.000012 USD``
    """
    cost = "unknown" if usage["cost"] is None else f"{usage['cost']:.6f} {usage['currency']}"
    tokens = f"input_tokens={usage.get('input_tokens')} output_tokens={usage.get('output_tokens')}"
    return f"requests={usage['requests']} {tokens} cost={cost}"
