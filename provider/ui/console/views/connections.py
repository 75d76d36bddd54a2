"""
The page's connections: listed from the metadata database, or read by id from any place where Airflow stores them.
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

#: Connection types of AI Endpoints: this provider's, and that of the one it replaces.
TYPES = (defaults.CONN_TYPE, "ai_endpoints")

DATABASE = "metadata database"
ENVIRONMENT = "environment variable"
BACKEND = "secrets backend"

_NOT_DECRYPTED = (
    "The connection cannot be decrypted ({}): [core] fernet_key of this server is not the one that it was stored with. "
    "Enter the token again, or restore the key."
)

#: All fields of a connection: a change of any makes earlier test results outdated.
_PARTS = ("conn_type", "host", "port", "login", "password", "schema", "extra")


@dataclass(frozen=True)
class ConnectionRecord:
    """
    A connection and the place where Airflow stores it.

    :param conn_id: connection id
    :param source: one of the three places above
    :param connection: Airflow's own object, which holds the token
    """

    conn_id: str
    source: str
    connection: Any = field(repr=False)

    def settings(self) -> ConnectionSettings:
        """
        Read the settings as the hook does, except that the token may be missing.

        :return: the settings
        :raises ConfigurationError: if they are invalid
        """
        try:
            return read_settings(self.connection, token_required=False)
        except ConfigurationError:
            raise
        except Exception as error:  # noqa: BLE001  (what Airflow raises where its key does not fit differs by release)
            message = _NOT_DECRYPTED.format(type(error).__name__)
        raise ConfigurationError(message)

    def fingerprint(self) -> str:
        """
        Compute a digest of all fields, to detect changes since an earlier test.

        :return: 16 hexadecimal digits, keyed with a secret of this Airflow so that it can't confirm a guessed token;
            blank if the connection can't be decrypted
        """
        try:
            parts = [str(getattr(self.connection, part)) for part in _PARTS]
        except Exception:  # noqa: BLE001  (it cannot be decrypted)
            return ""
        return hmac.new(_secret(), "\0".join(parts).encode(), hashlib.sha256).hexdigest()[:16]


def list_connections(visitor: ConsoleUser) -> list[ConnectionRecord]:
    """
    List the AI Endpoints connections of the metadata database that a user may read.

    :param visitor: the user of the page
    :return: the connections, sorted by id
    """
    from airflow.models import Connection

    rows = _rows(Connection.conn_type.in_(TYPES))
    return [_in_force(row, visitor) for row in rows if visitor.may("GET", row.conn_id)]


def find_team(conn_id: str) -> str | None:
    """
    Find the team that a connection belongs to.

    :param conn_id: connection id
    :return: the team's name; None unless this Airflow has teams (``[core] multi_team``, from 3.2 on)
    """
    from airflow.configuration import conf
    from airflow.models import Connection

    if not conf.getboolean("core", "multi_team", fallback=False):
        return None
    team: str | None = Connection.get_team_name(conn_id)
    return team


def build_team_kwargs(team: str | None) -> dict[str, str]:
    """
    Build the keyword arguments that pass a team to Airflow's functions.

    :param team: the team's name, or None
    :return: ``team_name``, or nothing: releases before 3.2 don't accept it
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
        return [_load_row(each, session) for each in session.execute(plain.order_by(Connection.conn_id)).all()]


def _load_row(plain: Any, session: Any) -> Any:
    from airflow.models import Connection

    try:
        row = session.get(Connection, plain.id)
        session.expunge(row)
    except Exception as error:  # noqa: BLE001  (what Airflow raises where its key does not fit differs by release)
        return _Unreadable(_NOT_DECRYPTED.format(type(error).__name__), **plain._mapping)
    return row


def get_connection(conn_id: Any, visitor: ConsoleUser) -> ConnectionRecord:
    """
    Read one connection by its id, from any place where Airflow stores connections.

    :param conn_id: connection id
    :param visitor: the user of the page; their permission is checked before the lookup
    :return: the connection
    :raises HTTPError: if the user may not read it, it doesn't exist, or it isn't for AI Endpoints
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

    # Airflow returns the connection of a team only to callers that name the team.
    team = find_team(conn_id)
    try:
        return Connection.get_connection_from_secrets(conn_id, **build_team_kwargs(team))
    except AirflowNotFoundException:
        # Airflow also raises this for a row that it can't decrypt.
        for row in _rows(Connection.conn_id == conn_id):
            if isinstance(row, _Unreadable):
                return row
        raise HTTPError(404, excerpt(explain_missing_connection(conn_id), 600)) from None
    except Exception as error:  # noqa: BLE001  (a secrets backend may raise anything, with anything in its text)
        log.warning("The connection %r could not be read: %s", conn_id, type(error).__name__)
    raise HTTPError(422, excerpt(explain_missing_connection(conn_id), 600))


def _check_type(conn_id: str, connection: Any, visitor: ConsoleUser) -> None:
    """
    Refuse connections of other types, before their password is read.
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
    # As for a task: an environment variable takes precedence over the row of the same id.
    team = find_team(row.conn_id)
    if _in_environment(row.conn_id, team):
        from airflow.secrets.environment_variables import EnvironmentVariablesBackend

        try:
            connection = EnvironmentVariablesBackend().get_connection(row.conn_id, **build_team_kwargs(team))
            _check_type(row.conn_id, connection, visitor)
        except HTTPError as error:
            connection = _Unreadable(error.message)
        except Exception:  # noqa: BLE001  (neither JSON nor a URI)
            connection = _Unreadable(explain_missing_connection(row.conn_id))
        return ConnectionRecord(row.conn_id, ENVIRONMENT, connection)
    return ConnectionRecord(row.conn_id, DATABASE, row)


class _Unreadable:
    """
    Replaces a connection that can't be decrypted, or whose environment variable isn't valid for AI Endpoints.

    :param message: the cause and the remedy, raised on access to any other attribute
    :param fields: readable fields of the connection
    """

    def __init__(self, message: str, **fields: Any) -> None:
        self._message = message
        vars(self).update(fields)

    def __getattr__(self, name: str) -> Any:
        raise ConfigurationError(self._message)


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
        if key := conf.get(section, "secret_key", fallback=""):
            return f"ovhcloud-ai:{key}".encode()
    return secrets.token_bytes(32)
