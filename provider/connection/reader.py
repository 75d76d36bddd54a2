"""
Connection to settings: one tolerant reader for every way in which Airflow stores, ships and masks a connection.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .. import __version__, defaults
from ..client.settings import ClientSettings, clean_base_url, clean_token, read_network_settings
from ..compat import airflow_version, mask_secret
from ..errors import ConfigurationError
from ..validation import boolean, integer, number, quote
from .fields import ACCESS_MODES, FIELDS
from .settings import ConnectionSettings

#: What Airflow may pass in place of a secret: its REST API, and the form of 2.11.
MASKED_TOKENS = ("***", "RATHER_LONG_SENSITIVE_FIELD_PLACEHOLDER")

#: Airflow reads nothing of a URI whose type has underscores.
_UNDERSCORES = "The connection's URI cannot be read: in a URI the type is written with dashes, ovh-ai-endpoints://..."

_BY_NAME = {each.name: each for each in FIELDS}


@dataclass(frozen=True)
class _Secret:
    """
    A secret string, hidden from tracebacks even if they show the variables of each function.
    """

    text: str = field(repr=False)

    def __bool__(self) -> bool:
        return bool(self.text)


def read_settings(
    connection: Any, *, timeout: Any = None, max_retries: Any = None, token_required: bool = True
) -> ConnectionSettings:
    """
    Read an Airflow connection.

    :param connection: of type ``ovh_ai_endpoints``, ``ai_endpoints``, ``generic`` or none
    :param timeout: seconds for one attempt, in place of the connection's
    :param max_retries: attempts after the first, in place of the connection's
    :param token_required: whether a missing token is an error; a connection test reports it itself
    :return: the settings
    :raises ConfigurationError: if they cannot work
    """
    if not connection.conn_type and "//" in (connection.schema or ""):
        raise ConfigurationError(_UNDERSCORES)
    extra = read_extra(connection)
    access = _choice(extra, "access")
    secret = _Secret((connection.password or "").strip()) or extra.get("api_key", _Secret(""))
    masked = secret.text.strip() in MASKED_TOKENS
    token = _Secret("" if access == "anonymous" or masked else clean_token(secret.text) or "")
    if token and token.text != connection.password:
        # Airflow masks the password as it is stored; a pasted "Bearer xyz" is sent as xyz.
        mask_secret(token.text)
    if access == "token" and not token and token_required:
        raise ConfigurationError(_missing_token(getattr(connection, "conn_id", None), masked=masked))
    base_url = _base_url(connection, allow_http=_flag(extra, "allow_http"))
    client = ClientSettings(
        base_url=base_url,
        token=token.text or None,
        timeout=_seconds(timeout, extra),
        max_retries=_count(extra, "max_retries", defaults.MAX_RETRIES, max_retries),
        requests_per_minute=_count(extra, "requests_per_minute", None),
        user_agent=build_user_agent(),
        **read_network_settings(base_url, _text(extra, "ca_bundle")),
    )
    names = {name: _text(extra, name) for name in ("chat_model", "embedding_model", "project_id")}
    return ConnectionSettings(client=client, access=access, masked=masked, **names)


def explain_missing_connection(conn_id: str) -> str:
    """
    Explain why Airflow returned no connection: it reports a missing one and an unreadable one in the same way.

    :param conn_id: id of the connection
    :return: the cause and the remedy
    """
    variable = f"AIRFLOW_CONN_{conn_id.upper()}"
    if variable in os.environ:
        return (
            f"The connection {quote(conn_id)} cannot be read: {variable} must hold JSON, with a number as port and "
            "JSON as extra, or a URI in which the characters / : @ ? # of the token are percent-encoded."
        )
    return (
        f"The connection {quote(conn_id)} does not exist: create it under Admin > Connections as "
        f"'{defaults.SERVICE_NAME}', or name another one in ovh_conn_id."
    )


def read_extra(connection: Any) -> dict[str, Any]:
    """
    Read a connection's extra, without its blank and null values and without any ``extra__<type>__`` prefix.

    :param connection: an Airflow connection
    :return: the fields of the extra
    :raises ConfigurationError: if the extra isn't a JSON object
    """
    fields, fault = _load_extra(connection.extra)
    if fault:
        raise ConfigurationError(fault)
    return fields


def _load_extra(extra: str | Mapping[str, Any] | None) -> tuple[dict[str, Any], str]:
    # Nothing is raised here, where a traceback would show the text, and with it a token in api_key.
    try:
        value = json.loads(extra) if isinstance(extra, str) and extra.strip() else extra
    except (ValueError, RecursionError) as error:
        return {}, f"The connection's extra is not JSON ({error.args[0]}): correct it in the form."
    if not value or isinstance(value, str):
        return {}, "The connection's extra must be a JSON object, not a text." if str(value or "").strip() else ""
    if not isinstance(value, Mapping):
        return {}, f"The connection's extra must be a JSON object, not {quote(value)}."
    return _without_prefix(value), ""


def _without_prefix(extra: Mapping[str, Any]) -> dict[str, Any]:
    fields = {name: item for name, item in extra.items() if item is not None and str(item).strip()}
    prefixed = {
        name.split("__", 2)[2]: item
        for name, item in fields.items()
        if name.startswith("extra__") and name.count("__") >= 2
    }
    fields = prefixed | {name: item for name, item in fields.items() if not name.startswith("extra__")}
    return {name: _Secret(str(item)) if name == "api_key" else item for name, item in fields.items()}


def build_user_agent() -> str:
    """
    Build the User-Agent header: this provider, Airflow and Python, each with its version.

    :return: the header's value
    """
    return (
        f"{defaults.PACKAGE_NAME}/{__version__} apache-airflow/{airflow_version()} python/{platform.python_version()}"
    )


def _base_url(connection: Any, *, allow_http: bool) -> str:
    host = (connection.host or "").strip()
    schema = connection.schema or ""
    if host and schema.lower() in {"http", "https"} and "://" not in host:
        host = f"{schema}://{host}"  # as connections of Airflow's HTTP provider carry the protocol
    elif host and schema and "/" not in host.partition("://")[2]:
        host = f"{host}/{schema}"  # as a URI such as ovh-ai-endpoints://:token@host:8443/v1 carries the path
    return clean_base_url(host, connection.port, allow_http=allow_http)


def _missing_token(conn_id: str | None, *, masked: bool) -> str:
    where = f"connection {conn_id!r}" if conn_id else "the connection"
    if masked:
        return f"Airflow passed a mask instead of the API token of {where}: enter the token again."
    return (
        f"API key not found: {where} has no API token. Paste it into 'API token' (the password), "
        "or set 'Access' to anonymous."
    )


def _text(extra: Mapping[str, Any], name: str) -> str | None:
    value = extra.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise ConfigurationError(f"{_label(name)} of the connection must be a text, not {quote(value)}.")
    return value.strip() or None


def _choice(extra: Mapping[str, Any], name: str) -> str:
    value = (_text(extra, name) or ACCESS_MODES[0]).lower()
    if value not in ACCESS_MODES:
        raise ConfigurationError(
            f"{_label(name)} of the connection must be {' or '.join(ACCESS_MODES)}, not {quote(value)}."
        )
    return value


def _flag(extra: Mapping[str, Any], name: str) -> bool:
    return boolean(extra.get(name, False), f"{_label(name)} of the connection")


def _seconds(override: Any, extra: Mapping[str, Any]) -> float:
    if override is not None:
        return _positive(override, "timeout")
    value = extra.get("timeout")
    return defaults.TIMEOUT_S if value is None else _positive(value, "Timeout of the connection")


def _positive(value: Any, name: str) -> float:
    return number(value, name, 0.001, 86_400)


def _count(extra: Mapping[str, Any], name: str, default: Any, override: Any = None) -> Any:
    bounds = _BY_NAME[name]
    low, high = bounds.minimum or 0, bounds.maximum or 0
    if override is not None:
        return integer(override, name, low, high)
    value = extra.get(name)
    return default if value is None else integer(value, f"{bounds.label} of the connection", low, high)


def _label(name: str) -> str:
    return repr(_BY_NAME[name].label) if name in _BY_NAME else repr(name)
