"""
Whether a request that changes something comes from the page itself. Pure.

The session cookie of Airflow is sent by any page of the same site, which another port of the same host is. So a POST
must carry JSON and a header that no form can set (a script of another origin would have to ask first, and is not
answered), and the browser must say that it comes from this origin.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

#: The header that the page's own script sets.
HEADER = "x-ovhcloud-ai"

#: Bytes of a request body.
MAX_BODY = 200_000


def fault(headers: Mapping[str, str], hosts: set[str]) -> tuple[int, str] | None:
    """
    Find out why a POST is not taken.

    :param headers: of the request, names in lower case
    :param hosts: the ``host[:port]`` that this server is reached by
    :return: status and sentence, or None if nothing speaks against it
    """
    if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        return 415, "Send JSON."
    if headers.get(HEADER) != "1":
        return 403, f"The header {HEADER} is missing: this address is for the page's own script."
    if not _same_origin(headers, hosts):
        return 403, "This came from another site, or from another port of this host, and was not done."
    return None


def _same_origin(headers: Mapping[str, str], hosts: set[str]) -> bool:
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    # Browsers leave Sec-Fetch-Site out over plain HTTP to another machine; Origin comes with every POST.
    try:
        origin = urlsplit(headers.get("origin", ""))
    except ValueError:
        return False
    return origin.scheme in {"http", "https"} and bool(origin.netloc) and origin.netloc in hosts
