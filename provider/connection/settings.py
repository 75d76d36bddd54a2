"""
Settings of a connection.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..client.settings import ClientSettings


@dataclass(frozen=True)
class ConnectionSettings:
    """
    What a connection says, read and checked.

    Safe to use from several threads: nothing changes it.

    :param client: what the client needs
    :param access: ``token`` or ``anonymous``
    :param chat_model: used where a call names none
    :param embedding_model: used where a call names none
    :param project_id: OVHcloud project, for links
    :param masked: whether Airflow passed a mask in place of the token
    """

    client: ClientSettings
    access: str = "token"
    chat_model: str | None = None
    embedding_model: str | None = None
    project_id: str | None = None
    masked: bool = False
