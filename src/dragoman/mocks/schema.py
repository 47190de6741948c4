"""A smallest sensible instance of a JSON Schema. Not a validator: what it does not know it ignores.

Known: `type` (one or several), `enum`, `const`, `default`, `properties`, `required`, `items`, `prefixItems`,
`minItems`, `maxItems`, `uniqueItems`, `anyOf`, `oneOf`, `allOf`, `$ref` within the document, `minimum`,
`maximum`, their exclusive forms, `multipleOf`, `minLength`, `maxLength` and the common `format`s; not
`pattern` and not `not`.
Required members are always there, optional ones near the top only, so recursive schemas end; one that
requires itself without end has no instance, and gets `null` where the bound is reached.
"""

import math
from collections.abc import Mapping
from typing import Final

from dragoman.mocks.request import Json

_MAX_DEPTH: Final = 24
_OPTIONAL_DEPTH: Final = 3
_MAX_NODES: Final = 5000
_MAX_ITEMS: Final = 100
_MAX_LENGTH: Final = 10_000
_FORMATS: Final[Mapping[str, str]] = {
    "date-time": "2024-01-01T00:00:00Z",
    "date": "2024-01-01",
    "time": "00:00:00Z",
    "duration": "PT1S",
    "email": "user@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}
Schema = Mapping[str, Json]


def instance(schema: Json, text: str = "text") -> Json:
    """A value that satisfies `schema`; `text` fills strings of no particular form."""
    return _Walk(schema, text).value(schema, 0, 0)


class _Walk:
    """One walk over one document; `variant` makes the items of a `uniqueItems` array differ."""

    def __init__(self, root: Json, text: str) -> None:
        self._root = root
        self._text = text
        self._nodes = 0

    def value(self, schema: Json, depth: int, variant: int) -> Json:
        self._nodes += 1
        if not isinstance(schema, dict) or depth > _MAX_DEPTH or self._nodes > _MAX_NODES:
            return None
        schema = self._resolved(schema, depth)
        fixed = _fixed(schema, variant)
        if fixed:
            return fixed[0]
        match _kind(schema, depth):
            case "object":
                return self._object(schema, depth)
            case "array":
                return self._array(schema, depth)
            case "string":
                return self._string(schema, variant)
            case "integer" | "number" as kind:
                try:
                    return _number(schema, kind, variant)
                except OverflowError:
                    return 1  # bounds beyond what a float holds
            case "boolean":
                return variant % 2 == 0
            case _:
                return None

    def _resolved(self, schema: dict[str, Json], depth: int) -> dict[str, Json]:
        """The schema with its `$ref`, `allOf` and the first fitting of its alternatives merged into it."""
        for _ in range(_MAX_DEPTH):
            rest = {key: part for key, part in schema.items() if key not in ("$ref", "allOf", "anyOf", "oneOf")}
            parts: list[Json] = []
            if isinstance(ref := schema.get("$ref"), str):
                parts.append(self._target(ref))
            if isinstance(every := schema.get("allOf"), list):
                parts += every
            for name in ("anyOf", "oneOf"):
                if isinstance(options := schema.get(name), list) and options:
                    parts.append(_option(options, depth))
            if not parts:
                return schema
            schema = rest
            for part in parts:
                schema = _merged(schema, part)
        return schema

    def _target(self, ref: str) -> Json:
        """What a JSON Pointer (RFC 6901) into the document names; an empty schema if nothing."""
        place: Json = self._root
        for step in filter(None, ref.removeprefix("#").split("/")):
            if not isinstance(place, dict):
                return {}
            place = place.get(step.replace("~1", "/").replace("~0", "~"), {})
        return place

    def _object(self, schema: Schema, depth: int) -> Json:
        properties, required = schema.get("properties"), schema.get("required")
        known = properties if isinstance(properties, dict) else {}
        needed = [name for name in required if isinstance(name, str)] if isinstance(required, list) else []
        optional = known if depth < _OPTIONAL_DEPTH else {}
        names = [name for name in known if name in needed or name in optional]
        names += [name for name in needed if name not in known]
        return {name: self.value(known.get(name, {"type": "string"}), depth + 1, 0) for name in names}

    def _array(self, schema: Schema, depth: int) -> Json:
        low, high = _whole(schema, "minItems", 0), _whole(schema, "maxItems", _MAX_ITEMS)
        prefix = schema.get("prefixItems")
        first = prefix if isinstance(prefix, list) else []
        wished = max(low, len(first), 1 if depth < _OPTIONAL_DEPTH else 0)
        items, unique = schema.get("items", {"type": "string"}), bool(schema.get("uniqueItems"))
        made: list[Json] = []
        for index in range(min(wished, high, _MAX_ITEMS)):
            item = first[index] if index < len(first) else items
            made.append(self.value(item, depth + 1, index if unique else 0))
        return made

    def _string(self, schema: Schema, variant: int) -> str:
        form = schema.get("format")
        if isinstance(form, str) and form in _FORMATS:
            return _FORMATS[form]
        text = f"{self._text} {variant}" if variant else self._text
        low, high = _whole(schema, "minLength", 0), _whole(schema, "maxLength", _MAX_LENGTH)
        return text.ljust(min(low, _MAX_LENGTH), "x")[:high]


def _fixed(schema: Schema, variant: int) -> list[Json]:
    """The value a schema dictates or suggests, in a list; an empty one if it does neither."""
    if "const" in schema:
        return [schema["const"]]
    enum = schema.get("enum")
    if isinstance(enum, list) and enum:
        return [enum[variant % len(enum)]]
    if "default" in schema and not variant:
        return [schema["default"]]
    return []


def _kind(schema: Schema, depth: int) -> str:
    kinds = schema.get("type")
    if isinstance(kinds, list):
        names = [kind for kind in kinds if isinstance(kind, str)]
        if depth >= _OPTIONAL_DEPTH and "null" in names:
            return "null"
        kinds = next((kind for kind in names if kind != "null"), "null")
    if isinstance(kinds, str):
        return kinds
    if "properties" in schema or "required" in schema:
        return "object"
    return "array" if "items" in schema or "prefixItems" in schema else "string"


def _option(options: list[Json], depth: int) -> Json:
    """The first alternative; deep down one without references, so that recursion ends."""
    if depth >= _OPTIONAL_DEPTH:
        return min(options, key=lambda option: isinstance(option, dict) and _recursive(option))
    return next((option for option in options if option != {"type": "null"}), options[0])


def _recursive(schema: Schema) -> bool:
    return "$ref" in schema or "properties" in schema or "items" in schema


def _merged(base: dict[str, Json], part: Json) -> dict[str, Json]:
    if not isinstance(part, dict):
        return base
    merged = {**part, **base}
    ours, theirs = base.get("properties"), part.get("properties")
    if isinstance(ours, dict) and isinstance(theirs, dict):
        merged["properties"] = {**theirs, **ours}
    needed, more = base.get("required"), part.get("required")
    if isinstance(needed, list) and isinstance(more, list):
        merged["required"] = [*needed, *(name for name in more if name not in needed)]
    return merged


def _whole(schema: Schema, name: str, fallback: int) -> int:
    number = schema.get(name)
    return max(0, number) if isinstance(number, int) and not isinstance(number, bool) else fallback


def _bound(schema: Schema, name: str) -> float | None:
    number = schema.get(name)
    return float(number) if isinstance(number, int | float) and not isinstance(number, bool) else None


def _number(schema: Schema, kind: str, variant: int) -> Json:
    step = abs(_bound(schema, "multipleOf") or 1.0)
    low, above = _bound(schema, "minimum"), _bound(schema, "exclusiveMinimum")
    high, below = _bound(schema, "maximum"), _bound(schema, "exclusiveMaximum")
    floor = max((bound for bound in (low, above) if bound is not None), default=None)
    ceiling = min((bound for bound in (high, below) if bound is not None), default=None)
    number = 1.0
    if floor is not None and number <= floor:
        number = floor if floor == low and floor != above else floor + 1
    number = math.ceil(number / step) * step
    if ceiling is not None and (number > ceiling or number == below):
        number = _squeezed(floor, ceiling, kind, step, ceiling == below)
    number += variant * step
    # A whole number is written without a point: not every tool that says `number` reads one.
    return int(number) if kind == "integer" or number.is_integer() else number


def _squeezed(floor: float | None, ceiling: float, kind: str, step: float, exclusive: bool) -> float:
    """A number under a ceiling that the usual choice exceeds."""
    if kind == "integer" or step != 1.0:
        number = math.floor(ceiling / step) * step
        return number - step if exclusive and number == ceiling else number
    if floor is None:
        return ceiling - 1
    return (floor + ceiling) / 2
