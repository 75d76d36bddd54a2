from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from apache_airflow_provider_ovhcloud_ai.sandbox.fake_model.schema_scalars import Unsatisfiable, length, number, string


def make(schema: dict[str, Any]) -> Any:
    return string(schema) if schema["type"] == "string" else number(schema, whole=schema["type"] == "integer")


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "string", "minLength": 9}, "sandbox.."),
        ({"type": "string", "maxLength": 3}, "san"),
        ({"type": "string", "format": "date"}, "2026-01-01"),
        ({"type": "string", "pattern": "^s"}, "sandbox"),
        ({"type": "integer", "minimum": 5}, 5),
        ({"type": "integer", "exclusiveMinimum": 5}, 6),
        ({"type": "integer", "maximum": -2.5}, -3),
        ({"type": "integer", "minimum": 7, "multipleOf": 5}, 10),
        ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, 0.5),
    ],
)
def test_scalar_is_minimal_and_valid(schema: dict[str, Any], expected: Any) -> None:
    scalar = make(schema)
    jsonschema.validate(scalar, schema)
    assert scalar == expected


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "string", "pattern": "^\\d+$"}, "makes no text for the pattern"),
        ({"type": "string", "pattern": "("}, "no regular expression"),
        ({"type": "integer", "minimum": 2, "maximum": 1}, "no number fits"),
        ({"type": "integer", "minimum": "1"}, "'minimum' must be a number"),
        ({"type": "number", "multipleOf": 0}, "'multipleOf' must be above zero"),
    ],
)
def test_scalar_that_cannot_be_made(schema: dict[str, Any], words: str) -> None:
    with pytest.raises(Unsatisfiable, match=words):
        make(schema)


@pytest.mark.parametrize("value", [True, -1, 1.5, "2", 1001])
def test_length_that_is_none(value: Any) -> None:
    with pytest.raises(Unsatisfiable, match="'minItems'"):
        length({"minItems": value}, "minItems")
