"""
The connections that the page speaks of: listed from the metadata database, or opened by id from wherever they are.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import secrets
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from .... import defaults
from ....compat import AirflowNotFoundException
from ....connection.reader import explain_missing_connection, read_settings
from ....connection.settings import ConnectionSettings
from ....errors import ConfigurationError
from ....redaction import excerpt
from ..web.user import ConsoleUser, HTTPError

log = logging.getLogger(__name__)

#: Connection types that speak AI Endpoints: this provider's, and that of the one it replaces.
TYPES = (defaults.CONN_TYPE, "ai_endpoints")

DATABASE = "metadata database"
ENVIRONMENT = "environment variable"
BACKEND = "secrets backend"

_NOT_DECRYPTED = (
    "The connection cannot be decrypted ({}): [core] fernet_key of this server is not the one that it was stored with. "
    "Enter the token again, or restore the key."
)

#: What a connection consists of; all of it decides whether an earlier test still speaks of the same one.
_PARTS = ("conn_type", "host", "port", "login", "password", "schema", "extra")


@dataclass(frozen=True)
class ConnectionRecord:
    """
    A connection, and where Airflow found it.

    :param conn_id: its id
    :param source: one of the three places above
    :param connection: Airflow's own object, which holds the token
    """

    conn_id: str
    source: str
    connection: Any = field(repr=False)

    def settings(self) -> ConnectionSettings:
        """
        Read it as the hook does.

        :return: the settings, without a token where there is none
        :raises ConfigurationError: if they cannot work
        """
        try:
            return read_settings(self.connection, token_required=False)
        except ConfigurationError:
            raise
        except Exception as error:  # noqa: BLE001  (what Airflow raises where its key does not fit differs by release)
            sentence = _NOT_DECRYPTED.format(type(error).__name__)
        raise ConfigurationError(sentence)

    def fingerprint(self) -> str:
        """
        Mark the state of the connection, so that a test of an earlier one can be told.

        :return: 16 hexadecimal digits, keyed with a secret of this Airflow: no guess at the token can be checked
        """
        try:
            parts = [str(getattr(self.connection, part)) for part in _PARTS]
        except Exception:  # noqa: BLE001  (it cannot be decrypted)
            return ""
        return hmac.new(_secret(), "\0".join(parts).encode(), hashlib.sha256).hexdigest()[:16]


def list_connections(visitor: ConsoleUser) -> list[ConnectionRecord]:
    """
    List the connections of the metadata database that speak AI Endpoints.

    :param visitor: who may see only what they may read
    :return: in the order of their ids
    """
    from airflow.models import Connection

    rows = _rows(Connection.conn_type.in_(TYPES))
    return [_in_force(row, visitor) for row in rows if visitor.may("GET", row.conn_id)]


def find_team(conn_id: str) -> str | None:
    """
    Find the team that a connection belongs to.

    :param conn_id: its id
    :return: the team's name; None where this Airflow has no teams (``[core] multi_team``, from 3.2 on)
    """
    from airflow.configuration import conf
    from airflow.models import Connection

    if not conf.getboolean("core", "multi_team", fallback=False):
        return None
    team: str | None = Connection.get_team_name(conn_id)
    return team


def build_team_kwargs(team: str | None) -> dict[str, str]:
    """
    Name a team to those of Airflow's functions that ask for one.

    :param team: its name, or None
    :return: a keyword argument, or none at all: releases before 3.2 know of no teams
    """
    return {"team_name": team} if team else {}


def _rows(condition: Any) -> list[Any]:
    """
    Read connections from the metadata database, one by one: Airflow decrypts each as it loads it.
    """
    from airflow.models import Connection
    from airflow.utils.session import create_session
    from sqlalchemy import select

    plain = select(Connection.id, Connection.conn_id, Connection.conn_type, Connection.host).where(condition)
    with create_session() as session:
        return [_decrypted(each, session) for each in session.execute(plain.order_by(Connection.conn_id)).all()]


def _decrypted(plain: Any, session: Any) -> Any:
    from airflow.models import Connection

    try:
        row = session.get(Connection, plain.id)
        session.expunge(row)
    except Exception as error:  # noqa: BLE001  (what Airflow raises where its key does not fit differs by release)
        return _Unreadable(_NOT_DECRYPTED.format(type(error).__name__), **plain._mapping)
    return row


def get_connection(conn_id: Any, visitor: ConsoleUser) -> ConnectionRecord:
    """
    Open one connection by its id, wherever Airflow finds it.

    :param conn_id: its id
    :param visitor: who must be allowed to read it, before anything is looked up
    :return: the connection
    :raises Refused: if it is not theirs, not there, or does not speak AI Endpoints
    """
    if not isinstance(conn_id, str) or not conn_id.strip() or len(conn_id) > 250:
        raise HTTPError(422, "Name a connection by its id.")
    if not visitor.may("GET", conn_id):
        raise HTTPError(403, f"You may not read the connection {conn_id!r}: ask an admin for the permission.")
    connection = _find_connection(conn_id)
    _check_type(conn_id, connection, visitor)
    return ConnectionRecord(conn_id, _source(conn_id, connection), connection)


def _find_connection(conn_id: str) -> Any:
    from airflow.models import Connection

    # Only who asks in the name of its team is given a connection that belongs to one.
    team = find_team(conn_id)
    try:
        return Connection.get_connection_from_secrets(conn_id, **build_team_kwargs(team))
    except AirflowNotFoundException:
        # Airflow says so too of a row that it cannot decrypt.
        for row in _rows(Connection.conn_id == conn_id):
            if isinstance(row, _Unreadable):
                return row
        raise HTTPError(404, excerpt(explain_missing_connection(conn_id), 600)) from None
    except Exception as error:  # noqa: BLE001  (a secrets backend may raise anything, with anything in its text)
        log.warning("The connection %r could not be read: %s", conn_id, type(error).__name__)
    raise HTTPError(422, excerpt(explain_missing_connection(conn_id), 600))


def _check_type(conn_id: str, connection: Any, visitor: ConsoleUser) -> None:
    """
    Refuse what is none of ours, before its password is read.
    """
    kind = connection.conn_type
    if not kind or kind in TYPES:
        return
    if kind != "generic":
        raise HTTPError(
            422,
            f"{conn_id!r} is a connection of type {excerpt(str(kind), 60)!r}, not '{defaults.SERVICE_NAME}': it was "
            "not opened.",
        )
    if not (connection.host or "").strip():
        raise HTTPError(422, f"{conn_id!r} is a generic connection without a host: it may be for any service.")
    if not visitor.may("PUT", conn_id):
        raise HTTPError(403, f"{conn_id!r} is a generic connection: only who may edit it can open it here.")


def _in_force(row: Any, visitor: ConsoleUser) -> ConnectionRecord:
    # What Airflow gives to a task: an environment variable wins over the row of the same id.
    team = find_team(row.conn_id)
    if _in_environment(row.conn_id, team):
        from airflow.secrets.environment_variables import EnvironmentVariablesBackend

        try:
            found = EnvironmentVariablesBackend().get_connection(row.conn_id, **build_team_kwargs(team))
            _check_type(row.conn_id, found, visitor)
        except HTTPError as refused:
            found = _Unreadable(refused.sentence)
        except Exception:  # noqa: BLE001  (neither JSON nor a URI)
            found = _Unreadable(explain_missing_connection(row.conn_id))
        return ConnectionRecord(row.conn_id, ENVIRONMENT, found)
    return ConnectionRecord(row.conn_id, DATABASE, row)


class _Unreadable:
    """
    What stands in for a connection that cannot be decrypted, or whose environment variable holds none for AI Endpoints.

    :param sentence: says so
    :param known: what is known of it all the same
    """

    def __init__(self, sentence: str, **known: Any) -> None:
        self._sentence = sentence
        vars(self).update(known)

    def __getattr__(self, name: str) -> Any:
        raise ConfigurationError(self._sentence)


def _source(conn_id: str, connection: Any) -> str:
    if getattr(connection, "id", None) is not None:
        return DATABASE
    return ENVIRONMENT if _in_environment(conn_id, find_team(conn_id)) else BACKEND


def _in_environment(conn_id: str, team: str | None) -> bool:
    names = [f"AIRFLOW_CONN_{conn_id.upper()}", f"AIRFLOW_CONN__{(team or '').upper()}___{conn_id.upper()}"]
    return any(name in os.environ for name in names[: 2 if team else 1])


@cache
def _secret() -> bytes:
    from airflow.configuration import conf

    for section in ("api", "webserver"):
        if found := conf.get(section, "secret_key", fallback=""):
            return f"ovhcloud-ai:{found}".encode()
    return secrets.token_bytes(32)
