"""
The form that an answer must have: what is sent for it, and which answers are taken.
"""

from __future__ import annotations

import enum
import json
import socket
from datetime import date
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.client.chat import structured_output
from apache_airflow_provider_ovhcloud_ai.client.chat.structured_output import ResponseFormat, SchemaMismatch
from apache_airflow_provider_ovhcloud_ai.errors import ConfigurationError
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

PLACE = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "people": {"type": "integer", "minimum": 0}},
    "required": ["city", "people"],
    "additionalProperties": False,
}


class Size(enum.Enum):
    SMALL = "small"
    LARGE = "large"


class Place(BaseModel):
    city: str
    founded: date | None = None
    size: Size = Size.SMALL


def test_a_schema_is_sent_in_the_form_of_the_api() -> None:
    sent = ResponseFormat(PLACE | {"title": "A place: in France"}).parameter
    assert sent["type"] == "json_schema"
    assert sent["json_schema"]["name"] == "A_place__in_France"
    assert sent["json_schema"]["schema"]["required"] == ["city", "people"]
    assert sent["json_schema"].keys() == {"name", "schema"}
    assert ResponseFormat(PLACE).parameter["json_schema"]["name"] == "answer"


@pytest.mark.parametrize(
    "form",
    [{"type": "json_object"}, {"type": "json_schema", "json_schema": {"name": "p", "strict": True, "schema": PLACE}}],
)
def test_the_form_of_the_api_is_sent_as_it_is(form: dict[str, Any]) -> None:
    assert ResponseFormat(form).parameter == form


def test_a_model_class_becomes_its_schema_and_answers_its_instances() -> None:
    structure = ResponseFormat(Place)
    described = structure.parameter["json_schema"]
    assert described["name"] == "Place"
    assert described["schema"]["properties"].keys() == {"city", "founded", "size"}
    found = structure.read('```json\n{"city": "Lyon", "founded": "2026-01-31", "size": "large"}\n```')
    assert found == Place(city="Lyon", founded=date(2026, 1, 31), size=Size.LARGE)
    assert structured_output.to_jsonable(found) == {"city": "Lyon", "founded": "2026-01-31", "size": "large"}
    assert structured_output.to_jsonable([1]) == [1]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ('{"city": "Lyon"}', "'people' is a required property"),
        ('{"city": "Lyon", "people": -1}', "$.people: -1 is less than the minimum of 0"),
        ('{"city": "Lyon", "people": 1, "x": 2}', "Additional properties are not allowed"),
        ("[]", "$: [] is not of type 'object'"),
        ("Lyon, of course", "it is not JSON: Expecting value at character 0"),
        ('{"city": "Lyon", "people": NaN}', "it is not JSON: NaN is no JSON"),
        ("", "it is not JSON"),
        ("[" * 100_000, "it is not JSON"),
        ('Here you are: {"city": "Lyon", "people": 1}', "it is not JSON"),
    ],
)
def test_what_is_wrong_is_said(answer: str, said: str) -> None:
    with pytest.raises(SchemaMismatch) as caught:
        ResponseFormat(PLACE).read(answer)
    assert said in str(caught.value)
    assert len(str(caught.value)) < 700
    assert caught.value.__context__ is None or "Lyon, of" not in repr(caught.value.__context__)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("{}", "city: Field required"),
        ('{"city": 5, "size": "huge"}', "city: Input should be a valid string; size: Input should be 'small' or"),
        ("{", "$: Invalid JSON"),
    ],
)
def test_what_is_wrong_for_a_model_class_is_said(answer: str, said: str) -> None:
    with pytest.raises(SchemaMismatch, match=said.replace("$", r"\$")) as caught:
        ResponseFormat(Place).read(answer)
    assert "http" not in str(caught.value)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda v: st.lists(v) | st.dictionaries(st.text(), v)
    )
)
def test_any_json_is_read_as_it_is_with_and_without_a_fence(value: Any) -> None:
    written = json.dumps(value)
    anything = ResponseFormat({"type": "json_object"})
    assert anything.read(written) == value
    assert anything.read(f"```json\n{written}\n```\n") == value
    assert anything.read(f"\n```\n{written}```") == value


@given(st.text())
def test_any_text_is_read_or_refused(answer: str) -> None:
    for structure in (ResponseFormat(PLACE), ResponseFormat(Place)):
        with pytest.raises(SchemaMismatch):
            structure.read(answer)


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ("json", "must be a JSON schema, a Pydantic model class, or a dictionary"),
        (["a"], "must be a JSON schema"),
        (dict, "must be a JSON schema"),
        ({}, "is no JSON schema: it has none of type"),
        ({"city": "string"}, "Its keys: city"),
        ({"type": "json_schema"}, "must hold {'json_schema'"),
        ({"type": "json_schema", "json_schema": {"name": "x"}}, "must hold {'json_schema'"),
        ({"type": "objekt"}, "is no valid JSON schema"),
        ({"type": "object", "properties": []}, "is no valid JSON schema"),
    ],
)
def test_what_is_no_form_is_refused(form: Any, said: str) -> None:
    with pytest.raises(ConfigurationError, match="response_format") as caught:
        ResponseFormat(form)
    assert said in str(caught.value)


def test_a_model_class_without_a_schema_is_refused() -> None:
    class Odd(BaseModel):
        model_config = {"arbitrary_types_allowed": True}
        line: socket.socket

    with pytest.raises(ConfigurationError, match="Odd has no JSON schema"):
        ResponseFormat(Odd)


def test_a_schema_elsewhere_is_not_fetched() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/schema.json"
        with pytest.raises(ConfigurationError, match=r"put it under \$defs"):
            ResponseFormat({"type": "object", "properties": {"a": {"$ref": address}}}).read('{"a": 1}')
        with pytest.raises(TimeoutError):
            listener.accept()


@pytest.mark.parametrize(
    ("form", "promises"),
    [(None, False), ({"type": "text"}, False), ({"type": "json_object"}, True), (PLACE, True), (Place, True)],
)
def test_which_forms_promise_data(form: Any, promises: bool) -> None:
    assert structured_output.is_structured(form) is promises
