"""
What a connection test found: plain data, for the sentence of the Test button and for any other page.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "failed", "inconclusive", "not run"]

#: The step that looks at the access.
ACCESS = "Access"

#: Where somebody has to act.
SETTING = "your setting"
TOKEN = "your token"  # noqa: S105  (a place, not a secret)
QUOTA = "your quota"
ACCOUNT = "your account"
SERVICE = "the service"
NETWORK = "the network"


@dataclass(frozen=True)
class Step:
    """
    One thing that was looked at.

    :param state: ``ok``, ``failed``, ``inconclusive`` (nothing contradicts it, nothing shows it) or ``not run``
    :param headline: the outcome in a few words, short enough to stand in the first 80 characters of a toast
    :param detail: cause and remedy, in sentences
    :param where: where somebody has to act: one of the constants above
    :param name: what was looked at
    :param milliseconds: how long it took
    :param wait: seconds that the service asks to wait before the next try
    """

    state: State = "not run"
    headline: str = ""
    detail: str = ""
    where: str = ""
    name: str = ""
    milliseconds: int = 0
    wait: float | None = None


@dataclass(frozen=True)
class Report:
    """
    A whole test.

    :param steps: in the order taken; those after the first that is not ok were not run
    :param access: ``token`` or ``anonymous``
    :param models: ids of the models that are listed, or None where no list was read
    :param limit: requests a minute, where the service or its documentation names them
    """

    steps: tuple[Step, ...]
    access: str
    models: tuple[str, ...] | None = None
    limit: int | None = None

    @property
    def ok(self) -> bool:
        """
        Whether nothing failed and the access, with or without a token, was accepted.
        """
        return all(step.state == "ok" for step in self.steps)

    @property
    def first_failure(self) -> Step | None:
        """
        The step that did not succeed, if there is one.
        """
        return next((step for step in self.steps if step.state != "ok"), None)

    @property
    def state(self) -> State:
        """
        That of the step that did not succeed, or ``ok``.
        """
        return self.first_failure.state if self.first_failure else "ok"

    @property
    def headline(self) -> str:
        """
        The outcome in a few words: what did not succeed, or that the access was accepted.
        """
        return (self.first_failure or self.access_step).headline

    @property
    def access_step(self) -> Step:
        """
        The step that looked at the access.
        """
        return next(step for step in self.steps if step.name == ACCESS)

    @property
    def wait(self) -> float | None:
        """
        Seconds that the service asks to wait before the next test.
        """
        return self.first_failure.wait if self.first_failure else None

    @property
    def milliseconds(self) -> int:
        """
        How long it took in all.
        """
        return sum(step.milliseconds for step in self.steps)
