"""The request of Anthropic's Messages API as a table, after `MessageCreateParams` of anthropic-python 2.11.

Closed like the real API, and null only where it takes null. What an `anthropic-beta` header allows beside
it is `BETA`. Blocks and tools that Anthropic's servers run are let through unread; the mock runs none.
"""

from typing import Final

from dragoman.mocks.form import (
    Check,
    Place,
    Problem,
    anything,
    array,
    boolean,
    by_type,
    integer,
    mapping,
    members,
    nullable,
    number,
    one_of,
    tagged,
    text,
)
from dragoman.mocks.request import Json

MIN_THINKING: Final = 1024
_TYPE: Final = {"type": text()}
_CACHED: Final = {"cache_control": nullable(members({"type": one_of("ephemeral")}, {"ttl": one_of("5m", "1h")}))}
_ID: Final = text(1, None, "[a-zA-Z0-9_-]+")
_NAME: Final = text(1, None, "[a-zA-Z0-9_-]{1,128}")
_FILE: Final = members({**_TYPE, "file_id": text()})
_URL: Final = members({**_TYPE, "url": text()})


def _data(*media_types: str) -> Check:
    return members({**_TYPE, "media_type": one_of(*media_types), "data": text()})


_TEXT: Final = members({**_TYPE, "text": text()}, {**_CACHED, "citations": nullable(array(mapping()))})
_IMAGE: Final = members(
    {
        **_TYPE,
        "source": tagged(
            {"base64": _data("image/jpeg", "image/png", "image/gif", "image/webp"), "url": _URL, "file": _FILE}
        ),
    },
    {**_CACHED, "transformations": nullable(mapping())},
)
_DOCUMENT: Final = members(
    {
        **_TYPE,
        "source": tagged(
            {
                "base64": _data("application/pdf"),
                "text": _data("text/plain"),
                "content": members({**_TYPE, "content": anything}),
                "url": _URL,
                "file": _FILE,
            }
        ),
    },
    {**_CACHED, "title": nullable(text()), "context": nullable(text()), "citations": nullable(mapping())},
)
_SEARCH_RESULT: Final = members(
    {**_TYPE, "source": text(), "title": text(), "content": array(_TEXT, 1)}, {**_CACHED, "citations": mapping()}
)
_RESULT_PARTS: Final = {
    "text": _TEXT,
    "image": _IMAGE,
    "document": _DOCUMENT,
    "search_result": _SEARCH_RESULT,
    **dict.fromkeys(("tool_reference", "browser_state"), mapping()),
}
_SERVED_BLOCKS: Final = (
    "server_tool_use",
    "web_search_tool_result",
    "web_fetch_tool_result",
    "code_execution_tool_result",
    "bash_code_execution_tool_result",
    "text_editor_code_execution_tool_result",
    "tool_search_tool_result",
    "container_upload",
)
_BLOCK: Final = tagged(
    {
        "text": _TEXT,
        "image": _IMAGE,
        "document": _DOCUMENT,
        "search_result": _SEARCH_RESULT,
        "thinking": members({**_TYPE, "thinking": text(), "signature": text()}),
        "redacted_thinking": members({**_TYPE, "data": text()}),
        "tool_use": members(
            {**_TYPE, "id": _ID, "name": _NAME, "input": mapping()},
            {**_CACHED, "caller": mapping(), "toolset_name": nullable(text())},
        ),
        "tool_result": members(
            {**_TYPE, "tool_use_id": _ID},
            {
                **_CACHED,
                "content": by_type(string=text(), array=array(tagged(_RESULT_PARTS))),
                "is_error": boolean,
                "toolset_name": nullable(text()),
            },
        ),
        **dict.fromkeys(_SERVED_BLOCKS, mapping()),
    }
)
_MESSAGE: Final = members({"role": one_of("user", "assistant"), "content": by_type(string=text(), array=array(_BLOCK))})


def _input_schema(value: Json, place: Place) -> Problem | None:
    """A JSON Schema of an object, its other keywords unread."""
    if not isinstance(value, dict):
        return mapping()(value, place)
    at = (*place, "type")
    return one_of("object")(value["type"], at) if "type" in value else Problem("missing", at)


