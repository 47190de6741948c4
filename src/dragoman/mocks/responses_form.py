"""The request of OpenAI's Responses API as a table, after `ResponseCreateParams` of openai-python 3.52.

Closed like the real API: what Chat Completions calls otherwise, or nests, is refused here. Tools and items
of hosted kinds are let through unread; the mock hosts none.
"""

from typing import Final

from dragoman.mocks.form import (
    Check,
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

MIN_OUTPUT_TOKENS: Final = 16
MOVED: Final = {
    "messages": "input",
    "response_format": "text.format",
    "max_tokens": "max_output_tokens",
    "max_completion_tokens": "max_output_tokens",
    "reasoning_effort": "reasoning.effort",
    "verbosity": "text.verbosity",
    "functions": "tools",
    "function_call": "tool_choice",
}
"""Parameters of Chat Completions, and where the Responses API has them."""

_NAME: Final = text(1, 64, "[a-zA-Z0-9_-]+")
_ID: Final = text(1, 64)
_TYPE: Final = {"type": text()}
_STATUS: Final = {"id": nullable(_ID), "status": nullable(one_of("in_progress", "completed", "incomplete"))}
_CACHED: Final = {"prompt_cache_breakpoint": mapping()}

_INPUT_PARTS: Final = {
    "input_text": members({**_TYPE, "text": text()}, _CACHED),
    "input_image": members(
        _TYPE,
        {
            "image_url": nullable(text()),
            "file_id": nullable(text()),
            "detail": nullable(one_of("low", "high", "auto", "original")),
            **_CACHED,
        },
    ),
    "input_file": members(
        _TYPE,
        {
            **dict.fromkeys(("file_data", "file_id", "file_url", "filename"), nullable(text())),
            "detail": one_of("auto", "low", "high"),
            **_CACHED,
        },
    ),
}
_OUTPUT_PARTS: Final = {
    # OpenAI's own servers overlook missing annotations; its schema, Azure and vLLM do not.
    "output_text": members(
        {**_TYPE, "text": text(), "annotations": array(mapping())}, {"logprobs": nullable(array(mapping()))}
    ),
    "refusal": members({**_TYPE, "refusal": text()}),
}
_PHASE: Final = {"phase": nullable(one_of("commentary", "final_answer"))}


def _message(parts: dict[str, Check]) -> Check:
    content = by_type(string=text(), array=array(tagged(parts)))
    return members({"role": text(), "content": content}, {**_TYPE, **_STATUS, **_PHASE})


_MESSAGE: Final = tagged(
    {
        "assistant": _message(_OUTPUT_PARTS),
        "system": _message(_INPUT_PARTS),
        "developer": _message(_INPUT_PARTS),
        "user": _message(_INPUT_PARTS),
    },
    "role",
)
_OUTPUT: Final = by_type(string=text(), array=array(tagged(_INPUT_PARTS)))
_CALLING: Final = {**_STATUS, "namespace": text(), "caller": nullable(mapping()), "async": nullable(boolean)}
_HOSTED_ITEMS: Final = (
    "file_search_call",
    "computer_call",
    "computer_call_output",
    "web_search_call",
    "tool_search_call",
    "tool_search_output",
    "additional_tools",
    "compaction",
    "image_generation_call",
    "code_interpreter_call",
    "local_shell_call",
    "local_shell_call_output",
    "shell_call",
    "shell_call_output",
    "apply_patch_call",
    "apply_patch_call_output",
    "mcp_list_tools",
    "mcp_approval_request",
    "mcp_approval_response",
    "mcp_call",
    "compaction_trigger",
    "program",
    "program_output",
)
_ITEM: Final = tagged(
    {
        "message": _MESSAGE,
        "function_call": members({**_TYPE, "call_id": _ID, "name": _NAME, "arguments": text()}, _CALLING),
        "function_call_output": members(
            {**_TYPE, "call_id": _ID, "output": _OUTPUT}, {**_CALLING, "name": nullable(text())}
        ),
        "custom_tool_call": members({**_TYPE, "call_id": _ID, "name": _NAME, "input": text()}, _CALLING),
        "custom_tool_call_output": members({**_TYPE, "call_id": _ID, "output": _OUTPUT}, _CALLING),
        "reasoning": members(
            {**_TYPE, "summary": array(tagged({"summary_text": members({**_TYPE, "text": text()})}))},
            {
                **_STATUS,
                "content": nullable(array(tagged({"reasoning_text": members({**_TYPE, "text": text()})}))),
                "encrypted_content": nullable(text()),
            },
        ),
        "item_reference": members({**_TYPE, "id": _ID}),
        **dict.fromkeys(_HOSTED_ITEMS, mapping()),
    },
    default="message",
)

_EXTRAS: Final = {"defer_loading": boolean, "allowed_callers": nullable(array(text())), "async": nullable(boolean)}
_HOSTED_TOOLS: Final = (
    "file_search",
    "computer",
    "computer_use_preview",
    "web_search",
    "web_search_2025_08_26",
    "web_search_preview",
    "web_search_preview_2025_03_11",
    "mcp",
    "code_interpreter",
    "programmatic_tool_calling",
    "image_generation",
    "local_shell",
    "shell",
    "namespace",
    "tool_search",
    "apply_patch",
)
_TOOL: Final = tagged(
    {
        "function": members(
            {**_TYPE, "name": _NAME},
            {
                "description": nullable(text()),
                "parameters": nullable(mapping()),
                "strict": nullable(boolean),
                "output_schema": nullable(mapping()),
                **_EXTRAS,
            },
        ),
        "custom": members(
            {**_TYPE, "name": _NAME},
            {
                "description": nullable(text()),
                "format": tagged(
                    {
                        "text": members(_TYPE),
                        "grammar": members({**_TYPE, "definition": text(), "syntax": one_of("lark", "regex")}),
                    }
                ),
                **_EXTRAS,
            },
        ),
        **dict.fromkeys(_HOSTED_TOOLS, mapping()),
    }
)
_NAMED: Final = {
    "function": members({**_TYPE, "name": text()}),
    "custom": members({**_TYPE, "name": text()}),
    **dict.fromkeys(_HOSTED_TOOLS, mapping()),
}
_ALLOWED: Final = members({**_TYPE, "mode": one_of("auto", "required"), "tools": array(tagged(_NAMED), 1)})
_TOOL_CHOICE: Final = by_type(
    string=one_of("none", "auto", "required"), object=tagged({**_NAMED, "allowed_tools": _ALLOWED})
)
_TEXT: Final = members(
    {},
    {
        "format": tagged(
            {
                "text": members(_TYPE),
                "json_object": members(_TYPE),
                "json_schema": members(
                    {**_TYPE, "name": _NAME, "schema": mapping()},
                    {"description": nullable(text()), "strict": nullable(boolean)},
                ),
            }
        ),
        "verbosity": nullable(one_of("low", "medium", "high")),
    },
)
_SUMMARY: Final = nullable(one_of("auto", "concise", "detailed"))
_REASONING: Final = members(
    {},
    {
        "effort": nullable(one_of("none", "minimal", "low", "medium", "high", "xhigh", "max")),
        "summary": _SUMMARY,
        "generate_summary": _SUMMARY,
        "mode": nullable(text()),
        "context": nullable(one_of("auto", "current_turn", "all_turns")),
    },
)
_INCLUDE: Final = one_of(
    "file_search_call.results",
    "web_search_call.results",
    "web_search_call.action.sources",
    "message.input_image.image_url",
    "computer_call_output.output.image_url",
    "code_interpreter_call.outputs",
    "reasoning.encrypted_content",
    "message.output_text.logprobs",
)
_INPUT: Final = by_type(string=text(), array=array(_ITEM))
_PROMPT: Final = {
    "input": nullable(_INPUT),
    "instructions": nullable(text()),
    "tools": nullable(array(_TOOL)),
    "tool_choice": nullable(_TOOL_CHOICE),
    "parallel_tool_calls": nullable(boolean),
    "text": nullable(_TEXT),
    "reasoning": nullable(_REASONING),
    "previous_response_id": nullable(text()),
    "conversation": nullable(by_type(string=text(), object=members({"id": text()}))),
    "truncation": nullable(one_of("auto", "disabled")),
}

CREATE: Final = members(
    {"model": text(1), "input": _INPUT},
    {
        **_PROMPT,
        "input": _INPUT,
        "background": nullable(boolean),
        # In no document, but Codex sends it with every call.
        "client_metadata": nullable(mapping()),
        "include": nullable(array(_INCLUDE)),
        "max_output_tokens": nullable(integer(MIN_OUTPUT_TOKENS)),
        "max_tool_calls": nullable(integer(1)),
        "metadata": nullable(mapping(text(0, 512), 16)),
        "service_tier": nullable(one_of("auto", "default", "fast", "flex", "priority", "scale", "ultrafast")),
        "store": nullable(boolean),
        "stream": nullable(boolean),
        "stream_options": nullable(members({}, {"include_obfuscation": boolean})),
        "temperature": nullable(number(0.0, 2.0)),
        "top_p": nullable(number(0.0, 1.0)),
        "top_logprobs": nullable(integer(0, 20)),
        "user": nullable(text()),
        "safety_identifier": nullable(text(0, 64)),
        "prompt_cache_key": nullable(text(0, 64)),
        "prompt_cache_retention": nullable(one_of("in_memory", "in-memory", "24h")),
        **dict.fromkeys(
            ("access_programs", "context_management", "image", "moderation", "prompt", "prompt_cache_options"), anything
        ),
    },
)
COUNT: Final = members({}, {**_PROMPT, "model": nullable(text(1)), "personality": text()})
