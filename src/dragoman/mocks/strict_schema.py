"""What structured output demands of a JSON Schema: closed objects and, at OpenAI, every property required.

After OpenAI's guide to structured outputs ("Supported schemas") and Anthropic's ("JSON Schema limitations").
"""

from collections.abc import Iterator
from typing import Final

from dragoman.mocks.request import Json

_MAX_DEPTH: Final = 32
_LISTS: Final = ("anyOf", "oneOf", "allOf", "prefixItems")
_MAPS: Final = ("properties", "$defs", "definitions")
Context = tuple[str, ...]


def open_object(schema: Json) -> Context | None:
    """The way to the first object that allows members it does not name."""
    for context, part in _objects(schema, ()):
        if part.get("additionalProperties") is not False:
            return context
    return None


def optional_property(schema: Json) -> tuple[Context, str] | None:
    """The first property that is not required, and the way to its object."""
    for context, part in _objects(schema, ()):
        properties, required = part.get("properties"), part.get("required")
        listed = required if isinstance(required, list) else []
        for name in properties if isinstance(properties, dict) else ():
            if name not in listed:
                return context, name
    return None


def _objects(schema: Json, context: Context) -> Iterator[tuple[Context, dict[str, Json]]]:
    """Every schema of an object within, the outermost first."""
    if not isinstance(schema, dict) or len(context) > _MAX_DEPTH:
        return
    if schema.get("type") == "object" or "properties" in schema:
        yield context, schema
    for key in _MAPS:
        if isinstance(parts := schema.get(key), dict):
            for name, part in parts.items():
                yield from _objects(part, (*context, key, name))
    for key in _LISTS:
        if isinstance(options := schema.get(key), list):
            for index, part in enumerate(options):
                yield from _objects(part, (*context, key, str(index)))
    yield from _objects(schema.get("items"), (*context, "items"))
