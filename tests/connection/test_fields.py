from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from apache_airflow_provider_ovhcloud_ai.connection.fields import FIELDS
from apache_airflow_provider_ovhcloud_ai.connection.reader import read_settings

pytestmark = pytest.mark.airflow

DOCS = Path(__file__).parents[2] / "docs"


def test_the_docs_name_every_field_by_its_label_and_key() -> None:
    page = (DOCS / "connection.md").read_text(encoding="utf-8")
    for field in FIELDS:
        assert field.label in page
        assert f"`{field.name}`" in page


def test_names_and_labels_occur_once() -> None:
    assert len({field.name for field in FIELDS}) == len({field.label for field in FIELDS}) == len(FIELDS)


def test_defaults_of_the_form_change_nothing() -> None:
    standard = dict.fromkeys(("host", "port", "schema", "login"))
    fields = {"conn_id": "c", "conn_type": "ovh_ai_endpoints", "password": "xyz", **standard}
    defaults = json.dumps({field.name: field.default for field in FIELDS})
    untouched, blank = (read_settings(SimpleNamespace(**fields, extra=extra)) for extra in (defaults, None))
    assert untouched == blank
