"""
The form that an answer must have: what is sent for it, and which answers are taken.
"""

from __future__ import annotations

import dataclasses
import enum
import json
import socket
import sys
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, ForwardRef, Literal, NamedTuple, NewType, NotRequired, Optional, TypeVar

import jsonschema
import pytest
from apache_airflow_provider_ovhcloud_ai.client.chat import structured_output
from apache_airflow_provider_ovhcloud_ai.client.chat.structured_output import ResponseFormat, SchemaMismatch
from apache_airflow_provider_ovhcloud_ai.errors import ConfigurationError
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, RootModel, TypeAdapter
from typing_extensions import TypeAliasType, TypedDict

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
    parameter = ResponseFormat(PLACE | {"title": "A place: in France"}).parameter
    assert parameter["type"] == "json_schema"
    assert parameter["json_schema"]["name"] == "A_place__in_France"
    assert parameter["json_schema"]["schema"]["required"] == ["city", "people"]
    assert parameter["json_schema"].keys() == {"name", "schema"}
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
    place = structure.read('```json\n{"city": "Lyon", "founded": "2026-01-31", "size": "large"}\n```')
    assert place == Place(city="Lyon", founded=date(2026, 1, 31), size=Size.LARGE)
    assert structured_output.to_jsonable(place) == {"city": "Lyon", "founded": "2026-01-31", "size": "large"}
    assert structured_output.to_jsonable([1]) == [1]


@pytest.mark.parametrize(
    ("answer", "sentence"),
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
def test_error_names_the_problem(answer: str, sentence: str) -> None:
    with pytest.raises(SchemaMismatch) as caught:
        ResponseFormat(PLACE).read(answer)
    assert sentence in str(caught.value)
    assert len(str(caught.value)) < 700
    assert caught.value.__context__ is None or "Lyon, of" not in repr(caught.value.__context__)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ("{}", "city: Field required"),
        ('{"city": 5, "size": "huge"}', "city: Input should be a valid string; size: Input should be 'small' or"),
        ("{", "$: Invalid JSON"),
    ],
)
def test_error_names_the_problem_for_a_model_class(answer: str, sentence: str) -> None:
    with pytest.raises(SchemaMismatch, match=sentence.replace("$", r"\$")) as caught:
        ResponseFormat(Place).read(answer)
    assert "http" not in str(caught.value)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda v: st.lists(v) | st.dictionaries(st.text(), v)
    )
)
def test_any_json_is_read_as_it_is_with_and_without_a_fence(value: Any) -> None:
    text = json.dumps(value)
    anything = ResponseFormat({"type": "json_object"})
    assert anything.read(text) == value
    assert anything.read(f"```json\n{text}\n```\n") == value
    assert anything.read(f"\n```\n{text}```") == value


@given(st.text())
def test_any_text_is_read_or_refused(answer: str) -> None:
    for structure in (ResponseFormat(PLACE), ResponseFormat(Place)):
        with pytest.raises(SchemaMismatch):
            structure.read(answer)


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ("json", "must be a JSON schema, a Python type, or a dictionary"),
        ("Place", "must be a JSON schema, a Python type, or a dictionary whose 'type' is one of text"),
        (["a"], "must be a JSON schema"),
        ([Place], "must be a JSON schema"),
        (Place(city="Lyon"), "not a value of type Place"),
        (TypeAdapter(list[Place]), "not a value of type TypeAdapter"),
        ({}, "is no JSON schema: it has none of type"),
        ({"city": "string"}, "Its keys: city"),
        ({"type": "json_schema"}, "must hold {'json_schema'"),
        ({"type": "json_schema", "json_schema": {"name": "x"}}, "must hold {'json_schema'"),
        ({"type": "objekt"}, "is no valid JSON schema"),
        ({"type": "object", "properties": []}, "is no valid JSON schema"),
    ],
)
def test_what_is_no_form_is_refused(form: Any, sentence: str) -> None:
    with pytest.raises(ConfigurationError, match="response_format") as caught:
        ResponseFormat(form)
    assert sentence in str(caught.value)


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
    [
        (None, False),
        ({"type": "text"}, False),
        ({"type": "json_object"}, True),
        (PLACE, True),
        (Place, True),
        (list[Place], True),
    ],
)
def test_which_forms_promise_data(form: Any, promises: bool) -> None:
    assert structured_output.is_structured(form) is promises


class Label(BaseModel):
    text: str = Field(alias="labelText")
    day: date | None = None


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int


class Dog(BaseModel):
    kind: Literal["dog"]
    tricks: list[str]


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


@dataclasses.dataclass
class Point:
    x: int
    on: date | None = None


@dataclasses.dataclass
class Node:
    name: str
    children: list[Node] = dataclasses.field(default_factory=list)


class Trip(TypedDict):
    days: int
    starts: NotRequired[date]


class Pair(NamedTuple):
    word: str
    count: int


@dataclasses.dataclass
class Unknown:
    place: Nowhere  # type: ignore[name-defined]  # noqa: F821  (does not exist)


