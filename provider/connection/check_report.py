"""
The report of a connection test: plain data for the Test button's message and the console page.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "failed", "inconclusive", "not run"]

#: Name of the step that checks the access.
ACCESS = "Access"

#: Who has to act, or what they have to change.
SETTING = "your setting"
TOKEN = "your token"  # noqa: S105  (a place, not a secret)
QUOTA = "your quota"
ACCOUNT = "your account"
SERVICE = "the service"
NETWORK = "the network"


@dataclass(frozen=True)
class Step:
    """
    One check of a connection test.

    :param state: ``ok``, ``failed``, ``inconclusive`` (neither proved nor disproved) or ``not run``
    :param headline: the result in a few words that fit in the first 80 characters of a toast
    :param detail: cause and remedy, in sentences
    :param owner: who has to act: one of the constants above
    :param name: title of the step
    :param milliseconds: duration
    :param wait: seconds to wait before the next test, as the service asks
    """

    state: State = "not run"
    headline: str = ""
    detail: str = ""
    owner: str = ""
    name: str = ""
    milliseconds: int = 0
    wait: float | None = None


@dataclass(frozen=True)
class Report:
    """
    A whole test.

    :param steps: in order; all steps after the first that isn't ok are ``not run``
    :param access: ``token`` or ``anonymous``
    :param models: ids of the listed models, or None if there was no list
    :param limit: requests a minute, or None if neither the service nor its documentation names a limit
    :param token_limit: tokens a minute, or None if the service names no limit
    """

    steps: tuple[Step, ...]
    access: str
    models: tuple[str, ...] | None = None
    limit: int | None = None
    token_limit: int | None = None

    @property
    def ok(self) -> bool:
        """
        Whether every step is ok.
        """
        return all(step.state == "ok" for step in self.steps)

    @property
    def first_failure(self) -> Step | None:
        """
        The step that isn't ok, or None if all are.
        """
        return next((step for step in self.steps if step.state != "ok"), None)

    @property
    def state(self) -> State:
        """
        The state of the step that isn't ok, or ``ok`` if all are.
        """
        return self.first_failure.state if self.first_failure else "ok"

    @property
    def headline(self) -> str:
        """
        The result in a few words: that of the step that isn't ok, or of the access step.
        """
        return (self.first_failure or self.access_step).headline

    @property
    def limits(self) -> str:
        """
        The limits in words, or an empty string without any.
        """
        requests = f"{self.limit} requests" if self.limit else ""
        tokens = f"{self.token_limit:,} tokens" if self.token_limit else ""
        limits = " and ".join(filter(None, (requests, tokens)))
        return f"{limits} a minute for each model" if limits else ""

    @property
    def access_step(self) -> Step:
        """
        The step that checks the access.
        """
        return next(step for step in self.steps if step.name == ACCESS)

    @property
    def wait(self) -> float | None:
        """
        Seconds to wait before the next test, as the service asks.
        """
        return self.first_failure.wait if self.first_failure else None

    @property
    def milliseconds(self) -> int:
        """
        Duration of all steps.
        """
        return sum(step.milliseconds for step in self.steps)
