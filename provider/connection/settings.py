"""
Settings of a connection.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..client.settings import ClientSettings


@dataclass(frozen=True)
class ConnectionSettings:
    """
    The validated settings of a connection.

    Safe to use from several threads: nothing changes it.

    :param client: settings of the client
    :param access: ``token`` or ``anonymous``
    :param chat_model: model of chat calls that name none
    :param embedding_model: model of embedding calls that name none
    :param project_id: OVHcloud project, for links
    :param masked: whether Airflow passed a mask instead of the token
    """

    client: ClientSettings
    access: str = "token"
    chat_model: str | None = None
    embedding_model: str | None = None
    project_id: str | None = None
    masked: bool = False
