"""
Results of connection tests, kept in Airflow's audit log: all API servers share it, a restart keeps it, it says who
tested, and ``airflow db clean`` prunes it with the rest.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from types import UnionType
from typing import Any

#: The event in the audit log.
EVENT = "ovh_ai_endpoints_test"

#: Verdicts that there are.
STATES = frozenset({"ok", "failed", "inconclusive"})

#: Entries looked through for the last result of each connection: some 300 kB.
LOOKED_AT = 1_000


@dataclass(frozen=True)
class Result:
    """
    What one test found, without anything that a server said beyond the headline.

    :param connection: id
    :param state: ``ok``, ``failed`` or ``inconclusive``
    :param headline: the outcome in a few words
    :param step: the step that decided
    :param milliseconds: how long it took in all
    :param fingerprint: of the connection as it was tested
    :param last_success: when it was last ok, in ISO 8601, UTC
    :param at: when it was tested, likewise
    :param by: who tested
    """

    connection: str
    state: str
    headline: str
    step: str
    milliseconds: int
    fingerprint: str
    last_success: str | None
    at: str = ""
    by: str = ""


def keep(result: Result) -> None:
    """
    Write a result into the audit log.

    :param result: what was found
    """
    from airflow.models import Log
    from airflow.utils.session import create_session

    with create_session() as session:
        session.add(Log(event=EVENT, owner=result.by, extra=json.dumps(asdict(result))))


def latest() -> dict[str, Result]:
    """
    Read the last result of each connection.

    :return: by connection id
    """
    from airflow.models import Log
    from airflow.utils.session import create_session
    from sqlalchemy import select

    query = select(Log.extra).where(Log.event == EVENT).order_by(Log.id.desc()).limit(LOOKED_AT)
    with create_session() as session:
        extras = list(session.scalars(query))
    found: dict[str, Result] = {}
    for extra in extras:
        result = _read(extra)
        if result is not None:
            found.setdefault(result.connection, result)
    return found


def _read(extra: Any) -> Result | None:
    # Whoever writes into the audit log is trusted no further than its form.
    try:
        result = Result(**json.loads(extra))
    except (TypeError, ValueError, RecursionError):
        return None
    typed = all(isinstance(value, _TYPES.get(name, str)) for name, value in vars(result).items())
    return result if typed and result.state in STATES else None


_TYPES: dict[str, type | UnionType] = {"milliseconds": int, "last_success": str | None}
