"""Answers of a type: what the model is told of it, and its text as a value of it."""

from dataclasses import dataclass
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from dragoman.agents.schema import closed
from dragoman.turn import Format
from dragoman.wire.chat import raw

_WRAPPED: Final = "value"
"""Models answer with objects only; anything else is in one, under this name."""


@dataclass(frozen=True, slots=True)
class OutputType:
    """What `of` gives for a type."""

    name: str
    format: Format
    retries: int
    _adapter: TypeAdapter[Any]
    _wrapped: bool

    def parse(self, text: str) -> Any:
        """Raises `pydantic.ValidationError`."""
        value = self._adapter.validate_json(text)
        return value[_WRAPPED] if self._wrapped else value

    def faults(self, error: ValidationError) -> str:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        return "; ".join(f"{'.'.join(map(str, one['loc'])) or 'all of it'}: {one['msg']}" for one in found)

    def complaint(self, error: ValidationError) -> str:
        """What the model is told of an answer that is not of the type."""
        return f"Your answer is not what it has to be. Answer again, with JSON alone. {self.faults(error)}"


def of(kind: Any, retries: int = 1) -> OutputType:
    """How to ask for an answer of this type; an answer that is not of it is asked for again `retries` times."""
    adapter = TypeAdapter(kind)
    schema = adapter.json_schema()
    wrapped = schema.get("type") != "object"
    if wrapped:
        definitions = schema.pop("$defs", None)
        schema = {"type": "object", "properties": {_WRAPPED: schema}, "required": [_WRAPPED]}
        schema |= {"$defs": definitions} if definitions else {}
        adapter = TypeAdapter(dict[str, kind])
    schema, strict = closed(schema)
    name = "".join(
        c if c.isascii() and (c.isalnum() or c in "_-") else "_" for c in getattr(kind, "__name__", "answer")
    )
    return OutputType(
        name, Format("json_schema", name[:64], schema=raw(schema), strict=strict), retries, adapter, wrapped
    )
