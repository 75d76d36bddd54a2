"""
What a client needs to know, cleaned of what people paste around it.
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
    Everything that a driver, blocking or not, takes from a connection and its environment.

    Safe to use from several threads: nothing changes it.

    :param base_url: address that request paths are appended to, without a trailing slash
    :param token: API token, or None to send no Authorization header at all
    :param timeout: seconds for one attempt, from name lookup to the last byte
    :param connect_timeout: seconds of these to reach the service
    :param max_retries: attempts after the first
    :param max_wait: seconds that all waiting between attempts may take together
    :param max_reply_bytes: bytes that one reply may have after decompression
    :param requests_per_minute: cap that all clients of this address and token in one process share
    :param ca_bundle: path of certificates to trust, or None for those that ``requests`` brings
    :param proxy: address of the proxy to use, or None
    :param user_agent: what the client calls itself
    """

    base_url: str = defaults.BASE_URL
    token: str | None = field(default=None, repr=False)
    timeout: float = defaults.TIMEOUT
    connect_timeout: float = defaults.CONNECT_TIMEOUT
    max_retries: int = defaults.MAX_RETRIES
    max_wait: float = defaults.MAX_WAIT
    max_reply_bytes: int = defaults.MAX_REPLY_BYTES
    requests_per_minute: int | None = None
    ca_bundle: str | None = None
    proxy: str | None = field(default=None, repr=False)
    user_agent: str = defaults.PACKAGE_NAME


def clean_token(value: str | None) -> str | None:
    """
    Take an API token out of what was pasted: blanks and newlines around it, a leading ``Bearer``, quotes.

    :param value: what the connection holds
    :return: the token, or None where there is none
    :raises ConfigurationError: if what remains cannot be sent in a header
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
    Take the address of the service out of what was typed or pasted.

    :param value: a URL or host; blank means OVHcloud AI Endpoints; the scheme may be missing (https), slashes at
        the end and the path of an endpoint are cut
    :param port: used where the URL has none; 0 and None mean none
    :param allow_http: whether an address other than this machine may be reached without encryption
    :return: the base URL, without a trailing slash
    :raises ConfigurationError: if no request could go there, or would go there unencrypted
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
        # What stands in the place of a port may be a password.
        shown = typed.rpartition(":")[0] if "Port" in str(error) else typed
        raise ConfigurationError(
            f"The base URL {quote(shown)} is not one: it is of the form https://host:port/path, with a port from 0 to "
            "65535 or none."
        ) from None
    if parts.scheme not in {"http", "https"}:
        raise ConfigurationError(f"The base URL must begin with https://, not {quote(parts.scheme + '://')}.")
    if not host or not _HOST.fullmatch(host) or ("." not in host and may_be_secret(host)):
        raise ConfigurationError(f"The base URL {quote(typed)} names no host: it is of the form https://host/path.")
    if parts.query or parts.fragment:
        # What follows may be a token.
        raise ConfigurationError(
            f"The base URL {quote(re.split('[?#]', typed)[0])} must end before any '?' or '#': it is of the form "
            "https://host/path."
        )
    return parts.scheme, host, port, parts.path


def is_loopback(host: str) -> bool:
    """
    Tell whether a host is this machine itself.

    :param host: a name or an address
    :return: True for ``localhost`` and loopback addresses; no name is looked up
    """
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def read_network_settings(base_url: str, ca_bundle: str | None = None) -> dict[str, Any]:
    """
    Decide once which certificates and which proxy both drivers use.

    The environment is read as ``requests`` reads it (``HTTPS_PROXY``, ``ALL_PROXY``, ``NO_PROXY`` with networks, and
    so on), and certificates also from ``SSL_CERT_FILE``, which only ``httpx`` would look at. No proxy stands between
    a machine and itself: what may go there unencrypted must not go anywhere else.

    :param base_url: where requests go
    :param ca_bundle: the connection's own certificates, which win
    :return: ``ca_bundle`` and ``proxy`` as :class:`ClientSettings` takes them
    :raises ConfigurationError: if the certificates are not there, or no such proxy can be used
    """
    return {"ca_bundle": _trusted(ca_bundle), "proxy": _proxy(base_url)}


def _trusted(ca_bundle: str | None) -> str | None:
    names = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
    trusted = ca_bundle or next((os.environ[name] for name in names if os.environ.get(name)), None)
    if trusted and not os.path.exists(trusted):
        raise ConfigurationError(
            f"The CA bundle {quote(trusted)} does not exist on this machine: correct 'CA bundle' in the connection, "
            f"or the environment variable that names it ({', '.join(names)})."
        )
    return trusted


def _proxy(base_url: str) -> str | None:
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
