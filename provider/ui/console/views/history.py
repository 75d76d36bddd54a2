"""
Results of connection tests, stored in Airflow's audit log. All API servers share it, it survives restarts, it names the
user who tested, and ``airflow db clean`` prunes it.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from types import UnionType
from typing import Any

#: The event in the audit log.
EVENT = "ovh_ai_endpoints_test"

#: Possible states of a result.
STATES = frozenset({"ok", "failed", "inconclusive"})

#: Entries that are read to find the last result of each connection: some 300 kB.
MAX_ENTRIES = 1_000


@dataclass(frozen=True)
class Result:
    """
    The result of one test, without its details, which may quote the service.

    :param connection: connection id
    :param state: ``ok``, ``failed`` or ``inconclusive``
    :param headline: the result in a few words
    :param step: the first step that isn't ok; blank if all are
    :param milliseconds: duration of all steps
    :param fingerprint: of the connection at the time of the test
    :param last_success: time of the last test that was ok, in ISO 8601, UTC
    :param at: time of the test, likewise
    :param by: name of the user who tested
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

    :param result: of a test
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

    query = select(Log.extra).where(Log.event == EVENT).order_by(Log.id.desc()).limit(MAX_ENTRIES)
    with create_session() as session:
        extras = list(session.scalars(query))
    results: dict[str, Result] = {}
    for extra in extras:
        result = _read(extra)
        if result is not None:
            results.setdefault(result.connection, result)
    return results


def _read(extra: Any) -> Result | None:
    # Other programs can write to the audit log, so an entry must have the exact form of a result.
    try:
        result = Result(**json.loads(extra))
    except (TypeError, ValueError, RecursionError):
        return None
    typed = all(isinstance(value, _TYPES.get(name, str)) for name, value in vars(result).items())
    return result if typed and result.state in STATES else None


_TYPES: dict[str, type | UnionType] = {"milliseconds": int, "last_success": str | None}
