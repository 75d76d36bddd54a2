"""What the API server of Airflow 3 tells its web UI about the connection form."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.connection.fields import FIELDS
from local_airflow import LocalAirflow

from . import form as expected
from .rest import Rest

pytestmark = pytest.mark.airflow


@pytest.fixture(scope="module")
def release(airflow: LocalAirflow) -> tuple[int, ...]:
    if airflow.release < (3,):
        pytest.skip("Airflow 2.11 renders its form on the server: test_form_fab.py looks at it")
    return airflow.release


@pytest.fixture(scope="module")
def form(release: tuple[int, ...], rest: Rest) -> dict[str, Any]:
    answer = rest.ask("GET", "/ui/connections/hook_meta")
    assert answer.status == 200
    (ours,) = [each for each in answer.body if each["connection_type"] == "ovh_ai_endpoints"]
    return ours


@pytest.fixture(scope="module")
def whole_form(release: tuple[int, ...], form: dict[str, Any]) -> dict[str, Any]:
    if release < (3, 1) and find_spec("wtforms") is None:
        pytest.skip("Airflow 3.0 asks no hook for fields where wtforms is missing")
    return form


@pytest.fixture(scope="module")
def fields(whole_form: dict[str, Any]) -> dict[str, Any]:
    return whole_form["extra_fields"]


def test_the_type_has_its_name(form: dict[str, Any]) -> None:
    assert form["hook_name"] == "OVHcloud AI Endpoints"


def test_every_field_is_there_in_order(fields: dict[str, Any]) -> None:
    assert list(fields) == list(expected.FIELDS)


@pytest.mark.parametrize("name", expected.FIELDS)
def test_a_field_has_its_label_type_and_help(fields: dict[str, Any], name: str) -> None:
    label, kind, _ = expected.FIELDS[name]
    helps = {field.name: field.help for field in FIELDS}
    assert fields[name]["schema"]["title"] == label
    assert fields[name]["schema"]["type"] == [kind, "null"]
    assert fields[name]["description"] == helps[name]


def test_access_is_a_dropdown_with_token_chosen(fields: dict[str, Any]) -> None:
    assert fields["access"]["schema"]["enum"] == ["token", "anonymous"]
    assert fields["access"]["value"] == "token"


def test_fields_stand_in_sections_and_numbers_have_bounds(release: tuple[int, ...], fields: dict[str, Any]) -> None:
    if release < (3, 2):
        pytest.skip("Airflow 3.0 and 3.1 read neither from a hook")
    assert {name: fields[name]["schema"]["section"] for name in fields} == {
        name: section for name, (_, _, section) in expected.FIELDS.items()
    }
    retries = fields["max_retries"]["schema"]
    assert (retries["minimum"], retries["maximum"]) == (0, 20)


def test_standard_fields_are_renamed_and_hidden(whole_form: dict[str, Any]) -> None:
    standard = whole_form["standard_fields"]
    assert {name: standard[name]["title"] for name in expected.RELABELED} == expected.RELABELED
    assert standard["host"]["placeholder"] == expected.BASE_URL
    assert standard["login"]["hidden"]
    assert standard["url_schema"]["hidden"]


def test_port_is_visible_and_says_what_to_type(release: tuple[int, ...], whole_form: dict[str, Any]) -> None:
    port = whole_form["standard_fields"]["port"]
    assert not port["hidden"]
    assert port["placeholder"].startswith("443")
    assert ("Bad Request" in port["placeholder"]) == (release >= (3, 2))


def test_airflow_3_0_without_wtforms_keeps_its_own_fields(release: tuple[int, ...], form: dict[str, Any]) -> None:
    if release >= (3, 1) or find_spec("wtforms"):
        pytest.skip("only Airflow 3.0 without wtforms")
    assert form["standard_fields"] is None
    assert form["extra_fields"] is None
