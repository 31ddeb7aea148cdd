"""Does a value fit a JSON schema? The few keywords that answers need, each checked; any other is a programming error.

A general validator would bring four packages for this. What is not listed here is refused, never passed over.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}
_KEYWORDS = {
    "type",
    "description",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "minItems",
    "maxItems",
    "enum",
    "minLength",
    "maxLength",
    "pattern",
    "minimum",
    "maximum",
}


def misfits(value: Any, schema: Mapping[str, Any], where: str = "the answer") -> Iterator[str]:
    """What does not fit, in words; nothing where the value fits.

    Args:
        value: A value as JSON gives it.
        schema: Its JSON schema (draft 2020-12, `type` one name; see `_KEYWORDS`).
        where: The value's name, for the words.

    Raises:
        ValueError: The schema has a keyword that is not checked here.
    """
    if unknown := schema.keys() - _KEYWORDS:
        raise ValueError(f"the schema of {where} has keywords that are not checked: {', '.join(sorted(unknown))}")
    wanted = schema.get("type")
    if wanted is not None and not _is_a(value, wanted):
        yield f"{where} is no {wanted}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{where} is none of {', '.join(map(str, schema['enum']))}"
    if isinstance(value, str):
        yield from _text(value, schema, where)
    elif isinstance(value, dict):
        yield from _object(value, schema, where)
    elif isinstance(value, list):
        yield from _array(value, schema, where)
    elif not isinstance(value, bool) and value is not None:
        if not schema.get("minimum", value) <= value <= schema.get("maximum", value):
            yield f"{where} is not from {schema.get('minimum', '-')} to {schema.get('maximum', '-')}"


def _is_a(value: Any, wanted: str) -> bool:
    return isinstance(value, _TYPES[wanted]) and (wanted == "boolean" or not isinstance(value, bool))


def _text(value: str, schema: Mapping[str, Any], where: str) -> Iterator[str]:
    if len(value) < schema.get("minLength", 0):
        yield f"{where} is empty" if not value else f"{where} has fewer than {schema['minLength']} characters"
    if len(value) > schema.get("maxLength", len(value)):
        yield f"{where} has {len(value)} characters, more than {schema['maxLength']}"
    elif "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{where} does not match {schema['pattern']}"


def _array(value: list[Any], schema: Mapping[str, Any], where: str) -> Iterator[str]:
    if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
        yield f"{where} has {len(value)} items, not {schema.get('minItems', 0)} to {schema.get('maxItems', 'any')}"
    for number, item in enumerate(value):
        yield from misfits(item, schema.get("items", {}), f"{where}[{number}]")


def _object(value: dict[str, Any], schema: Mapping[str, Any], where: str) -> Iterator[str]:
    properties = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in value:
            yield f'{where} has no "{name}"'
    for name, part in value.items():
        if name in properties:
            yield from misfits(part, properties[name], f'"{name}"')
        elif schema.get("additionalProperties", True) is False:
            yield f'{where} has an unknown key "{name[:40]}"'
