"""The connection form that the web server of Airflow 2.11 renders."""

from __future__ import annotations

import html
import http.cookiejar
import json
import re
import urllib.parse
import urllib.request
from html.parser import HTMLParser
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.connection.fields import FIELDS
from local_airflow import PASSWORD, USER, LocalAirflow

from . import form as expected
from .rest import Rest

pytestmark = pytest.mark.airflow

PREFIX = "extra__ovh_ai_endpoints__"


class Page(HTMLParser):
    """What of a page can be asked for: elements by id, and the text in each label, option, script and help."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: dict[str, tuple[str, dict[str, str | None]]] = {}
        self.texts: dict[str, str] = {}
        self.options: dict[str, list[str]] = {}
        self.helps: list[str] = []
        self._at: tuple[str, str] = ("", "")
        self._select = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self._at = (tag, attributes.get("for") or attributes.get("id") or attributes.get("class") or "")
        if "id" in attributes:
            self.elements[attributes["id"] or ""] = (tag, attributes)
        if tag == "select":
            self._select = attributes.get("id") or ""
        if tag == "option":
            self.options.setdefault(self._select, []).append(attributes.get("value") or "")

    def handle_data(self, data: str) -> None:
        tag, name = self._at
        if tag in {"label", "script"} and data.strip():
            self.texts.setdefault(name, data.strip())
        if (tag, name) == ("span", "help-block") and data.strip():
            self.helps.append(data.strip())


class Visitor:
    """A browser without a screen, logged in."""

    def __init__(self, airflow: LocalAirflow) -> None:
        self.url = airflow.url
        self._open = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())).open
        self.submit("/login/", {"username": USER, "password": PASSWORD})

    def read(self, path: str) -> str:
        with self._open(self.url + path, timeout=60) as response:
            return response.read().decode()

    def submit(self, path: str, values: dict[str, str]) -> None:
        token = re.search(r'name="csrf_token" type="hidden" value="([^"]+)"', self.read(path))
        assert token is not None
        body = urllib.parse.urlencode(values | {"csrf_token": token.group(1)}).encode()
        self._open(self.url + path, body, timeout=60).close()


@pytest.fixture(scope="module")
def visitor(airflow: LocalAirflow) -> Visitor:
    if airflow.release >= (3,):
        pytest.skip("Airflow 3 draws its form in the browser: test_form_metadata.py looks at what it is told")
    return Visitor(airflow)


@pytest.fixture(scope="module")
def page(visitor: Visitor) -> Page:
    return Page(visitor.read("/connection/add"))


@pytest.fixture(scope="module")
def behaviour(page: Page) -> dict[str, Any]:
    # Escaped within a script, which its reader undoes.
    return json.loads(html.unescape(page.texts["field_behaviours"]))["ovh_ai_endpoints"]


@pytest.mark.parametrize("name", expected.FIELDS)
def test_a_field_has_its_label_and_help(page: Page, name: str) -> None:
    assert page.texts[PREFIX + name] == expected.FIELDS[name][0]
    assert {field.name: field.help for field in FIELDS}[name] in page.helps


def test_access_is_a_dropdown(page: Page) -> None:
    assert page.elements[f"{PREFIX}access"][0] == "select"
    assert page.options[f"{PREFIX}access"] == ["token", "anonymous"]


def test_plain_http_is_a_box_to_tick(page: Page) -> None:
    assert page.elements[f"{PREFIX}allow_http"][1]["type"] == "checkbox"


def test_no_field_is_compulsory(page: Page) -> None:
    assert not [
        name for name, (_, attributes) in page.elements.items() if name.startswith(PREFIX) and "required" in attributes
    ]


def test_standard_fields_are_renamed_and_hidden(behaviour: dict[str, Any]) -> None:
    assert behaviour["relabeling"] == expected.RELABELED
    assert behaviour["placeholders"]["host"] == expected.BASE_URL
    # Without "extra" on the page, the script of the edit form's Test button dies.
    assert behaviour["hidden_fields"] == ["login", "schema"]


def test_the_type_can_be_chosen_and_tested(page: Page) -> None:
    assert "ovh_ai_endpoints" in page.options["conn_type"]
    assert "ovh_ai_endpoints" in page.texts["testable_connection_types"]


def test_other_types_can_still_be_saved(visitor: Visitor, rest: Rest) -> None:
    visitor.submit("/connection/add", {"conn_id": "other", "conn_type": "http", "host": "example.org"})
    assert rest.get("/connections/other")["host"] == "example.org"


def test_numbers_are_stored_only_where_given_and_a_zero_stays(visitor: Visitor, rest: Rest) -> None:
    empty = {PREFIX + name: "" for name in expected.FIELDS if name != "allow_http"}
    form = {"conn_id": "numbers", "conn_type": "ovh_ai_endpoints", f"{PREFIX}max_retries": "0"}
    visitor.submit("/connection/add", empty | form)
    extra = json.loads(rest.get("/connections/numbers")["extra"])
    assert extra["max_retries"] == "0"
    assert "timeout" not in extra
