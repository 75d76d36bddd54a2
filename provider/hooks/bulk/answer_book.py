"""
The results of a run by the key of what was asked, in a temporary file.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from array import array
from typing import Any, NamedTuple

from ...rows.serialization import Row, json_line, little_endian, vector


class StoredAnswer(NamedTuple):
    """
    A result in the book.

    :param result: values by column
    :param is_old: whether an earlier run asked
    """

    result: Row
    is_old: bool


class AnswerBook:
    """
    Results by key. They are kept in a temporary SQLite file, so that millions of them take no memory.

    Safe to use from several threads.
    """

    def __init__(self) -> None:
        # Without a name, SQLite keeps the database in memory until it outgrows the cache, then in an unlinked file.
        self._database = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        self._database.executescript(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
            "CREATE TABLE answers (key BLOB PRIMARY KEY, old INTEGER, columns TEXT, vector TEXT, numbers BLOB);"
            "BEGIN;"
        )
        self._lock = threading.Lock()

    def close(self) -> None:
        """
        Remove the results.
        """
        with self._lock:
            self._database.close()

    def add(self, key: bytes, result: Row, *, is_old: bool = False) -> None:
        """
        Add the result of a question.

        :param key: key of the question
        :param result: values by column, one of them may be a vector, an ``array("f")``
        :param is_old: whether an earlier run asked
        """
        vectors = {name: value for name, value in result.items() if isinstance(value, array)}
        columns = json_line({name: value for name, value in result.items() if name not in vectors})
        name, numbers = next(((name, bytes(little_endian(value))) for name, value in vectors.items()), (None, None))
        with self._lock:
            row = (key, is_old, columns, name, numbers)
            self._database.execute("INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?)", row)

    def find(self, key: bytes) -> StoredAnswer | None:
        """
        Find the result of a question.

        :param key: key of the question
        :return: the result, or None if there isn't one
        """
        query = "SELECT old, columns, vector, numbers FROM answers WHERE key = ?"
        with self._lock:
            values: tuple[Any, ...] | None = self._database.execute(query, (key,)).fetchone()
        if values is None:
            return None
        is_old, columns, name, numbers = values
        result: Row = json.loads(columns)
        return StoredAnswer({**result, name: vector(numbers)} if name else result, bool(is_old))
