"""
The settings of a client, cleaned of common paste errors.
"""

from __future__ import annotations

import ipaddress
import os
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from .. import defaults
from ..errors import ConfigurationError
from ..validation import integer, may_be_secret, quote

#: An address, or a name of parts as long as DNS allows.
_HOST = re.compile(r"[\w.:%-]*:[\w.:%-]*|(?=.{1,253}$)[\w%-]{1,63}(\.[\w%-]{1,63})*\.?")

_ENDPOINT = re.compile(r"/(chat/completions|completions|embeddings|models|responses)$")


@dataclass(frozen=True)
class ClientSettings:
    """
    All settings that either driver takes from a connection and the environment.

    Safe to use from several threads: nothing changes it.

    :param base_url: URL that request paths are appended to, without a trailing slash
    :param token: API token; None sends no Authorization header
    :param timeout: seconds for one attempt, from name lookup to the last byte
    :param connect_timeout: seconds of these to reach the service
    :param max_retries: attempts after the first
    :param max_wait: seconds for all waiting between attempts together
    :param max_response_bytes: maximum of one response after decompression
    :param requests_per_minute: limit for all clients of this base URL and token in one process; None for no limit
    :param ca_bundle: path of certificates to trust; None for those of ``requests``
    :param proxy: URL of the proxy, or None
    :param user_agent: User-Agent header
    """

    base_url: str = defaults.BASE_URL
    token: str | None = field(default=None, repr=False)
    timeout: float = defaults.TIMEOUT_S
    connect_timeout: float = defaults.CONNECT_TIMEOUT_S
    max_retries: int = defaults.MAX_RETRIES
    max_wait: float = defaults.MAX_WAIT_S
    max_response_bytes: int = defaults.MAX_REPLY_BYTES
    requests_per_minute: int | None = None
    ca_bundle: str | None = None
    proxy: str | None = field(default=None, repr=False)
    user_agent: str = defaults.PACKAGE_NAME


def clean_token(value: str | None) -> str | None:
    """
    Remove paste errors from an API token: surrounding whitespace, a leading ``Bearer``, quotes.

    :param value: the value in the connection
    :return: the token, or None if it is blank
    :raises ConfigurationError: if the rest can't be sent in a header
    """
    token = (value or "").strip().strip("\"'").strip()
    token = re.sub(r"(?i)^(authorization:\s*)?bearer(\s+|$)", "", token)
    bad = re.search(r"[^\x21-\x7e]", token)
    if bad:
        kind = "a line break or blank" if bad.group().isspace() else "a character that no token has"
        del value, token  # or a traceback that shows variables would show them
        raise ConfigurationError(
            f"The API token holds {kind} at position {bad.start() + 1}: nothing was sent. Paste it again, in one piece."
        )
    return token or None


def clean_base_url(value: str | None, port: int | None = None, *, allow_http: bool = False) -> str:
    """
    Complete and correct the base URL that a user typed or pasted.

    :param value: a URL or host; OVHcloud AI Endpoints if blank. The scheme may be missing (https); trailing slashes and
        the path of an endpoint are removed
    :param port: used if the URL doesn't have one; 0 and None mean none
    :param allow_http: whether hosts other than this machine may be reached without encryption
    :return: the base URL, without a trailing slash
    :raises ConfigurationError: if it isn't a valid URL, or would be reached without encryption
    """
    typed = (value or "").strip()
    if not typed:
        typed = defaults.BASE_URL
    scheme, host, own_port, path = _split(typed)
    if scheme == "http" and not allow_http and not is_loopback(host):
        raise ConfigurationError(
            f"The base URL {quote(typed)} would send the token unencrypted: use https://, "
            "or switch on 'Allow plain HTTP' in the connection if that network is trusted."
        )
    port = own_port or integer(port or 0, "Port", 0, 65535)
    path = _ENDPOINT.sub("", path.rstrip("/")).rstrip("/")
    if not path and host == urlsplit(defaults.BASE_URL).hostname:
        path = urlsplit(defaults.BASE_URL).path
    shown_host = f"[{host}]" if ":" in host else host
    shown_port = f":{port}" if port and port != {"https": 443, "http": 80}[scheme] else ""
    return f"{scheme}://{shown_host}{shown_port}{path}"


def _split(typed: str) -> tuple[str, str, int, str]:
    if "@" in typed:
        raise ConfigurationError("The base URL must hold no user or password: the token belongs in 'API token'.")
    try:
        parts = urlsplit(typed if "://" in typed else f"https://{typed}")
        host, port = parts.hostname, parts.port or 0
    except ValueError as error:
        # A password may be in the place of the port.
        part = typed.rpartition(":")[0] if "Port" in str(error) else typed
        raise ConfigurationError(
            f"The base URL {quote(part)} is not one: it is of the form https://host:port/path, with a port from 0 to "
            "65535 or none."
        ) from None
    if parts.scheme not in {"http", "https"}:
        raise ConfigurationError(f"The base URL must begin with https://, not {quote(parts.scheme + '://')}.")
    if not host or not _HOST.fullmatch(host) or ("." not in host and may_be_secret(host)):
        raise ConfigurationError(f"The base URL {quote(typed)} names no host: it is of the form https://host/path.")
    if parts.query or parts.fragment:
        # The query may contain a token.
        raise ConfigurationError(
            f"The base URL {quote(re.split('[?#]', typed)[0])} must end before any '?' or '#': it is of the form "
            "https://host/path."
        )
    return parts.scheme, host, port, parts.path


def is_loopback(host: str) -> bool:
    """
    Return whether a host is this machine.

    :param host: name or address
    :return: True for ``localhost`` and loopback addresses; names aren't looked up
    """
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def read_network_settings(base_url: str, ca_bundle: str | None = None) -> dict[str, Any]:
    """
    Choose the certificates and the proxy for both drivers.

    The environment is read as ``requests`` reads it (``HTTPS_PROXY``, ``ALL_PROXY``, ``NO_PROXY`` with networks, and so
    on). Certificates are also read from ``SSL_CERT_FILE``, which otherwise only ``httpx`` uses. Requests to this
    machine never use a proxy: as they may be unencrypted, they must not go anywhere else.

    :param base_url: the service's URL
    :param ca_bundle: the connection's own certificates, which take precedence
    :return: ``ca_bundle`` and ``proxy`` for :class:`ClientSettings`
    :raises ConfigurationError: if the certificates don't exist, or the proxy's URL is invalid
    """
    return {"ca_bundle": _find_ca_bundle(ca_bundle), "proxy": _find_proxy(base_url)}


def _find_ca_bundle(ca_bundle: str | None) -> str | None:
    names = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
    bundle = ca_bundle or next((os.environ[name] for name in names if os.environ.get(name)), None)
    if bundle and not os.path.exists(bundle):
        raise ConfigurationError(
            f"The CA bundle {quote(bundle)} does not exist on this machine: correct 'CA bundle' in the connection, "
            f"or the environment variable that names it ({', '.join(names)})."
        )
    return bundle


def _find_proxy(base_url: str) -> str | None:
    from requests.utils import get_environ_proxies, select_proxy

    host = urlsplit(base_url).hostname or ""
    proxy = None if is_loopback(host) else select_proxy(base_url, get_environ_proxies(base_url))
    if not proxy:
        return None
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    try:
        parts = urlsplit(proxy)
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ConfigurationError(
            f"The proxy that the environment names for {host} is not of the form http://host:port: correct "
            "HTTPS_PROXY, HTTP_PROXY or ALL_PROXY, or except the host in NO_PROXY."
        )
    return proxy
