"""
A POST is taken from the page itself, and from nowhere else.
"""

from __future__ import annotations

from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.ui.console.actions import ROUTES
from apache_airflow_provider_ovhcloud_ai.ui.console.web import csrf
from apache_airflow_provider_ovhcloud_ai.ui.console.web.dispatch import check_origin

HOSTS = {"af.example:8080", "airflow.example"}
FROM_PAGE = {"content-type": "application/json", "x-ovhcloud-ai": "1", "sec-fetch-site": "same-origin"}


def status(**changes: str | None) -> int:
    headers = FROM_PAGE | {name.replace("_", "-"): value for name, value in changes.items()}
    fault = csrf.fault({name: value for name, value in headers.items() if value is not None}, HOSTS)
    return fault[0] if fault else 200


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("application/json", 200),
        ("Application/JSON; charset=utf-8", 200),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
        ("text/plain", 415),
        ("text/plain; application/json", 415),
        ("application/json-seq", 415),
        ("", 415),
        (None, 415),
    ],
)
def test_form_post(content_type: str | None, expected: int) -> None:
    assert status(content_type=content_type) == expected


@pytest.mark.parametrize(("value", "expected"), [("1", 200), (None, 403), ("", 403), ("0", 403), ("1, 1", 403)])
def test_header_that_no_form_can_set(value: str | None, expected: int) -> None:
    assert status(x_ovhcloud_ai=value) == expected


@pytest.mark.parametrize(
    ("site", "expected"),
    [
        ("same-origin", 200),
        ("same-site", 403),  # another port of this host
        ("cross-site", 403),
        ("none", 403),
        ("", 403),
        ("SAME-ORIGIN, cross-site", 403),
    ],
)
def test_what_the_browser_says_of_its_site(site: str, expected: int) -> None:
    assert status(sec_fetch_site=site) == expected
    # It wins over an Origin, which a proxy may have changed.
    assert status(sec_fetch_site=site, origin="http://af.example:8080") == expected


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        pytest.param("http://af.example:8080", 200, id="itself"),
        pytest.param("https://airflow.example", 200, id="behind a proxy, as base_url has it"),
        pytest.param("http://af.example:8081", 403, id="another port"),
        pytest.param("http://af.example", 403, id="no port"),
        pytest.param("http://evil.example", 403, id="another site"),
        pytest.param("http://airflow.example.evil.example", 403, id="a name that begins like ours"),
        pytest.param("http://af.example:8080@evil.example", 403, id="a user like ours"),
        pytest.param("ftp://airflow.example", 403, id="another scheme"),
        pytest.param("airflow.example", 403, id="no scheme"),
        pytest.param("null", 403, id="a sandboxed frame or a file"),
        pytest.param("", 403, id="empty"),
        pytest.param("http://", 403, id="no host"),
        pytest.param("http://[::1", 403, id="no address"),
        pytest.param(None, 403, id="neither header"),
    ],
)
def test_origin_where_the_browser_says_nothing_of_its_site(origin: str | None, expected: int) -> None:
    assert status(sec_fetch_site=None, origin=origin) == expected


def test_server_that_knows_no_name_of_its_own_takes_no_origin() -> None:
    headers = FROM_PAGE | {"origin": "http://"}
    del headers["sec-fetch-site"]
    assert csrf.fault(headers, {""}) is not None


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
def test_every_post_is_guarded_and_no_get_changes_anything(route: Any) -> None:
    refused = check_origin(route, {}, HOSTS)
    assert (refused is not None) == (route.method == "POST")
    assert check_origin(route, FROM_PAGE, HOSTS) is None
    assert route.method == "POST" or route.path in {"/api/connections", "/api/connection", "/api/dag"}
