"""
The combined result of many conversations, for the hook's methods that return them together.
"""

from __future__ import annotations

from typing import Any

from ...client.parallel import Outcome
from ...client.usage import Usage, read_usage


class BulkResult:
    """
    The combined result of many requests.
    """

    def __init__(self) -> None:
        self._outcomes: list[Outcome[Any, dict[str, Any]]] = []
        self._usage = Usage()

    def add(self, outcome: Outcome[Any, dict[str, Any]]) -> None:
        """
        Add the outcome of the next request.

        :param outcome: its response or error
        """
        self._outcomes.append(Outcome(None, outcome.value, outcome.error))
        # An answer that was cut before its first word is an error, but it was billed.
        paid = outcome.error.response if outcome.error else outcome.value
        if paid:
            self._usage += read_usage(paid)

    def as_response(self) -> dict[str, Any]:
        """
        Return all outcomes in one dictionary.

        :return: ``responses`` in order, with None for a failed request; ``errors``, each with ``index``, ``error`` and
            ``status``; ``usage``, summed
        """
        failed = ((index, each.error) for index, each in enumerate(self._outcomes) if each.error is not None)
        return {
            "responses": [outcome.value for outcome in self._outcomes],
            "errors": [{"index": index, "error": str(error), "status": error.status} for index, error in failed],
            "usage": self._usage.as_dict(),
        }
