"""
The form as each release reads it; tests/live/test_form_metadata.py and test_form_fab.py have what a real Airflow shows.
"""

from __future__ import annotations

from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.compat import airflow_version
from apache_airflow_provider_ovhcloud_ai.connection import form
from apache_airflow_provider_ovhcloud_ai.connection.fields import FIELDS

pytestmark = pytest.mark.airflow


@pytest.fixture
def widgets() -> dict[str, Any]:
    pytest.importorskip("wtforms")
    if airflow_version().startswith("2."):
        pytest.importorskip("flask_appbuilder")
    return form.as_widgets()


def test_metadata_marks_no_field_as_compulsory() -> None:
    fields = form.as_conn_fields()
    assert list(fields) == [field.name for field in FIELDS]
    assert all(field["schema"]["type"][1] == "null" for field in fields.values())


def test_metadata_has_choices_bounds_and_a_default_that_is_false() -> None:
    schemas = {name: field["schema"] for name, field in form.as_conn_fields().items()}
    assert schemas["access"]["enum"] == ["token", "anonymous"]
    assert (schemas["max_retries"]["minimum"], schemas["max_retries"]["maximum"]) == (0, 20)
    assert schemas["allow_http"]["default"] is False
    assert "default" not in schemas["timeout"]


def test_both_forms_rename_and_hide_the_same_fields() -> None:
    newer, older = form.as_ui_field_behaviour(), form.as_hook_behaviour()
    assert newer["hidden-fields"] == older["hidden_fields"] == ["login", "schema"]
    assert newer["relabeling"] == older["relabeling"]
    assert "Bad Request" in newer["placeholders"].pop("port")
    assert older["placeholders"].pop("port") == "443"
    assert newer["placeholders"] == older["placeholders"]


def test_one_rendering_does_not_change_the_next() -> None:
    form.as_ui_field_behaviour()["relabeling"].clear()
    form.as_hook_behaviour()["placeholders"].clear()
    assert form.as_ui_field_behaviour()["relabeling"] == form.as_hook_behaviour()["relabeling"] != {}
    assert form.as_hook_behaviour()["placeholders"]


def test_each_field_has_a_widget_that_may_stay_blank(widgets: dict[str, Any]) -> None:
    from wtforms import Form

    assert list(widgets) == [field.name for field in FIELDS]
    blank = type("Blank", (Form,), widgets)()
    assert blank.validate(), blank.errors
    assert [field.label.text for field in blank] == [field.label for field in FIELDS]


def test_dropdown_escapes_and_selects() -> None:
    pytest.importorskip("markupsafe")
    field = type("Field", (), {"id": "a", "name": '"><b>', "data": "two"})
    html = str(form._Dropdown(("one", "two"))(field))
    assert '<option value="two" selected>two</option>' in html
    assert "<b>" not in html
