"""Examples of tools and of the choice among them."""

from typing import Final

from dragoman.dialects import fields as f
from dragoman.dialects.calls import WRAP_SCHEMA, alias
from tests.dialects.examples.example import Example, Json, example

SCHEMA: Final = {"type": "object", "properties": {"a": {"type": "integer"}}}
NOTHING: Final = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
LONG: Final = "files.read"
GRAMMAR: Final = {"definition": "start: X", "syntax": "lark"}
SEARCH: Final = {"type": "web_search"}
WRAPPED_TEXT: Final = (
    "Give the whole input of the tool as one string in the member `input`.\n\n"
    "The input must follow this grammar (lark):\n\nstart: X"
)


def nested(name: str = "f", **more: object) -> Json:
    return {"type": "function", "function": {"name": name, "parameters": SCHEMA, "strict": False, **more}}


def flat(name: str = "f", **more: object) -> Json:
    return {"type": "function", "name": name, "parameters": SCHEMA, "strict": False, **more}


def block(name: str = "f", **more: object) -> Json:
    return {"name": name, "input_schema": SCHEMA, **more}


def chat(*tools: object, **more: object) -> Json:
    return {"tools": list(tools) or [nested()], **more}


def responses(*tools: object, **more: object) -> Json:
    """As a caller says it."""
    return {"tools": list(tools) or [flat()], **more}


def sent(*tools: Json, **more: object) -> Json:
    """As an upstream gets it: all members of a function are there."""
    given = list(tools) or [flat()]
    return {"tools": [one if one["type"] != "function" else {"description": None, **one} for one in given], **more}


def messages(*tools: object, **more: object) -> Json:
    return {"tools": list(tools) or [block()], **more}


NESTED_CUSTOM: Final = {"type": "custom", "custom": {"name": "p", "format": {"type": "grammar", "grammar": GRAMMAR}}}
FLAT_CUSTOM: Final = {"type": "custom", "name": "p", "format": {"type": "grammar", **GRAMMAR}}
WRAPPED: Final[Json] = {"name": "p", "description": WRAPPED_TEXT}
WRAP: Final = {
    "type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"], "additionalProperties": False,
}  # fmt: skip
assert bytes(WRAP_SCHEMA)
HOSTED: Final = {"type": "file_search", "vector_store_ids": ["v"]}
NAMED: Final[Json] = {"type": "function", "name": "f"}
ONE_ALLOWED: Final[Json] = {"type": "allowed_tools", "mode": "auto", "tools": [NAMED]}
ONE_ALLOWED_CHAT: Final[Json] = {
    "type": "allowed_tools",
    "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "f"}}]},
}
SPACE: Final = {"type": "namespace", "name": "crm", "description": "Customers.", "tools": [flat("find")]}

