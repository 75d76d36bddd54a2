"""
Check that a POST comes from the page itself. Pure.

Browsers send Airflow's session cookie with requests from any page of the same site, and another port of the same host
counts as the same site. So a POST must carry JSON and a header that a form can't set: a script of another origin would
first need a preflight request, which isn't answered. The browser must also report this origin.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

#: The header that the page's own script sets.
HEADER = "x-ovhcloud-ai"

#: Largest request body.
MAX_BODY_BYTES = 200_000


def fault(headers: Mapping[str, str], hosts: set[str]) -> tuple[int, str] | None:
    """
    Check the headers of a POST.

    :param headers: of the request, names in lower case
    :param hosts: each ``host[:port]`` of this server
    :return: HTTP status and message of the refusal, or None if the POST is valid
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
