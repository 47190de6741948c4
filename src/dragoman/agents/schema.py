"""The arguments of a function as a JSON Schema, and JSON text as arguments: from its signature and its docstring.

The signature becomes a TypedDict, which pydantic checks; so a parameter may have any name, and a default is the
function's own. A docstring of Google's, NumPy's or Sphinx' style says what each parameter is.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Final, NotRequired, get_type_hints

from griffe import Docstring, DocstringSectionKind
from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.errors import PydanticUserError
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import PydanticSerializationError, to_jsonable_python
from typing_extensions import TypedDict

from dragoman.agents.context import Context
from dragoman.agents.errors import AgentError

CONTEXT_NAMES: Final = ("ctx", "context")
_STYLES: Final = ("google", "numpy", "sphinx")
_NAMED: Final = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
Schema = dict[str, Any]
_make_typed_dict: Final[Any] = TypedDict
"""Called as a function, for its members are known only then; a type checker wants them written down."""


class _Untitled(GenerateJsonSchema):
    """Titles say the names over again, and are paid for by the token."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


@dataclass(frozen=True, slots=True)
class Signature:
    """What a function takes of a model, and what its docstring says of it."""

    description: str
    schema: Schema
    takes_context: bool
    _arguments: TypeAdapter[dict[str, Any]]

    def parse(self, text: str) -> dict[str, Any]:
        """Arguments from JSON text. Raises `pydantic.ValidationError`."""
        return self._arguments.validate_json(text or "{}")

    def convert(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Arguments from values, text among them. Raises `pydantic.ValidationError`."""
        return self._arguments.validate_python(given)


def read(function: Callable[..., Any]) -> Signature:
    """Raises `AgentError` for a function whose arguments no model could name."""
    parameters = list(inspect.signature(function).parameters.values())
    hints = _hints(function)
    takes_context = bool(parameters) and _is_context(parameters[0], hints)
    described, texts = _documented(function)
    members: dict[str, Any] = {}
    for parameter in parameters[takes_context:]:
        if parameter.kind not in _NAMED:
            raise AgentError(
                f"{_name(function)}: {parameter} is not a parameter with a name; a model names all it gives"
            )
        members[parameter.name] = _member(parameter, hints.get(parameter.name, Any), texts.get(parameter.name))
    adapter = _adapter(members, function)
    schema = adapter.json_schema(schema_generator=_Untitled)
    schema.pop("title", None)
    schema.pop("description", None)
    schema.setdefault("properties", {})
    return Signature(described, schema, takes_context, adapter)


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    while isinstance(function, partial):
        function = function.func
    annotated = function if inspect.isroutine(function) else type(function).__call__
    try:
        return get_type_hints(annotated, include_extras=True)
    except NameError as error:
        message = f"{_name(function)}: {error}; the types of a tool's parameters must be known where it is defined"
        raise AgentError(message) from None


def _name(function: Callable[..., Any]) -> str:
    return getattr(function, "__qualname__", repr(function))


def _adapter(members: Mapping[str, Any], function: Callable[..., Any]) -> TypeAdapter[dict[str, Any]]:
    shape = _make_typed_dict("Arguments", dict(members))
    shape.__pydantic_config__ = ConfigDict(extra="forbid", arbitrary_types_allowed=False)
    try:
        return TypeAdapter(shape)
    except PydanticUserError as error:
        raise AgentError(f"{_name(function)}: {error.message.splitlines()[0]}") from None


def _is_context(parameter: inspect.Parameter, hints: Mapping[str, Any]) -> bool:
    hint = hints.get(parameter.name)
    return hint is Context or (hint is None and parameter.name in CONTEXT_NAMES)


def _member(parameter: inspect.Parameter, hint: Any, text: str | None) -> Any:
    extra: dict[str, Any] = {}
    if parameter.default is not inspect.Parameter.empty:
        try:
            extra["default"] = to_jsonable_python(parameter.default)
        except PydanticSerializationError:  # it is the function's own affair then
            extra = {}
        typed = Annotated[hint, Field(description=text, json_schema_extra=extra or None)]
        return NotRequired[typed]
    return hint if text is None else Annotated[hint, Field(description=text)]


def _documented(function: Callable[..., Any]) -> tuple[str, dict[str, str]]:
    """The text of the docstring, and those of the parameters, in the style in which it has most of them."""
    docstring = inspect.getdoc(function) or ""
    best: tuple[str, dict[str, str]] = (docstring, {})
    for style in _STYLES:
        sections = Docstring(docstring).parse(style, warnings=False)
        texts = {
            one.name: " ".join(one.description.split())
            for section in sections
            if section.kind is DocstringSectionKind.parameters
            for one in section.value
        }
        if len(texts) > len(best[1]):
            said = (section.value for section in sections if section.kind is DocstringSectionKind.text)
            best = ("\n\n".join(said), texts)
    return best


def closed(schema: Schema) -> tuple[Schema, bool]:
    """A schema in which no object takes what it does not name, and whether it is one of OpenAI's strict kind."""
    strict = True

    def close(node: Any) -> Any:
        nonlocal strict
        if isinstance(node, list):
            return [close(one) for one in node]
        if not isinstance(node, dict):
            return node
        node = {name: close(one) for name, one in node.items()}
        if node.get("type") == "object":
            properties = node.get("properties", {})
            strict = strict and "properties" in node and set(node.get("required", ())) == set(properties)
            if "properties" in node:
                node.setdefault("additionalProperties", False)
                strict = strict and node["additionalProperties"] is False
        return node

    return close(schema), strict
