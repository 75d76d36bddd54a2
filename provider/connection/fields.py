"""
The fields of a connection: one table for form, reader and docs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .. import defaults

ACCESS_MODES = ("token", "anonymous")


@dataclass(frozen=True)
class Field:
    """
    One field stored in the connection's extra.

    :param name: its key there
    :param label: its name in the form
    :param help: one sentence, which the form shows below the field
    :param kind: ``string``, ``integer`` or ``boolean``
    :param section: heading above the field, in releases that have headings
    :param default: value in a new connection
    :param choices: values of a dropdown; empty for any other field
    :param minimum: smallest number
    :param maximum: largest number
    """

    name: str
    label: str
    help: str
    kind: str = "string"
    section: str = "Access and models"
    default: Any = None
    choices: tuple[str, ...] = ()
    minimum: int | None = None
    maximum: int | None = None


FIELDS = (
    Field(
        "access",
        "Access",
        f"token: the API token is sent. anonymous: no token is sent; the service then allows "
        f"{defaults.RATE_LIMIT_ANONYMOUS_RPM} requests a minute.",
        default="token",
        choices=ACCESS_MODES,
    ),
    Field(
        "chat_model",
        "Chat model",
        "Used where a task names none. Example: gpt-oss-120b",
    ),
    Field(
        "embedding_model",
        "Embedding model",
        "Used where a task names none. Example: bge-m3",
    ),
    Field(
        "project_id",
        "Project id",
        "Public Cloud project, for the Usage link of tasks. Example: 0123456789abcdef0123456789abcdef",
    ),
    Field(
        "timeout",
        "Timeout",
        f"Seconds for one attempt, from name lookup to the last byte. Blank: {defaults.TIMEOUT_S:g}",
        kind="integer",
        section="Limits",
        minimum=1,
        maximum=3600,
    ),
    Field(
        "max_retries",
        "Retries",
        f"Attempts after the first one within a call; 0 is none. Blank: {defaults.MAX_RETRIES}",
        kind="integer",
        section="Limits",
        minimum=0,
        maximum=20,
    ),
    Field(
        "requests_per_minute",
        "Requests per minute",
        f"Cap shared by all that runs in one task. Blank: none; the service allows {defaults.RATE_LIMIT_TOKEN_RPM} for "
        "each model of a project.",
        kind="integer",
        section="Limits",
        minimum=1,
        maximum=100_000,
    ),
    Field(
        "ca_bundle",
        "CA bundle",
        "File of certificates to trust, on every machine that uses the connection. Example: /etc/ssl/certs/company.pem",
        section="Network",
    ),
    Field(
        "allow_http",
        "Allow plain HTTP",
        "Send the token unencrypted to a base URL with http://. Only for a network you trust.",
        kind="boolean",
        section="Network",
        default=False,
    ),
)
