"""
A minimal instance of a JSON schema, used as a model's structured answer.

It has only the required properties. The sandbox never ignores a keyword that it can't satisfy, but raises an error:
for a ``pattern`` that the word "sandbox" doesn't match, and for several unique items.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from .schema_scalars import WORD, Unsatisfiable, length, number, string


def instance(schema: Any) -> Any:
    """
    Make the smallest value that a schema allows, the same on every call.

    :param schema: a JSON schema, whose references point into itself
    :return: an instance
    :raise Unsatisfiable: the schema allows none, or uses what the sandbox cannot satisfy
    """
    return _Maker(schema).make(schema, ())


class _Maker:
    """
    Makes instances of the parts of one schema.

    :param root: the whole schema, into which references point
    """

    def __init__(self, root: Any) -> None:
        self._root = root
        self._makers: dict[str, Callable[[dict[str, Any], tuple[str, ...]], Any]] = {
            "object": self._object,
            "array": self._array,
            "string": lambda schema, _: string(schema),
            "integer": lambda schema, _: number(schema, whole=True),
            "number": lambda schema, _: number(schema, whole=False),
            "boolean": lambda _, __: True,
            "null": lambda _, __: None,
        }

    def make(self, schema: Any, inside: tuple[str, ...]) -> Any:
        """
        Make an instance.

        :param schema: the schema or a part of it
        :param inside: references that are being followed: a smallest instance never needs one of them again
        :return: an instance
        """
        if schema is True:
            return WORD
        if not isinstance(schema, dict):
            raise Unsatisfiable("a schema must be an object")
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return _first(schema["enum"], "enum")
        if "$ref" in schema:
            return self._reference(schema, inside)
        for keyword in ("allOf", "anyOf", "oneOf"):
            if keyword in schema:
                return self._combined(schema, keyword, inside)
        return self._makers[_type(schema)](schema, inside)

    def _reference(self, schema: dict[str, Any], inside: tuple[str, ...]) -> Any:
        pointer = schema["$ref"]
        if pointer in inside:
            raise Unsatisfiable(f"'{pointer}' requires itself without end")
        target = self._root
        for part in _pointer_parts(pointer):
            if not isinstance(target, dict) or part not in target:
                raise Unsatisfiable(f"'{pointer}' points to nothing")
            target = target[part]
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        return self.make(_merge(target, beside), (*inside, pointer))

    def _combined(self, schema: dict[str, Any], keyword: str, inside: tuple[str, ...]) -> Any:
        options = schema[keyword]
        _first(options, keyword)
        rest = {key: value for key, value in schema.items() if key != keyword}
        if keyword == "allOf":
            for option in options:
                rest = _merge(rest, option)
            return self.make(rest, inside)
        return self._make_any([_merge(rest, option) for option in sorted(options, key=_effort)], inside)

    def _make_any(self, options: list[Any], inside: tuple[str, ...]) -> Any:
        reason = "no option"
        for option in options:
            try:
                return self.make(option, inside)
            except Unsatisfiable as error:
                reason = str(error)
        raise Unsatisfiable(reason)

    def _object(self, schema: dict[str, Any], inside: tuple[str, ...]) -> dict[str, Any]:
        properties, required = schema.get("properties", {}), _list(schema, "required")
        if not isinstance(properties, dict) or not all(isinstance(name, str) for name in required):
            raise Unsatisfiable("'properties' must be an object and 'required' a list of names")
        return {name: self.make(properties.get(name, True), inside) for name in required}

    def _array(self, schema: dict[str, Any], inside: tuple[str, ...]) -> list[Any]:
        count = length(schema, "minItems")
        if count > 1 and schema.get("uniqueItems"):
            raise Unsatisfiable("the sandbox does not make several unique items")
        first = _list(schema, "prefixItems")[:count]
        parts = [*first, *[schema.get("items", True)] * (count - len(first))]
        return [self.make(part, inside) for part in parts]


def _type(schema: dict[str, Any]) -> str:
    named = schema.get("type")
    if isinstance(named, list) and named:
        named = next((kind for kind in named if kind != "null"), "null")
    if named is None:
        named = "object" if "properties" in schema or "required" in schema else "string"
        named = "array" if "items" in schema else named
    if named not in ("object", "array", "string", "integer", "number", "boolean", "null"):
        raise Unsatisfiable(f"unknown type {named!r}")
    return str(named)


def _effort(schema: Any) -> int:
    """Rank an alternative: plain values first, then null, then what may nest and even recurse."""
    if not isinstance(schema, dict) or schema.get("type") == "null":
        return 1
    nests = {"$ref", "properties", "items", "allOf", "anyOf", "oneOf"} & schema.keys()
    return 2 if nests or schema.get("type") in ("object", "array") else 0


def _merge(one: Any, other: Any) -> Any:
    """Join two schemas that both hold; of a keyword with one value the later counts."""
    if not isinstance(one, dict):
        return other if one is True else one
    if not isinstance(other, dict):
        return one if other is True else other
    schema = {**one, **other}
    if isinstance(one.get("properties"), dict) and isinstance(other.get("properties"), dict):
        schema["properties"] = {**one["properties"], **other["properties"]}
    if isinstance(one.get("required"), list) and isinstance(other.get("required"), list):
        schema["required"] = [*one["required"], *other["required"]]
    return schema


def _pointer_parts(pointer: Any) -> Iterator[str]:
    if not isinstance(pointer, str) or not (pointer == "#" or pointer.startswith("#/")):
        raise Unsatisfiable("a '$ref' must begin with '#/'")
    return (part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:])


def _first(values: Any, keyword: str) -> Any:
    if not isinstance(values, list) or not values:
        raise Unsatisfiable(f"'{keyword}' must be a list with at least one value")
    return values[0]


def _list(schema: dict[str, Any], keyword: str) -> list[Any]:
    value = schema.get(keyword, [])
    if not isinstance(value, list):
        raise Unsatisfiable(f"'{keyword}' must be a list")
    return value
