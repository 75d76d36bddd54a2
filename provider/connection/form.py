"""
The connection form: one table of fields, rendered for every Airflow release.

As metadata for 3.2 and later, which build the form without importing any hook; as widgets for 2.11 (drawn by
flask-appbuilder), 3.0 and 3.1 (which read them and draw the form themselves).
"""

from __future__ import annotations

from typing import Any

from .. import defaults
from ..compat import airflow_version
from .fields import FIELDS, Field

_RELABELING = {"password": "API token", "host": "Base URL", "port": "Port"}  # "port" on 3.0
_PLACEHOLDERS = {
    "password": "Paste the token from the OVHcloud Control Panel",
    "host": defaults.BASE_URL,
    "port": "443",
}
# The Test button of Airflow 3.3.1 and 3.3.2 refuses a connection without a port, and says only this.
_PORT_HINT = "443, to be typed where Test answers Bad Request"
# Not the extra: Test in the edit form of 2.11 dies of a script error where it is hidden; 3.0 and later show it anyway.
_HIDDEN = ["login", "schema"]


def as_conn_fields() -> dict[str, Any]:
    """
    Render the table as metadata, for 3.2 and later.

    :return: the ``conn-fields`` of a connection type in provider info
    """
    return {field.name: {"label": field.label, "description": field.help, "schema": _schema(field)} for field in FIELDS}


def _schema(field: Field) -> dict[str, Any]:
    # Without "null" a field is marked as compulsory.
    schema: dict[str, Any] = {"type": [field.kind, "null"]}
    optional = {"default": field.default, "minimum": field.minimum, "maximum": field.maximum}
    schema |= {name: value for name, value in optional.items() if value is not None}
    if field.choices:
        schema["enum"] = list(field.choices)
    return schema | {"section": field.section}


def as_ui_field_behaviour() -> dict[str, Any]:
    """
    Render the changes to the standard fields, for 3.2 and later.

    :return: the ``ui-field-behaviour`` of a connection type in provider info
    """
    return {
        "hidden-fields": list(_HIDDEN),
        "relabeling": dict(_RELABELING),
        "placeholders": _PLACEHOLDERS | {"port": _PORT_HINT},
    }


def as_hook_behaviour() -> dict[str, Any]:
    """
    Render the changes to the standard fields, for 2.11 to 3.1.

    :return: the value of a hook's ``get_ui_field_behaviour``
    """
    return {
        "hidden_fields": list(_HIDDEN),
        "relabeling": dict(_RELABELING),
        "placeholders": dict(_PLACEHOLDERS),
    }


def as_widgets() -> dict[str, Any]:
    """
    Render the table as form fields, for 2.11 to 3.1.

    3.0 and 3.1 replace the wtforms classes with simple substitutes, which support neither widgets nor ``render_kw``.
    3.1 does so even if wtforms isn't installed; 3.0 without wtforms asks no hook and shows the standard fields under
    their own names. On 2.11 all connection types share one form, so any validator except Optional would block the
    other types. Its numbers are string fields: an integer field turns an empty value into null and shows a stored 0
    as empty, which the next save would then lose.

    :return: a wtforms field for each name, as a hook's ``get_connection_form_widgets`` returns them
    """
    drawn_by_fab = airflow_version().startswith("2.")
    return {field.name: _widget(field, drawn_by_fab=drawn_by_fab) for field in FIELDS}


def _widget(field: Field, *, drawn_by_fab: bool) -> Any:
    from wtforms import BooleanField, IntegerField, StringField
    from wtforms.validators import Optional, any_of

    if field.kind == "boolean":
        return BooleanField(label=field.label, description=field.help, default=field.default)
    options: dict[str, Any] = {"label": field.label, "description": field.help, "default": field.default}
    options["validators"] = [Optional()]
    if drawn_by_fab:
        options["widget"] = _fab_widget(field)
    elif field.choices:
        options["validators"].append(any_of(list(field.choices)))
    is_number = field.kind == "integer" and not drawn_by_fab
    return (IntegerField if is_number else StringField)(**options)


def _fab_widget(field: Field) -> Any:
    from flask_appbuilder.fieldwidgets import BS3TextFieldWidget

    return _Dropdown(field.choices) if field.choices else BS3TextFieldWidget()


class _Dropdown:
    """
    Draws a string field as a dropdown: 2.11 doesn't accept a select field of wtforms in a connection form.

    :param choices: values of the dropdown
    """

    def __init__(self, choices: tuple[str, ...]) -> None:
        self._choices = choices

    def __call__(self, field: Any, **attributes: Any) -> Any:
        from markupsafe import Markup, escape

        options = Markup("").join(
            Markup('<option value="{0}"{1}>{0}</option>').format(
                choice, Markup(" selected") if choice == field.data else ""
            )
            for choice in self._choices
        )
        return Markup('<select id="{0}" name="{1}" class="form-control">{2}</select>').format(
            escape(field.id), escape(field.name), options
        )
