"""
The overview: a row for each connection, from an allow-list of fields. Pure.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from ....defaults import is_ovhcloud
from ....errors import ConfigurationError
from ..web.user import ConsoleUser
from .connections import ConnectionRecord
from .history import Result


def row(stored: ConnectionRecord, visitor: ConsoleUser, last: Result | None) -> dict[str, Any]:
    """
    Convert a connection to a row of the page.

    :param stored: the connection
    :param visitor: the user of the page
    :param last: result of its last test
    :return: fields of the page's JSON, without any secret
    """
    return {
        "id": stored.conn_id,
        "source": stored.source,
        **_settings(stored),
        "may_test": visitor.may("POST", stored.conn_id),
        "may_edit": visitor.may("PUT", stored.conn_id),
        "last": _last(last, stored) if last else None,
    }


def _settings(stored: ConnectionRecord) -> dict[str, Any]:
    try:
        settings = stored.settings()
    except ConfigurationError as error:
        blank = {"base_url": "", "custom_host": False, "access": "", "chat_model": None, "embedding_model": None}
        return blank | {"problem": str(error)}
    return {
        "base_url": settings.client.base_url,
        "custom_host": not is_ovhcloud(urlsplit(settings.client.base_url).hostname or ""),
        "access": settings.access,
        "chat_model": settings.chat_model,
        "embedding_model": settings.embedding_model,
        "problem": "" if settings.access == "anonymous" or settings.client.token else "It has no API token.",
    }


def _last(last: Result, stored: ConnectionRecord) -> dict[str, Any]:
    return {
        "state": last.state,
        "headline": last.headline,
        "step": last.step,
        "at": last.at,
        "by": last.by,
        "milliseconds": last.milliseconds,
        "outdated": last.fingerprint != stored.fingerprint(),
        "last_success": last.last_success,
    }
