"""
Who looks at the page, and how it says no. Knows neither FastAPI nor Flask.
"""

from __future__ import annotations

from typing import Literal, Protocol

#: What Airflow's auth managers call reading, testing (creating) and editing a connection.
Method = Literal["GET", "POST", "PUT"]


class ConsoleUser(Protocol):
    """
    A logged-in user, as the auth manager of the running Airflow sees them.
    """

    @property
    def name(self) -> str:
        """
        Who is named as the tester of a connection.
        """

    def may(self, method: Method, conn_id: str | None = None) -> bool:
        """
        Tell what this user may do with a connection.

        :param method: ``GET`` reads it, ``POST`` tests it, ``PUT`` edits it
        :param conn_id: which one; None asks about connections as such
        :return: what the auth manager says
        """


class HTTPError(Exception):
    """
    A request that is not done, and the sentence that says why.

    :param status: HTTP status
    :param sentence: what is wrong, and what to do
    """

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(status, sentence)
        self.status = status
        self.sentence = sentence
