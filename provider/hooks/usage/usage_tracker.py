"""
What one task has used, and what it may use.
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

#: Numbers that services tell within others -> what they are called here.
_DETAILS = {
    "reasoning_tokens": ("completion_tokens_details", "reasoning_tokens"),
    "cached_tokens": ("prompt_tokens_details", "cached_tokens"),
}


@dataclass
class _Tally:
    """
    What the requests that one model answered have used.
    """

    requests: int = 0
    tokens: Counter[str] = field(default_factory=Counter)
    #: Requests whose response does not tell what is needed for its cost, and for its tokens in all.
    missing_usage: int = 0
    missing_total: int = 0


class UsageTracker:
    """
    Adds up what the requests of a task use; safe to use from several threads.

    :param list_models: asks the service for its models, once and only where a price is needed
    :param max_cost: what they may cost, in the currency of that list; None for no limit
    :param max_total_tokens: the tokens that they may use; None for no limit
    :raises ConfigurationError: if a limit is none
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
        Look before a request whether there is anything left for it. The first one is never too much.

        :param model: whom it asks
        :raises BudgetExceededError: if a limit was reached
        :raises ConfigurationError: if there is a limit of cost, and the service tells no price for the model
        """
        with self._lock:
            if self._max_cost is not None:
                self._check_cost(model, self._max_cost)
            if self._max_tokens is not None:
                self._check_tokens(self._max_tokens)

    def add(self, response: Mapping[str, Any], model: str) -> None:
        """
        Note what came back.

        :param response: in OpenAI's format, paid for whatever is in it
        :param model: who was asked
        """
        answered = response.get("model")
        tokens, told = sum_usage([response]), prices.has_token_counts(response.get("usage"))
        if told:
            tokens.setdefault("total_tokens", tokens["prompt_tokens"] + tokens.get("completion_tokens", 0))
        with self._lock:
            tally = self._tallies[answered if isinstance(answered, str) else model]
            tally.requests += 1
            tally.tokens.update(tokens)
            tally.tokens.update(_details(response))
            tally.missing_usage += not told
            tally.missing_total += "total_tokens" not in tokens

    @property
    def requests(self) -> int:
        """
        How many requests were answered.
        """
        return sum(tally.requests for tally in self._tallies.values())

    @property
    def usage(self) -> dict[str, int]:
        """
        Tokens of all requests by the names that the service gives them; reasoning and cached ones where it tells.
        """
        with self._lock:
            total: Counter[str] = Counter()
            for tally in self._tallies.values():
                total.update(tally.tokens)
            return dict(total)

    def as_xcom(self, *, priced: bool = True) -> dict[str, Any]:
        """
        Tell what was used.

        :param priced: whether the service may be asked for its prices
        :return: ``requests``, the tokens, ``cost`` and ``currency``, both None where the cost is not known
        """
        with self._lock:
            cost = self._cost() if priced or self._models is not None else None
            told = {"cost": float(cost[0]), "currency": cost[1]} if cost else {"cost": None, "currency": None}
            return {"requests": self.requests, **self.usage, **told}

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
        used = self.usage.get("total_tokens", 0)
        if used >= limit:
            raise self._exhausted("max_total_tokens", f"{used:,} of {limit:,} tokens")

    def _exhausted(self, name: str, spent: str) -> BudgetExceededError:
        return BudgetExceededError(
            f"The task has used {spent} ({name}) in {self.requests} requests, and sends no more: raise {name}, or ask "
            "for less."
        )

    def _cost(self) -> tuple[Decimal, str] | None:
        """
        Add up the cost; None as soon as a part of it is not known, as the rest would be taken for the whole.
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
        found = find_model(model, self._models)
        return prices.read_pricing(found) if found else None


def _parse_money(value: Any) -> Decimal:
    amount = number(value, "max_cost", 0)
    if not amount:
        raise ConfigurationError("max_cost must be more than 0.")
    return Decimal(str(amount))


def _details(response: Mapping[str, Any]) -> dict[str, int]:
    usage = response.get("usage")
    found = {}
    for name, (group, inner) in _DETAILS.items():
        counts = usage.get(group) if isinstance(usage, Mapping) else None
        count = counts.get(inner) if isinstance(counts, Mapping) else None
        if is_count(count):
            found[name] = count
    return found


def format_usage(told: Mapping[str, Any]) -> str:
    """
    Say in one line of a log what was used.

    :param told: from :meth:`Spending.as_xcom`
    :return: such as ``requests=2 input_tokens=60 output_tokens=14 cost=0.000012 USD``
    """
    cost = "unknown" if told["cost"] is None else f"{told['cost']:.6f} {told['currency']}"
    tokens = f"input_tokens={told.get('prompt_tokens')} output_tokens={told.get('completion_tokens')}"
    return f"requests={told['requests']} {tokens} cost={cost}"