T = TypeVar("T")
CAT = {"kind": "cat", "lives": 9}
LABEL = {"labelText": "red", "day": "2026-01-31"}
RED = Label(labelText="red", day=date(2026, 1, 31))
RED_JSON = {"text": "red", "day": "2026-01-31"}

#: Type -> JSON type of its values, a value as the model writes it, as `parsed`, and in XCom.
WRAPPED = [
    (list[Label], "array", [LABEL], [RED], [RED_JSON]),
    (list[Literal["a", "b"]], "array", ["b", "a"], ["b", "a"], ["b", "a"]),
    (list[Cat | Dog], "array", [CAT], [Cat(**CAT)], [CAT]),
    (list, "array", [1, "a"], [1, "a"], [1, "a"]),
    (tuple[int, str], "array", [1, "a"], (1, "a"), [1, "a"]),
    (set[Level], "array", [2], {Level.HIGH}, [2]),
    (Pair, "array", ["a", 2], Pair("a", 2), ["a", 2]),
    (list[Node], "array", [{"name": "a"}], [Node("a")], [{"name": "a", "children": []}]),
    (Literal["a", "b"], "string", "a", "a", "a"),
    (Size, "string", "large", Size.LARGE, "large"),
    (Level, "integer", 2, Level.HIGH, 2),
    (int, "integer", 7, 7, 7),
    (float, "number", 1, 1.0, 1.0),
    (bool, "boolean", False, False, False),
    (date, "string", "2026-01-31", date(2026, 1, 31), "2026-01-31"),
    (NewType("Stars", int), "integer", 5, 5, 5),
    (Annotated[int, Field(ge=1, le=5)], "integer", 5, 5, 5),
    (Annotated[str, Field(max_length=3)], "string", "abc", "abc", "abc"),
    (TypeAliasType("Names", list[str]), "array", ["a"], ["a"], ["a"]),
    (str | None, None, "a", "a", "a"),
    (str | None, None, None, None, None),
    (Optional[Label], None, LABEL, RED, RED_JSON),  # noqa: UP045  (users write both)
    (Decimal, None, 1.5, Decimal("1.5"), "1.5"),
    (Cat | Dog, None, CAT, Cat(**CAT), CAT),
    (Annotated[Cat | Dog, Field(discriminator="kind")], None, CAT, Cat(**CAT), CAT),
    (RootModel[list[int]] | None, None, [1], RootModel[list[int]]([1]), [1]),
]
#: Type -> an answer, as `parsed`, and in XCom.
OBJECTS = [
    (Point, {"x": 1, "on": "2026-01-31"}, Point(1, date(2026, 1, 31)), {"x": 1, "on": "2026-01-31"}),
    (Trip, {"days": 1}, {"days": 1}, {"days": 1}),
    (Trip, {"days": 1, "starts": "2026-01-31"}, {"days": 1, "starts": date(2026, 1, 31)}, ...),
    (Node, {"name": "a", "children": [{"name": "b"}]}, Node("a", [Node("b")]), ...),
    (dict[str, int], {"value": 1}, {"value": 1}, {"value": 1}),
    (dict[int, str], {"1": "a"}, {1: "a"}, {"1": "a"}),
    (dict[Size, Label], {"large": LABEL}, {Size.LARGE: RED}, {"large": RED_JSON}),
    (dict, {"a": [1]}, {"a": [1]}, {"a": [1]}),
    (Annotated[Label, "a comment"], LABEL, RED, RED_JSON),
]


@pytest.mark.parametrize(("annotation", "json_type", "text", "parsed", "xcom"), WRAPPED)
def test_a_type_is_wrapped_in_an_object(annotation: Any, json_type: Any, text: Any, parsed: Any, xcom: Any) -> None:
    structure = ResponseFormat(annotation)
    schema = json.loads(json.dumps(structure.parameter))["json_schema"]["schema"]
    assert (schema["type"], schema["required"], schema["additionalProperties"]) == ("object", ["value"], False)
    assert schema["properties"].keys() == {"value"}
    assert schema["properties"]["value"].get("type") == json_type
    wrapped = json.dumps({"value": text})
    jsonschema.validate(json.loads(wrapped), schema)
    # Models that ignore the schema leave out the wrapper.
    for answer in (wrapped, f"```json\n{wrapped}\n```", json.dumps(text), f"```\n{json.dumps(text)}\n```"):
        value = structure.read(answer)
        assert (value, type(value)) == (parsed, type(parsed))
        assert json.dumps(structured_output.to_jsonable(value)) == json.dumps(xcom)


@pytest.mark.parametrize(("annotation", "answer", "parsed", "xcom"), OBJECTS)
def test_a_type_of_objects_is_sent_as_it_is(annotation: Any, answer: Any, parsed: Any, xcom: Any) -> None:
    structure = ResponseFormat(annotation)
    schema = json.loads(json.dumps(structure.parameter))["json_schema"]["schema"]
    assert schema["type"] == "object"
    jsonschema.validate(answer, schema)
    value = structure.read(json.dumps(answer))
    assert (value, type(value)) == (parsed, type(parsed))
    if xcom is not ...:
        assert structured_output.to_jsonable(value) == xcom
    json.dumps(structured_output.to_jsonable(value))