EXAMPLES: Final[list[Example]] = [
    *example(f.TOOL_NAME, "mapped", "c>r", chat(nested("g")), sent(flat("g")), row="="),
    *example(f.TOOL_NAME, "mapped", "c>m", chat(nested("g")), messages(block("g")), row="="),
    *example(f.TOOL_NAME, "mapped", "r>c", responses(flat("g")), chat(nested("g")), row="="),
    *example(f.TOOL_NAME, "mapped", "r>m", responses(flat("g")), messages(block("g")), row="="),
    *example(f.TOOL_NAME, "mapped", "m>c", messages(block("g")), chat(nested("g")), row="="),
    *example(f.TOOL_NAME, "mapped", "m>r", messages(block("g")), sent(flat("g")), row="="),
    *example(
        f.TOOL_NAME, "mapped", "c>r", chat(nested(LONG)), sent(flat(alias(LONG))),
        row="alias", param="tools[0].function.name",
    ),
    *example(
        f.TOOL_NAME, "mapped", "c>m", chat(nested(LONG)), messages(block(alias(LONG))),
        row="alias", param="tools[0].function.name",
    ),
    *example(
        f.TOOL_NAME, "mapped", "r>c", responses(flat(LONG)), chat(nested(alias(LONG))),
        row="alias", param="tools[0].name",
    ),
    *example(
        f.TOOL_NAME, "mapped", "r>m", responses(flat(LONG)), messages(block(alias(LONG))),
        row="alias", param="tools[0].name",
    ),
    *example(
        f.TOOL_NAME, "mapped", "m>c", messages(block(LONG)), chat(nested(alias(LONG))),
        row="alias", param="tools[0].name",
    ),
    *example(
        f.TOOL_NAME, "mapped", "m>r", messages(block(LONG)), sent(flat(alias(LONG))), row="alias", param="tools[0].name"
    ),
    *example(
        f.TOOL_NAME, "refused", "c>r c>m", chat(nested(LONG)), param="tools[0].function.name",
        quirks={"tool_names": "reject"},
    ),
    *example(
        f.TOOL_NAME, "refused", "r>c r>m", responses(flat(LONG)), param="tools[0].name", quirks={"tool_names": "reject"}
    ),
    *example(
        f.TOOL_NAME, "refused", "m>c m>r", messages(block(LONG)), param="tools[0].name", quirks={"tool_names": "reject"}
    ),
    *example(f.DESCRIPTION, "mapped", "c>r", chat(nested(description="d")), sent(flat(description="d"))),
    *example(f.DESCRIPTION, "mapped", "c>m", chat(nested(description="d")), messages(block(description="d"))),
    *example(f.DESCRIPTION, "mapped", "r>c", responses(flat(description="d")), chat(nested(description="d"))),
    *example(f.DESCRIPTION, "mapped", "r>m", responses(flat(description="d")), messages(block(description="d"))),
    *example(f.DESCRIPTION, "mapped", "m>c", messages(block(description="d")), chat(nested(description="d"))),
    *example(f.DESCRIPTION, "mapped", "m>r", messages(block(description="d")), sent(flat(description="d"))),
    *example(
        f.PARAMETERS, "mapped", "c>r", chat({"type": "function", "function": {"name": "f"}}),
        sent(flat(parameters=NOTHING)),
    ),
    *example(f.PARAMETERS, "mapped", "m>r", messages(), sent()),
    *example(f.PARAMETERS, "mapped", "c>m", chat(), messages()),
    *example(f.PARAMETERS, "mapped", "r>c", responses(), chat()),
    *example(f.PARAMETERS, "mapped", "r>m", responses(), messages()),
    *example(f.PARAMETERS, "mapped", "m>c", messages(), chat()),
    *example(f.STRICT, "mapped", "c>r", chat(nested(strict=True)), sent(flat(strict=True))),
    *example(f.STRICT, "mapped", "r>c", responses(flat(strict=True)), chat(nested(strict=True))),
    *example(f.STRICT, "mapped", "c>m", chat(nested(strict=True)), messages(block(strict=True))),
    *example(f.STRICT, "mapped", "r>m", responses(flat(strict=True)), messages(block(strict=True))),
    *example(f.STRICT, "mapped", "m>c", messages(block(strict=True)), chat(nested(strict=True))),
    *example(f.STRICT, "mapped", "m>r", messages(block(strict=True)), sent(flat(strict=True))),
    *example(
        f.STRICT, "dropped", "c>r", chat(nested(strict=True)), sent(flat(strict=None)),
        param="tools[0].function.strict", quirks={"strict_tools": False},
    ),
    *example(
        f.STRICT, "dropped", "c>m", chat(nested(strict=True)), messages(),
        param="tools[0].function.strict", quirks={"strict_tools": False},
    ),
    *example(
        f.STRICT, "dropped", "r>m", responses(flat(strict=True)), messages(),
        param="tools[0].strict", quirks={"strict_tools": False},
    ),
    *example(
        f.STRICT, "dropped", "r>c", responses(flat(strict=True)),
        chat({"type": "function", "function": {"name": "f", "parameters": SCHEMA}}),
        param="tools[0].strict", quirks={"strict_tools": False},
    ),
    *example(
        f.STRICT, "dropped", "m>c", messages(block(strict=True)),
        chat({"type": "function", "function": {"name": "f", "parameters": SCHEMA}}),
        param="tools[0].strict", quirks={"strict_tools": False},
    ),
    *example(
        f.STRICT, "dropped", "m>r", messages(block(strict=True)), sent(flat(strict=None)),
        param="tools[0].strict", quirks={"strict_tools": False},
    ),
    *example(f.CUSTOM_TOOL, "mapped", "c>r", chat(NESTED_CUSTOM), sent(FLAT_CUSTOM), row="="),
    *example(f.CUSTOM_TOOL, "mapped", "r>c", responses(FLAT_CUSTOM), chat(NESTED_CUSTOM), row="="),
    *example(
        f.CUSTOM_TOOL, "mapped", "c>r", chat(NESTED_CUSTOM),
        sent({"type": "function", **WRAPPED, "parameters": WRAP, "strict": False}),
        row="wrap", param="tools[0].type", quirks={"custom_tools": "wrap"},
    ),
    *example(
        f.CUSTOM_TOOL, "mapped", "c>m", chat(NESTED_CUSTOM), messages({**WRAPPED, "input_schema": WRAP}),
        param="tools[0].type", quirks={"custom_tools": "wrap"},
    ),
    *example(
        f.CUSTOM_TOOL, "mapped", "r>c", responses(FLAT_CUSTOM),
        chat({"type": "function", "function": {**WRAPPED, "parameters": WRAP, "strict": False}}),
        row="wrap", param="tools[0].type", quirks={"custom_tools": "wrap"},
    ),
    *example(
        f.CUSTOM_TOOL, "mapped", "r>m", responses(FLAT_CUSTOM), messages({**WRAPPED, "input_schema": WRAP}),
        param="tools[0].type", quirks={"custom_tools": "wrap"},
    ),
    *example(
        f.CUSTOM_TOOL, "refused", "c>r c>m", chat(NESTED_CUSTOM), param="tools[0].type",
        quirks={"custom_tools": "reject"},
    ),
    *example(
        f.CUSTOM_TOOL, "refused", "r>c r>m", responses(FLAT_CUSTOM), param="tools[0].type",
        quirks={"custom_tools": "reject"},
    ),
    *example(f.HOSTED_TOOL, "refused", "r>c r>m", responses(HOSTED), param="tools[0].type"),
    *example(
        f.HOSTED_TOOL, "refused", "m>c m>r", messages({"type": "bash_20250124", "name": "bash"}), param="tools[0].type"
    ),
    *example(
        f.WEB_TOOL, "mapped", "r>c", responses(SEARCH), {"web_search_options": {}},
        param="tools[0].type", quirks={"web_search": True},
    ),
    *example(f.WEB_TOOL, "refused", "r>m", responses(SEARCH), param="tools[0].type"),
    *example(f.DEFER_LOADING, "vacuous", "r>c r>m", responses(flat(defer_loading=False)), beside=responses()),
    *example(f.DEFER_LOADING, "vacuous", "m>c m>r", messages(block(defer_loading=False)), beside=messages()),
    *example(f.DEFER_LOADING, "refused", "r>c r>m", responses(flat(defer_loading=True)), param="tools[0].defer_loading"),
    *example(
        f.DEFER_LOADING, "executed", "m>c m>r", messages(block(), block("g", defer_loading=True)), beside=messages()
    ),
    *example(f.ASYNC, "vacuous", "r>c r>m", responses({**flat(), "async": False}), beside=responses()),
    *example(f.ASYNC, "refused", "r>c r>m", responses({**flat(), "async": True}), param="tools[0].async"),
    *example(f.ALLOWED_CALLERS, "vacuous", "r>c r>m", responses(flat(allowed_callers=["direct"])), beside=responses()),
    *example(f.ALLOWED_CALLERS, "vacuous", "m>c m>r", messages(block(allowed_callers=["direct"])), beside=messages()),
    *example(
        f.ALLOWED_CALLERS, "refused", "r>c r>m", responses(flat(allowed_callers=["code"])),
        param="tools[0].allowed_callers",
    ),
    *example(
        f.ALLOWED_CALLERS, "refused", "m>c m>r", messages(block(allowed_callers=["code"])),
        param="tools[0].allowed_callers",
    ),
    *example(
        f.OUTPUT_SCHEMA, "refused", "r>c r>m", responses(flat(output_schema=SCHEMA)), param="tools[0].output_schema"
    ),
    *example(
        f.INPUT_EXAMPLES, "refused", "m>c m>r", messages(block(input_examples=[{"a": 1}])),
        param="tools[0].input_examples",
    ),
    *example(f.EAGER, "vacuous", "m>c m>r", messages(block(eager_input_streaming=True)), beside=messages()),
    *example(
        f.TOOL_CACHE, "dropped", "m>c m>r", messages(block(cache_control={"type": "ephemeral"})), beside=messages(),
        param="tools[0].cache_control",
    ),
    *example(
        f.NAMESPACE, "mapped", "r>c", responses(SPACE), chat(nested("crm__find", description="Customers.")),
        param="tools[0]",
    ),
    *example(
        f.NAMESPACE, "mapped", "r>m", responses(SPACE), messages(block("crm__find", description="Customers.")),
        param="tools[0]",
    ),
    *example(
        f.FUNCTIONS, "mapped", "c>r", {"functions": [{"name": "f", "parameters": SCHEMA}]},
        sent(parallel_tool_calls=False),
    ),
    *example(
        f.FUNCTIONS, "mapped", "c>m", {"functions": [{"name": "f", "parameters": SCHEMA}]},
        messages(tool_choice={"type": "auto", "disable_parallel_tool_use": True}),
    ),
    *example(
        f.WEB_SEARCH, "mapped", "c>r",
        {"web_search_options": {"search_context_size": "low", "user_location": {"type": "approximate", "approximate": {"city": "Bern"}}}},
        {"tools": [{"type": "web_search", "search_context_size": "low", "user_location": {"type": "approximate", "city": "Bern"}}]},
    ),
    *example(f.WEB_SEARCH, "refused", "c>m", {"web_search_options": {"search_context_size": "low"}}),
    *example(f.CHOICE, "mapped", "c>r", chat(tool_choice={"type": "function", "function": {"name": "f"}}), sent(tool_choice=NAMED)),
    *example(f.CHOICE, "mapped", "c>m", chat(tool_choice="required"), messages(tool_choice={"type": "any"})),
    *example(f.CHOICE, "mapped", "r>c", responses(tool_choice=NAMED), chat(tool_choice={"type": "function", "function": {"name": "f"}})),
    *example(f.CHOICE, "mapped", "r>m", responses(tool_choice=NAMED), messages(tool_choice={"type": "tool", "name": "f"})),
    *example(f.CHOICE, "mapped", "m>c", messages(tool_choice={"type": "any"}), chat(tool_choice="required")),
    *example(f.CHOICE, "mapped", "m>r", messages(tool_choice={"type": "none"}), sent(tool_choice="none")),
    *example(f.ALLOWED, "mapped", "c>r", chat(nested(), nested("g"), tool_choice=ONE_ALLOWED_CHAT), sent(flat(), flat("g"), tool_choice=ONE_ALLOWED)),
    *example(f.ALLOWED, "mapped", "r>c", responses(flat(), flat("g"), tool_choice=ONE_ALLOWED), chat(nested(), nested("g"), tool_choice=ONE_ALLOWED_CHAT), row="="),
    *example(f.ALLOWED, "mapped", "c>m", chat(nested(), nested("g"), tool_choice=ONE_ALLOWED_CHAT), messages(tool_choice={"type": "auto"})),
    *example(f.ALLOWED, "mapped", "r>m", responses(flat(), flat("g"), tool_choice=ONE_ALLOWED), messages(tool_choice={"type": "auto"})),
    *example(
        f.ALLOWED, "mapped", "r>c", responses(flat(), flat("g"), tool_choice=ONE_ALLOWED), chat(tool_choice="auto"),
        row="only the allowed", quirks={"allowed_tools": False},
    ),
    *example(f.HOSTED_CHOICE, "refused", "r>c r>m", responses(tool_choice={"type": "file_search"})),
    *example(f.FUNCTION_CALL, "mapped", "c>r", chat(function_call={"name": "f"}), sent(tool_choice=NAMED)),
    *example(f.FUNCTION_CALL, "mapped", "c>m", chat(function_call={"name": "f"}), messages(tool_choice={"type": "tool", "name": "f"})),
    *example(f.PARALLEL, "mapped", "c>r", chat(parallel_tool_calls=False), sent(parallel_tool_calls=False)),
    *example(f.PARALLEL, "mapped", "r>c", responses(parallel_tool_calls=False), chat(parallel_tool_calls=False)),
    *example(f.PARALLEL, "mapped", "c>m", chat(parallel_tool_calls=False), messages(tool_choice={"type": "auto", "disable_parallel_tool_use": True})),
    *example(f.PARALLEL, "mapped", "r>m", responses(parallel_tool_calls=False), messages(tool_choice={"type": "auto", "disable_parallel_tool_use": True})),
    *example(f.PARALLEL, "mapped", "m>c", messages(tool_choice={"type": "auto", "disable_parallel_tool_use": True}), chat(tool_choice="auto", parallel_tool_calls=False)),
    *example(f.PARALLEL, "mapped", "m>r", messages(tool_choice={"type": "auto", "disable_parallel_tool_use": True}), sent(tool_choice="auto", parallel_tool_calls=False)),
    *example(f.PARALLEL, "vacuous", "c>m r>m", {"parallel_tool_calls": True}),
    *example(f.PARALLEL, "vacuous", "r>c", {"parallel_tool_calls": True}),
    *example(f.PARALLEL, "vacuous", "m>c", {"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}}),
]  # fmt: skip
