"""
The user of the page, and the error that refuses a request. Independent of FastAPI and Flask.
"""

from __future__ import annotations

from typing import Literal, Protocol

#: Airflow's auth managers use these for reading, testing (creating) and editing a connection.
Method = Literal["GET", "POST", "PUT"]


class ConsoleUser(Protocol):
    """
    A logged-in user, as the auth manager of the running Airflow sees them.
    """

    @property
    def name(self) -> str:
        """
        The user's name, shown as the tester of a connection.
        """

    def may(self, method: Method, conn_id: str | None = None) -> bool:
        """
        Check a permission of this user.

        :param method: ``GET`` to read a connection, ``POST`` to test it, ``PUT`` to edit it
        :param conn_id: connection id; None checks the permission on connections in general
        :return: whether the auth manager allows it
        """


class HTTPError(Exception):
    """
    Refuses a request.

    :param status: HTTP status
    :param message: the cause and the remedy
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(status, message)
        self.status = status
        self.message = message
