"""
A secrets backend as companies write them: it knows one connection, and hands out its URI.
"""

from __future__ import annotations

from typing import Any

try:
    from airflow.sdk.bases.secrets_backend import BaseSecretsBackend  # since 3.2
except ImportError:
    from airflow.secrets import BaseSecretsBackend


class Vault(BaseSecretsBackend):
    """
    Keeps one connection.

    :param conn_id: its id
    :param uri: its URI
    """

    def __init__(self, conn_id: str, uri: str, **_: Any) -> None:
        super().__init__()
        self._conn_id = conn_id
        self._uri = uri

    def get_conn_value(self, conn_id: str, *_: Any, **__: Any) -> str | None:
        return self._uri if conn_id == self._conn_id else None
