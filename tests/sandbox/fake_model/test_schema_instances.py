from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from apache_airflow_provider_ovhcloud_ai.sandbox.fake_model.schema_instances import instance
from apache_airflow_provider_ovhcloud_ai.sandbox.fake_model.schema_scalars import Unsatisfiable

TREE = {
    "$defs": {
        "Node": {
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "next": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]},
                "children": {"type": "array", "items": {"$ref": "#/$defs/Node"}},
            },
            "required": ["name", "next", "children"],
            "additionalProperties": False,
        }
    },
    "$ref": "#/$defs/Node",
}


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({}, "sandbox"),
        ({"type": "object"}, {}),
        ({"properties": {"a": {"type": "integer"}, "b": {}}, "required": ["a"]}, {"a": 0}),
        ({"type": "object", "required": ["free"]}, {"free": "sandbox"}),
        ({"type": "array", "items": {"type": "boolean"}, "minItems": 2}, [True, True]),
        ({"items": {"type": "string"}}, []),
        ({"type": "array", "prefixItems": [{"const": 1}, {"const": 2}], "minItems": 3}, [1, 2, "sandbox"]),
        ({"type": ["null", "integer"]}, 0),
        ({"type": ["null"]}, None),
        ({"const": None}, None),
        ({"enum": ["x", "y"]}, "x"),
        ({"anyOf": [{"type": "object"}, {"type": "null"}, {"type": "integer"}]}, 0),
        ({"anyOf": [{"type": "string"}, {"type": "null"}], "minLength": 8}, "sandbox."),
        (
            {
                "allOf": [
                    {"type": "object", "properties": {"a": {"const": 1}}, "required": ["a"]},
                    {"properties": {"b": {"const": 2}}, "required": ["b"]},
                ]
            },
            {"a": 1, "b": 2},
        ),
        (TREE, {"name": "sandbox", "next": None, "children": []}),
    ],
)
def test_instance_is_minimal_and_valid(schema: Any, expected: Any) -> None:
    value = instance(schema)
    jsonschema.validate(value, schema)
    assert value == expected


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        (3, "must be an object"),
        ({"type": "odd"}, "unknown type 'odd'"),
        ({"enum": []}, "'enum' must be a list"),
        ({"$ref": "#/$defs/gone"}, "points to nothing"),
        ({"$ref": "https://example.com"}, "must begin with"),
        ({"type": "array", "minItems": 2, "uniqueItems": True}, "several unique items"),
        ({"type": "array", "minItems": 10**9}, "at most 1000"),
        ({"type": "object", "required": "a"}, "'required' must be a list"),
        ({"type": "object", "required": [1]}, "a list of names"),
        ({"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]}, "requires itself without end"),
    ],
)
def test_a_schema_without_an_instance_is_reported(schema: Any, words: str) -> None:
    with pytest.raises(Unsatisfiable, match=words.replace("(", r"\(")):
        instance(schema)