_SERVED_TOOLS: Final = (
    "bash_20250124",
    "browser_toolset_20260801",
    "code_execution_20250522",
    "code_execution_20250825",
    "code_execution_20260120",
    "code_execution_20260521",
    "computer_toolset_20260801",
    "memory_20250818",
    "text_editor_20250124",
    "text_editor_20250429",
    "text_editor_20250728",
    "tool_search_tool_bm25",
    "tool_search_tool_bm25_20251119",
    "tool_search_tool_regex",
    "tool_search_tool_regex_20251119",
    "web_fetch_20250910",
    "web_fetch_20260209",
    "web_fetch_20260309",
    "web_fetch_20260318",
    "web_search_20250305",
    "web_search_20260209",
    "web_search_20260318",
)
_TOOL: Final = tagged(
    {
        "custom": members(
            {"name": _NAME, "input_schema": _input_schema},
            {
                **_TYPE,
                **_CACHED,
                "description": text(),
                "strict": boolean,
                "allowed_callers": array(text()),
                "defer_loading": boolean,
                "eager_input_streaming": nullable(boolean),
                "input_examples": array(mapping()),
            },
        ),
        **dict.fromkeys(_SERVED_TOOLS, mapping()),
    },
    default="custom",
)
_PARALLEL: Final = {"disable_parallel_tool_use": boolean}
_TOOL_CHOICE: Final = tagged(
    {
        "auto": members(_TYPE, _PARALLEL),
        "any": members(_TYPE, _PARALLEL),
        "tool": members({**_TYPE, "name": text()}, _PARALLEL),
        "none": members(_TYPE),
    }
)
_DISPLAY: Final = {"display": nullable(one_of("summarized", "omitted"))}
_THINKING: Final = tagged(
    {
        "enabled": members({**_TYPE, "budget_tokens": integer(MIN_THINKING)}, _DISPLAY),
        "adaptive": members(_TYPE, _DISPLAY),
        "between_tools": members(_TYPE),
        "disabled": members(_TYPE),
    }
)
_OUTPUT: Final = members(
    {},
    {
        "effort": nullable(one_of("low", "medium", "high", "xhigh", "max")),
        "format": nullable(members({"type": one_of("json_schema"), "schema": mapping()})),
    },
)
_REQUIRED: Final = {"model": text(1), "messages": array(_MESSAGE, 1)}
_PROMPT: Final = {
    **_CACHED,
    "system": by_type(string=text(), array=array(tagged({"text": _TEXT}))),
    "thinking": _THINKING,
    "tool_choice": _TOOL_CHOICE,
    "tools": array(_TOOL),
    "output_config": _OUTPUT,
    "speed": nullable(one_of("standard", "fast")),
    "user_profile_id": text(),
    "workspace_id": text(),
}
_BETA: Final = dict.fromkeys(
    (
        "billing_policy",
        "compaction",
        "context_management",
        "fallback_credit_token",
        "fallbacks",
        "mcp_servers",
        "output_format",
        "thread",
    ),
    anything,
)
_CREATED: Final = {
    **_PROMPT,
    "stream": boolean,
    "stop_sequences": array(text(1)),
    # Gone from the SDK's types, not from the models that the mock has.
    "temperature": number(0, 1),
    "top_p": number(0, 1),
    "top_k": integer(0),
    "metadata": members({}, {"user_id": nullable(text(0, 256))}),
    "service_tier": one_of("auto", "standard_only"),
    "container": nullable(by_type(string=text(), object=mapping())),
    "diagnostics": nullable(mapping()),
    "inference_geo": nullable(text()),
}
# Zero fills the prompt cache and makes nothing.
CREATE: Final = members({**_REQUIRED, "max_tokens": integer(0)}, _CREATED)
CREATE_BETA: Final = members({**_REQUIRED, "max_tokens": integer(0)}, {**_CREATED, **_BETA})
COUNT: Final = members(_REQUIRED, _PROMPT)
COUNT_BETA: Final = members(_REQUIRED, {**_PROMPT, **_BETA})