@pytest.mark.parametrize(
    ("annotation", "name"),
    [
        (list[Label], "list_Label_"),
        (int, "int"),
        (Point, "Point"),
        (Annotated[Cat | Dog, Field(discriminator="kind")], "Cat___Dog"),
        (Literal["an answer", "x" * 80], "Literal__an_answer____" + "x" * 42),
    ],
)
def test_the_name_of_a_type_is_one_the_api_takes(annotation: Any, name: str) -> None:
    assert ResponseFormat(annotation).parameter["json_schema"]["name"] == name


@pytest.mark.parametrize(
    ("annotation", "answer", "sentence"),
    [
        (list[Label], '{"value": [{"labelText": "red"}, {}]}', "value.1.labelText: Field required"),
        (list[Label], '[{"text": "red"}]', "value.0.labelText: Field required"),
        (list[Label], '{"items": []}', "value: Input should be a valid array"),
        (list[Label], '{"value": [], "more": 1}', "more: Extra inputs are not permitted"),
        (int, '{"value": "many"}', "value: Input should be a valid integer"),
        (int, "many", "it is not JSON: Expecting value at character 0"),
        (float, '{"value": NaN}', "it is not JSON: NaN is no JSON"),
        (Literal["a", "b"], '"c"', "value: Input should be 'a' or 'b'"),
        (str | None, "Lyon", "it is not JSON"),
        (Cat | Dog, '{"value": {"kind": "cat"}}', "value.Cat.lives: Field required; value.Dog.kind"),
        (Point, '{"value": {"x": 1}}', "x: Field required"),
        (Point, "[]", "$: Input should be an object"),
        (Node, '{"name": "a", "children": [{}]}', "children.0.name: Field required"),
        (Trip, '{"days": "many"}', "days: Input should be a valid integer"),
        (dict[str, int], '{"a": "b"}', "a: Input should be a valid integer"),
    ],
)
def test_error_names_the_problem_for_a_type(annotation: Any, answer: str, sentence: str) -> None:
    with pytest.raises(SchemaMismatch) as caught:
        ResponseFormat(annotation).read(answer)
    assert sentence in str(caught.value)
    assert "http" not in str(caught.value)


@pytest.mark.parametrize("annotation", [str, Any, object, T, NewType("Word", str), Annotated[str, "a comment"]])
def test_a_type_that_any_text_meets_is_refused(annotation: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"allows any text\. Leave response_format out"):
        ResponseFormat(annotation)


@pytest.mark.parametrize(
    ("annotation", "sentence"),
    [
        (socket.socket, "socket has no JSON schema: Unable to generate pydantic-core schema for <class"),
        (list[socket.socket], "list[socket] has no JSON schema: Unable to generate"),
        (Callable[[], int], "Callable[[], int] has no JSON schema: Cannot generate a JsonSchema"),
        (list["Nowhere"], "list['Nowhere'] has no JSON schema: "),  # type: ignore[name-defined]  # noqa: F821  (likewise)
        (ForwardRef("Nowhere"), "ForwardRef('Nowhere') has no JSON schema: "),
        (Unknown, "Unknown has no JSON schema: "),
        (list[Unknown], "list[Unknown] has no JSON schema: "),
    ],
)
def test_a_type_without_a_schema_is_refused(annotation: Any, sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=r"[\w`>]\. Use types that JSON can hold") as caught:
        ResponseFormat(annotation)
    assert str(caught.value).startswith(f"response_format: {sentence}")
    assert "arbitrary_types_allowed" not in str(caught.value)


def test_a_type_needs_pydantic_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pydantic", None)
    with pytest.raises(ConfigurationError, match=r'response_format=int needs pydantic 2.*pip install "pydantic>=2.11"'):
        ResponseFormat(int)
    # Schemas don't.
    assert structured_output.to_jsonable(ResponseFormat(PLACE).read('{"city": "Lyon", "people": 1}')) == {
        "city": "Lyon",
        "people": 1,
    }


def test_deep_json_is_returned_unchanged() -> None:
    value: Any = {"end": None}
    for _ in range(10_000):
        value = [value]
    assert structured_output.to_jsonable(value) is value


class Renamed(BaseModel):
    number: int = Field(alias="theNumber")


@pytest.mark.parametrize(
    ("response_format", "fields"),
    [
        (Renamed, ["number"]),
        (Point, [field.name for field in dataclasses.fields(Point)]),
        (Trip, list(Trip.__annotations__)),
        ({"type": "object", "properties": {"label": {"type": "string"}}}, ["label"]),
        (list[Renamed], []),
        (RootModel[list[int]], []),
        (dict[str, int], []),
        (int, []),
        ({"type": "json_object"}, []),
    ],
)
def test_fields_of_an_answer_are_known_before_it_is_asked_for(response_format: Any, fields: list[str]) -> None:
    assert ResponseFormat(response_format).fields == fields
