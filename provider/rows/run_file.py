"""
The file in a folder that says whose it is: the run that writes it, whether that is over, and its usage.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import ConfigurationError
from .storage import StoragePath

#: Name of the file. Readers of data ignore it: it begins with ``_``.
RUN_FILE = "_run.json"

#: Seconds after which a run without a sign of life counts as over.
LEASE_S = 3_600.0

#: Seconds between two signs of life.
RENEW_INTERVAL_S = 5.0

#: What to do if the folder belongs to another run.
IF_EXISTS = ("fail", "update")


@dataclass(frozen=True)
class Owner:
    """
    The run of a task that writes a folder.

    :param identity: ids of DAG, run, task and mapped index
    :param lease_s: seconds that the run may take without writing
    :param is_last_try: whether no retry follows if the run fails now
    """

    identity: Mapping[str, Any] = field(default_factory=dict)
    lease_s: float = LEASE_S
    is_last_try: bool = True

    def __str__(self) -> str:
        return ", ".join(f"{name} {value}" for name, value in self.identity.items())


class RunFile:
    """
    The file with the owner of a folder.

    Not safe to use from several threads: the folder that owns it takes a lock.

    :param folder: the folder
    :param owner: the run that writes it; None for a program outside Airflow, which writes no such file
    :param if_exists: ``update`` takes over the folder of another run that is over; ``fail`` doesn't
    :raises ConfigurationError: if ``if_exists`` is invalid
    """

    def __init__(self, folder: StoragePath, owner: Owner | None, if_exists: Any = "fail") -> None:
        if if_exists not in IF_EXISTS:
            raise ConfigurationError(f"if_exists must be 'fail' or 'update', not {repr(if_exists)[:20]}.")
        self._folder = folder
        self._owner = owner
        self._updates = if_exists == "update"
        self._renewed = 0.0
        self._previous_usage: Mapping[str, Any] = {}

    def claim(self, *, is_finished: bool) -> None:
        """
        Make the folder this run's.

        :param is_finished: whether the folder has a manifest
        :raises ConfigurationError: if it belongs to another run
        """
        if self._owner is None:
            return
        state = self._read()
        if state is not None and not self._is_own(state):
            self._check_takeover(state, is_finished=is_finished)
            state = None
        usage = (state or {}).get("usage")
        self._previous_usage = usage if isinstance(usage, dict) else {}
        self._write({})

    def add_previous(self, usage: Mapping[str, Any]) -> dict[str, Any]:
        """
        Add the usage of the run's earlier tries.

        :param usage: usage of this try, counts by name
        :return: usage of all tries
        """
        names = dict.fromkeys([*self._previous_usage, *usage])
        return {name: _read_count(self._previous_usage, name) + _read_count(usage, name) for name in names}

    def renew(self, usage: Mapping[str, Any], *, now: bool = False) -> None:
        """
        Give a sign of life, at most once in :data:`RENEW_INTERVAL_S`.

        :param usage: usage of this try so far, counts by name
        :param now: whether to write in any case
        :raises ConfigurationError: if another run has taken over the folder
        """
        if self._owner is None or (not now and time.monotonic() - self._renewed < RENEW_INTERVAL_S):
            return
        state = self._read()
        if state is not None and not self._is_own(state):
            raise ConfigurationError(
                f"Another run ({_describe(state)}) writes the output folder {self._folder.display}. What this run has "
                "written stays until that one ends. Give each run a folder of its own."
            )
        self._write(usage)

    def end(self, usage: Mapping[str, Any]) -> None:
        """
        Mark the run as over, unless a retry follows.

        :param usage: usage of this try, counts by name
        """
        if self._owner is None:
            return
        state = self._read()
        if state is None or self._is_own(state):
            self._write(usage, is_over=self._owner.is_last_try)

    def _is_own(self, state: Mapping[str, Any]) -> bool:
        return self._owner is not None and state.get("owner") == dict(self._owner.identity)

    def _check_takeover(self, state: Mapping[str, Any], *, is_finished: bool) -> None:
        expires = state.get("expires")
        is_over = is_finished or state.get("is_over") or not isinstance(expires, (int, float)) or expires < time.time()
        if is_over and self._updates:
            return
        if is_over:
            remedy = "To update its results, set if_exists='update'. Otherwise choose another folder"
        else:
            remedy = "That run isn't over. Choose another folder"
        raise ConfigurationError(
            f"The output folder {self._folder.display} belongs to another run ({_describe(state)}). {remedy}: a path "
            "with {{ run_id }}, and with {{ ti.map_index }} for mapped tasks, differs for each."
        )

    def _read(self) -> dict[str, Any] | None:
        try:
            with self._folder.child(RUN_FILE).open() as stream:
                state = json.loads(stream.read())
        except (FileNotFoundError, ValueError):
            return None
        return state if isinstance(state, dict) else None

    def _write(self, usage: Mapping[str, Any], *, is_over: bool = False) -> None:
        owner = self._owner or Owner()
        state = {
            "owner": dict(owner.identity),
            "expires": time.time() + owner.lease_s,
            "is_over": is_over,
            "usage": self.add_previous(usage),
        }
        self._folder.child(RUN_FILE).write(f"{json.dumps(state, ensure_ascii=False, indent=1)}\n".encode())
        self._renewed = time.monotonic()


def _read_count(usage: Mapping[str, Any], name: str) -> float:
    value = usage.get(name)
    return value if isinstance(value, (int, float)) else 0


def _describe(state: Mapping[str, Any]) -> str:
    identity = state.get("owner")
    names = identity if isinstance(identity, Mapping) else {}
    return str(Owner({str(name): str(value)[:100] for name, value in names.items()}))
