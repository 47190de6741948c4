"""Examples of what stands at the top of a request."""

import hashlib
from typing import Final

from dragoman.dialects import fields as f
from tests.dialects.examples.example import Example, Json, example

SCHEMA: Final = {"type": "object", "properties": {"a": {"type": "integer"}}}
LONG: Final = "u" * 65
HASHED: Final = hashlib.sha256(LONG.encode()).hexdigest()
HI: Final = {"role": "user", "content": "Hi"}
TOLD: Final = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]}
CHAT_TOOL: Final = {"type": "function", "function": {"name": "f", "parameters": SCHEMA, "strict": False}}
FLAT_TOOL: Final = {"type": "function", "name": "f", "parameters": SCHEMA, "strict": False}
BLOCK_TOOL: Final = {"name": "f", "input_schema": SCHEMA}
FLAT_SENT: Final = {**FLAT_TOOL, "description": None}
BRIEF: Final = "Be brief."


def chat_form(**more: object) -> Json:
    return {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA, **more}}}


def flat_form(**more: object) -> Json:
    return {"text": {"format": {"type": "json_schema", "name": "n", "schema": SCHEMA, **more}}}


def block_form(schema: object = SCHEMA) -> Json:
    return {"output_config": {"format": {"type": "json_schema", "schema": schema}}}


def included(*values: str) -> Json:
    return {"include": list(values)}


EXAMPLES: Final[list[Example]] = [
    *example(f.MODEL, "mapped", "c>r c>m r>c r>m m>c m>r", {"model": "n"}, {"model": "n"}),
    *example(f.ITEMS, "mapped", "c>r", {"messages": [HI, HI]}, {"input": [TOLD, TOLD]}),
    *example(f.ITEMS, "mapped", "r>c r>m", {"input": [HI]}, {"messages": [HI]}),
    *example(f.ITEMS, "mapped", "m>c", {"messages": [HI, HI]}, {"messages": [HI, HI]}),
    *example(f.ITEMS, "mapped", "c>m", {"messages": [HI]}, {"messages": [HI]}),
    *example(f.ITEMS, "mapped", "m>r", {"messages": [HI, HI]}, {"input": [TOLD, TOLD]}),
    *example(
        f.ITEMS, "mapped", "c>r", {"messages": [HI, {"role": "system", "content": BRIEF}]},
        {"instructions": BRIEF, "input": [TOLD]}, row="merged", quirks={"merge_system": True},
    ),
    *example(
        f.ITEMS, "mapped", "r>c", {"input": [HI, {"role": "system", "content": BRIEF}]},
        {"messages": [{"role": "system", "content": BRIEF}, HI]}, row="merged", quirks={"merge_system": True},
    ),
    *example(
        f.ITEMS, "mapped", "m>c", {"messages": [HI, {"role": "system", "content": BRIEF}]},
        {"messages": [{"role": "system", "content": BRIEF}, HI]}, row="merged", quirks={"merge_system": True},
    ),
    *example(
        f.ITEMS, "mapped", "m>r", {"messages": [HI, {"role": "system", "content": BRIEF}]},
        {"instructions": BRIEF, "input": [TOLD]}, row="merged", quirks={"merge_system": True},
    ),
    *example(f.ITEMS, "refused", "c>m", {"messages": [{"role": "system", "content": BRIEF}]}),
    *example(f.ITEMS, "refused", "r>m", {"input": [{"role": "system", "content": BRIEF}]}),
    *example(f.INSTRUCTIONS, "mapped", "r>c", {"instructions": BRIEF}, {"messages": [{"role": "system", "content": BRIEF}, HI]}),
    *example(f.INSTRUCTIONS, "mapped", "m>c", {"system": BRIEF}, {"messages": [{"role": "system", "content": BRIEF}, HI]}),
    *example(f.INSTRUCTIONS, "mapped", "r>m", {"instructions": BRIEF}, {"system": BRIEF}),
    *example(f.INSTRUCTIONS, "mapped", "m>r", {"system": BRIEF}, {"instructions": BRIEF}),
    *example(f.STREAM, "same", "c>r c>m r>m m>r", {"stream": True}, {"stream": True}),
    *example(
        f.STREAM, "same", "r>c m>c", {"stream": True}, {"stream": True, "stream_options": {"include_usage": True}}
    ),
    *example(f.STREAM_USAGE, "executed", "c>r c>m", {"stream_options": {"include_usage": True}}),
    *example(
        f.OBFUSCATION, "same", "c>r", {"stream": True, "stream_options": {"include_obfuscation": False}},
        {"stream": True, "stream_options": {"include_obfuscation": False}},
    ),
    *example(f.OBFUSCATION, "vacuous", "c>m", {"stream_options": {"include_obfuscation": True}}, row="it pads"),
    *example(f.OBFUSCATION, "vacuous", "r>c r>m", {"stream_options": {"include_obfuscation": True}}, row="it pads"),
    *example(f.OBFUSCATION, "vacuous", "r>c r>m", {"stream_options": {"include_obfuscation": False}}, row="false"),
    *example(f.LIMIT, "mapped", "c>r", {"max_completion_tokens": 99}, {"max_output_tokens": 99}),
    *example(f.LIMIT, "mapped", "c>m", {"max_completion_tokens": 99}, {"max_tokens": 99}),
    *example(f.LIMIT, "mapped", "r>m", {"max_output_tokens": 99}, {"max_tokens": 99}),
    *example(f.LIMIT, "mapped", "m>r", {"max_tokens": 99}, {"max_output_tokens": 99}),
    *example(
        f.LIMIT, "mapped", "r>c", {"max_output_tokens": 99}, {"max_tokens": 99}, quirks={"max_tokens": "max_tokens"}
    ),
    *example(f.LIMIT, "mapped", "m>c", {"max_tokens": 99}, {"max_completion_tokens": 99}),
    *example(f.LIMIT, "mapped", "c>r", {"max_completion_tokens": 1}, {"max_output_tokens": 16}, row="less than 16"),
    *example(f.LIMIT, "mapped", "m>r", {"max_tokens": 1}, {"max_output_tokens": 16}, row="less than 16"),
    *example(
        f.LIMIT, "defaulted", "c>m", {"max_completion_tokens": None}, {"max_tokens": 7}, quirks={"default_max_tokens": 7}
    ),
    *example(
        f.LIMIT, "defaulted", "r>m", {"max_output_tokens": None}, {"max_tokens": 7}, quirks={"default_max_tokens": 7}
    ),
    *example(f.TEMPERATURE, "same", "c>r c>m r>c r>m m>c m>r", {"temperature": 0.5}, {"temperature": 0.5}),
    *example(f.TEMPERATURE, "refused", "c>m r>m", {"temperature": 1.5}),
    *example(f.TOP_P, "same", "c>r c>m r>c r>m m>c m>r", {"top_p": 0.5}, {"top_p": 0.5}),
    *example(f.TOP_K, "same", "c>m", {"top_k": 7}, {"top_k": 7}),
    *example(f.TOP_K, "same", "m>c", {"top_k": 7}, {"top_k": 7}, quirks={"top_k": True}),
    *example(f.TOP_K, "refused", "c>r m>r m>c", {"top_k": 7}),
    *example(f.STOP, "mapped", "c>m", {"stop": "x"}, {"stop_sequences": ["x"]}),
    *example(f.STOP, "mapped", "m>c", {"stop_sequences": ["x"]}, {"stop": ["x"]}),
    *example(f.STOP, "refused", "c>r", {"stop": ["x"]}),
    *example(f.STOP, "refused", "m>r", {"stop_sequences": ["x"]}),
    *example(f.SEED, "refused", "c>r c>m", {"seed": 0}),
    *example(f.CHOICES, "vacuous", "c>r c>m", {"n": 1}),
    *example(f.CHOICES, "refused", "c>r c>m", {"n": 2}),
    *example(f.GIVEN_CHOICES, "vacuous", "r>c r>m", {"n": 1}),
    *example(f.FREQUENCY, "same", "r>c", {"frequency_penalty": 0.5}, {"frequency_penalty": 0.5}),
    *example(f.FREQUENCY, "vacuous", "c>r c>m r>m", {"frequency_penalty": 0}),
    *example(f.FREQUENCY, "refused", "c>r c>m r>m", {"frequency_penalty": 0.5}),
    *example(f.PRESENCE, "same", "r>c", {"presence_penalty": 0.5}, {"presence_penalty": 0.5}),
    *example(f.PRESENCE, "vacuous", "c>r c>m r>m", {"presence_penalty": 0}),
    *example(f.PRESENCE, "refused", "c>r c>m r>m", {"presence_penalty": 0.5}),
    *example(f.LOGPROBS, "mapped", "c>r", {"logprobs": True}, included("message.output_text.logprobs")),
    *example(f.LOGPROBS, "mapped", "r>c", included("message.output_text.logprobs"), {"logprobs": True}),
    *example(f.LOGPROBS, "refused", "c>m", {"logprobs": True}),
    *example(f.LOGPROBS, "refused", "r>m", included("message.output_text.logprobs")),
    *example(
        f.TOP_LOGPROBS, "same", "c>r", {"logprobs": True, "top_logprobs": 2},
        {"top_logprobs": 2, **included("message.output_text.logprobs")},
    ),
    *example(f.TOP_LOGPROBS, "same", "r>c", {"top_logprobs": 2}, {"logprobs": True, "top_logprobs": 2}),
    *example(f.TOP_LOGPROBS, "refused", "c>m", {"logprobs": True, "top_logprobs": 2}),
    *example(f.TOP_LOGPROBS, "refused", "r>m", {"top_logprobs": 2}),
    *example(f.LOGIT_BIAS, "refused", "c>r c>m", {"logit_bias": {"1": 2}}),
    *example(f.PREDICTION, "refused", "c>r c>m", {"prediction": {"type": "content", "content": "x"}}),
    *example(f.MODALITIES, "vacuous", "c>r c>m", {"modalities": ["text"]}),
    *example(f.MODALITIES, "refused", "c>r c>m", {"modalities": ["text", "audio"]}),
    *example(f.AUDIO, "refused", "c>r c>m", {"audio": {"voice": "a", "format": "wav"}}),
    *example(f.VERBOSITY, "mapped", "c>r", {"verbosity": "low"}, {"text": {"verbosity": "low"}}),
    *example(f.VERBOSITY, "mapped", "r>c", {"text": {"verbosity": "low"}}, {"verbosity": "low"}),
    *example(f.VERBOSITY, "vacuous", "c>m", {"verbosity": "medium"}),
    *example(f.VERBOSITY, "vacuous", "r>m", {"text": {"verbosity": "medium"}}),
    *example(f.VERBOSITY, "refused", "c>m", {"verbosity": "low"}),
    *example(f.VERBOSITY, "refused", "r>m", {"text": {"verbosity": "low"}}),
    *example(
        f.FORMAT, "mapped", "c>r", {"response_format": {"type": "json_object"}},
        {"text": {"format": {"type": "json_object"}}},
    ),
    *example(
        f.FORMAT, "mapped", "r>c", {"text": {"format": {"type": "json_object"}}},
        {"response_format": {"type": "json_object"}},
    ),
    *example(f.FORMAT, "mapped", "c>m", chat_form(strict=True), block_form()),
    *example(f.FORMAT, "mapped", "r>m", flat_form(strict=True), block_form()),
    *example(
        f.FORMAT, "mapped", "m>c", block_form(),
        {"response_format": {"type": "json_schema", "json_schema": {"name": "output", "schema": SCHEMA}}},
    ),
    *example(
        f.FORMAT, "mapped", "m>r", block_form(),
        {"text": {"format": {"type": "json_schema", "name": "output", "schema": SCHEMA}}},
    ),
    *example(f.FORMAT, "vacuous", "c>m", {"response_format": {"type": "text"}}),
    *example(f.FORMAT, "vacuous", "r>c r>m", {"text": {"format": {"type": "text"}}}),
    *example(f.FORMAT, "refused", "c>m", {"response_format": {"type": "json_object"}}),
    *example(f.FORMAT, "refused", "r>m", {"text": {"format": {"type": "json_object"}}}),
    *example(f.FORMAT_NAME, "mapped", "c>r", chat_form(name="x"), flat_form(name="x")),
    *example(f.FORMAT_NAME, "mapped", "r>c", flat_form(name="x"), chat_form(name="x")),
    *example(
        f.FORMAT_NAME, "vacuous", "c>m", chat_form(name="x", strict=True), beside=chat_form(name="y", strict=True)
    ),
    *example(
        f.FORMAT_NAME, "vacuous", "r>m", flat_form(name="x", strict=True), beside=flat_form(name="y", strict=True)
    ),
    *example(f.FORMAT_DESCRIPTION, "mapped", "c>r", chat_form(description="x"), flat_form(description="x")),
    *example(f.FORMAT_DESCRIPTION, "mapped", "r>c", flat_form(description="x"), chat_form(description="x")),
    *example(f.FORMAT_DESCRIPTION, "dropped", "c>m", chat_form(description="x", strict=True), block_form()),
    *example(f.FORMAT_DESCRIPTION, "dropped", "r>m", flat_form(description="x", strict=True), block_form()),
    *example(f.FORMAT_STRICT, "mapped", "c>r", chat_form(strict=True), flat_form(strict=True)),
    *example(f.FORMAT_STRICT, "mapped", "r>c", flat_form(strict=True), chat_form(strict=True)),
    *example(f.FORMAT_STRICT, "dropped", "c>r", chat_form(strict=True), flat_form(), quirks={"strict_tools": False}),
    *example(f.FORMAT_STRICT, "dropped", "r>c", flat_form(strict=True), chat_form(), quirks={"strict_tools": False}),
    *example(f.FORMAT_STRICT, "mapped", "c>m", chat_form(strict=True), block_form(), row="true, as"),
    *example(f.FORMAT_STRICT, "mapped", "r>m", flat_form(strict=True), block_form(), row="true, as"),
    *example(f.FORMAT_STRICT, "mapped", "c>m", chat_form(strict=False), block_form(), row="not true"),
    *example(f.FORMAT_STRICT, "mapped", "r>m", flat_form(), block_form(), row="not true"),
    *example(f.UNKNOWN, "refused", "c>r c>m r>c r>m m>c m>r", {"novelty": 1}, param="novelty"),
    *example(
        f.UNKNOWN, "refused", "c>r c>m r>c r>m m>c m>r", {"novelty": 1}, param="novelty", quirks={"allow_unknown": True}
    ),
    *example(f.CHATS_OWN, "refused", "r>c r>m", {"response_format": {"type": "text"}}, param="response_format"),
    *example(f.EFFORT, "mapped", "c>r", {"reasoning_effort": "low"}, {"reasoning": {"effort": "low"}}),
    *example(
        f.EFFORT, "mapped", "c>m", {"reasoning_effort": "low"},
        {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}, row="=",
    ),
    *example(
        f.EFFORT, "mapped", "r>m", {"reasoning": {"effort": "low"}},
        {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}, row="=",
    ),
    *example(f.EFFORT, "mapped", "r>c", {"reasoning": {"effort": "low"}}, {"reasoning_effort": "low"}, row="="),
    *example(f.EFFORT, "mapped", "m>c", {"output_config": {"effort": "low"}}, {"reasoning_effort": "low"}, row="="),
    *example(f.EFFORT, "mapped", "m>r", {"output_config": {"effort": "low"}}, {"reasoning": {"effort": "low"}}),
    *example(
        f.EFFORT, "mapped", "c>m", {"reasoning_effort": "minimal"},
        {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}, row="minimal",
    ),
    *example(
        f.EFFORT, "mapped", "r>m", {"reasoning": {"effort": "minimal"}},
        {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}, row="minimal",
    ),
    *example(
        f.EFFORT, "mapped", "c>m", {"reasoning_effort": "low", "max_completion_tokens": 9000},
        {"thinking": {"type": "enabled", "budget_tokens": 2048}, "max_tokens": 9000}, row="an effort becomes",
        quirks={"thinking": "budget"},
    ),
    *example(
        f.EFFORT, "mapped", "r>m", {"reasoning": {"effort": "low"}, "max_output_tokens": 9000},
        {"thinking": {"type": "enabled", "budget_tokens": 2048}, "max_tokens": 9000}, row="an effort becomes",
        quirks={"thinking": "budget"},
    ),
    *example(
        f.EFFORT, "dropped", "c>m", {"reasoning_effort": "low"}, {"thinking": {"type": "disabled"}}, row="the limit",
        quirks={"thinking": "budget"},
    ),
    *example(
        f.EFFORT, "dropped", "r>m", {"reasoning": {"effort": "low"}}, {"thinking": {"type": "disabled"}}, row="the limit",
        quirks={"thinking": "budget"},
    ),
    *example(
        f.EFFORT, "dropped", "c>m", {"reasoning_effort": "low", "tools": [CHAT_TOOL], "tool_choice": "required"},
        {"thinking": {"type": "disabled"}, "tools": [BLOCK_TOOL], "tool_choice": {"type": "any"}}, row="forced",
    ),
    *example(
        f.EFFORT, "dropped", "r>m", {"reasoning": {"effort": "low"}, "tools": [FLAT_TOOL], "tool_choice": "required"},
        {"thinking": {"type": "disabled"}, "tools": [BLOCK_TOOL], "tool_choice": {"type": "any"}}, row="forced",
    ),
    *example(
        f.EFFORT, "mapped", "r>c", {"reasoning": {"effort": "max"}}, {"reasoning_effort": "high"}, row="next effort",
        quirks={"efforts": ["low", "high"]},
    ),
    *example(
        f.EFFORT, "mapped", "m>c", {"output_config": {"effort": "max"}}, {"reasoning_effort": "high"}, row="next effort",
        quirks={"efforts": ["low", "high"]},
    ),
    *example(f.EFFORT, "dropped", "r>c", {"reasoning": {"effort": "none"}}, quirks={"efforts": ["low", "high"]}),
    *example(f.EFFORT, "dropped", "m>c", {"thinking": {"type": "disabled"}}, quirks={"efforts": ["low", "high"]}),
    *example(
        f.BUDGET, "mapped", "m>c", {"thinking": {"type": "enabled", "budget_tokens": 2000}}, {"reasoning_effort": "low"}
    ),
    *example(
        f.BUDGET, "mapped", "m>r", {"thinking": {"type": "enabled", "budget_tokens": 2000}},
        {"reasoning": {"effort": "low"}},
    ),
    *example(
        f.BUDGET, "dropped", "m>c",
        {"thinking": {"type": "enabled", "budget_tokens": 2000}, "output_config": {"effort": "high"}},
        {"reasoning_effort": "high"},
    ),
    *example(
        f.BUDGET, "dropped", "m>r",
        {"thinking": {"type": "enabled", "budget_tokens": 2000}, "output_config": {"effort": "high"}},
        {"reasoning": {"effort": "high"}},
    ),
    *example(f.THINKING, "mapped", "m>c", {"thinking": {"type": "disabled"}}, {"reasoning_effort": "none"}),
    *example(f.THINKING, "mapped", "m>r", {"thinking": {"type": "disabled"}}, {"reasoning": {"effort": "none"}}),
    *example(f.THINKING, "vacuous", "m>c m>r", {"thinking": {"type": "adaptive"}}),
    *example(f.THINKING, "refused", "m>c m>r", {"thinking": {"type": "novel"}}),
    *example(f.SUMMARY, "dropped", "r>c", {"reasoning": {"summary": "auto"}}),
    *example(f.SUMMARY, "dropped", "m>c", {"thinking": {"type": "adaptive", "display": "summarized"}}),
    *example(
        f.SUMMARY, "mapped", "r>m", {"reasoning": {"summary": "auto"}},
        {"thinking": {"type": "adaptive", "display": "summarized"}},
    ),
    *example(
        f.SUMMARY, "mapped", "m>r", {"thinking": {"type": "adaptive", "display": "summarized"}},
        {"reasoning": {"summary": "auto"}},
    ),
    *example(f.SUMMARY, "dropped", "r>m", {"reasoning": {"summary": "auto"}}, quirks={"thinking": "budget"}),
    *example(f.OLD_SUMMARY, "dropped", "r>c", {"reasoning": {"generate_summary": "auto"}}, param="reasoning.summary"),
    *example(
        f.OLD_SUMMARY, "mapped", "r>m", {"reasoning": {"generate_summary": "auto"}},
        {"thinking": {"type": "adaptive", "display": "summarized"}},
    ),
    *example(f.NO_THOUGHTS, "executed", "m>c m>r", {"thinking": {"type": "adaptive", "display": "omitted"}}),
    *example(f.REASONING_MODE, "vacuous", "r>c r>m", {"reasoning": {"mode": "standard"}}),
    *example(f.REASONING_MODE, "refused", "r>c r>m", {"reasoning": {"mode": "pro"}}),
    *example(f.REASONING_CONTEXT, "vacuous", "r>c r>m", {"reasoning": {"context": "auto"}}),
    *example(f.REASONING_CONTEXT, "refused", "r>c r>m", {"reasoning": {"context": "all"}}),
    *example(f.USER, "mapped", "c>r r>c", {"user": "u"}, {"user": "u"}, row="="),
    *example(f.USER, "mapped", "c>m r>m", {"user": "u"}, {"metadata": {"user_id": "u"}}),
    *example(f.USER, "mapped", "m>c m>r", {"metadata": {"user_id": "u"}}, {"user": "u"}, row="="),
    *example(f.USER, "mapped", "c>r r>c", {"user": LONG}, {"user": HASHED}, row="more than 64"),
    *example(f.USER, "mapped", "m>c m>r", {"metadata": {"user_id": LONG}}, {"user": HASHED}, row="more than 64"),
    *example(
        f.USER, "dropped", "c>m r>m", {"user": "u", "safety_identifier": "s"}, {"metadata": {"user_id": "s"}}
    ),
    *example(f.SAFETY, "same", "c>r r>c", {"safety_identifier": "s"}, {"safety_identifier": "s"}),
    *example(f.SAFETY, "mapped", "c>m r>m", {"safety_identifier": "s"}, {"metadata": {"user_id": "s"}}),
    *example(f.TIER, "same", "c>r r>c", {"service_tier": "flex"}, {"service_tier": "flex"}),
    *example(f.TIER, "mapped", "c>m r>m", {"service_tier": "default"}, {"service_tier": "standard_only"}),
    *example(f.TIER, "mapped", "m>c m>r", {"service_tier": "standard_only"}, {"service_tier": "default"}),
    *example(f.TIER, "refused", "c>m r>m", {"service_tier": "flex"}),
    *example(f.TIER, "refused", "r>c m>c", {"service_tier": "ultrafast"}),
    *example(f.METADATA, "same", "c>r", {"metadata": {"a": "b"}}, {"metadata": {"a": "b"}}),
    *example(f.METADATA, "same", "r>c", {"metadata": {"a": "b"}}, {"metadata": {"a": "b"}}, quirks={"stores": True}),
    *example(f.METADATA, "executed", "r>c r>m", {"metadata": {"a": "b"}}),
    *example(f.METADATA, "dropped", "c>m", {"metadata": {"a": "b"}}),
    *example(f.STORE, "same", "c>r", {"store": True}, {"store": True}),
    *example(f.STORE, "vacuous", "c>m", {"store": False}),
    *example(f.STORE, "dropped", "c>m", {"store": True}),
    *example(f.STORE, "executed", "r>c r>m", {"store": True}),
    *example(f.CACHE_KEY, "same", "c>r r>c", {"prompt_cache_key": "k"}, {"prompt_cache_key": "k"}),
    *example(f.CACHE_KEY, "dropped", "c>m r>m", {"prompt_cache_key": "k"}),
    *example(f.CACHE_OPTIONS, "same", "c>r r>c", {"prompt_cache_options": {"a": 1}}, {"prompt_cache_options": {"a": 1}}),
    *example(f.CACHE_OPTIONS, "dropped", "c>m r>m", {"prompt_cache_options": {"a": 1}}),
    *example(f.CACHE_RETENTION, "same", "c>r r>c", {"prompt_cache_retention": "24h"}, {"prompt_cache_retention": "24h"}),
    *example(f.CACHE_RETENTION, "dropped", "c>m r>m", {"prompt_cache_retention": "24h"}),
    *example(f.CACHE_CONTROL, "dropped", "m>c m>r", {"cache_control": {"type": "ephemeral"}}),
    *example(f.CLIENT_METADATA, "vacuous", "r>c r>m", {"client_metadata": {"a": "b"}}),
    *example(f.DIAGNOSTICS, "vacuous", "m>c m>r", {"diagnostics": {"previous_message_id": "msg_1"}}),
    *example(f.MODERATION, "same", "c>r r>c", {"moderation": "low"}, {"moderation": "low"}),
    *example(f.MODERATION, "refused", "c>m r>m", {"moderation": "low"}),
    *example(f.SPEED, "vacuous", "m>c m>r", {"speed": "standard"}),
    *example(f.SPEED, "refused", "m>c m>r", {"speed": "fast"}),
    *example(f.CONTAINER, "refused", "m>c m>r", {"container": "c"}),
    *example(f.MCP_SERVERS, "refused", "m>c m>r", {"mcp_servers": [{"name": "x"}]}),
    *example(f.INFERENCE_GEO, "refused", "m>c m>r", {"inference_geo": "eu"}),
    *example(f.USER_PROFILE, "refused", "m>c m>r", {"user_profile_id": "u"}),
    *example(f.WORKSPACE, "refused", "m>c m>r", {"workspace_id": "w"}),
    *example(f.EDITS, "refused", "m>c m>r", {"context_management": {"edits": [{"type": "clear_tool_uses_20250919"}]}}),
    *example(f.PREVIOUS, "refused", "r>c r>m", {"previous_response_id": "resp_1"}),
    *example(f.CONVERSATION, "refused", "r>c r>m", {"conversation": "conv_1"}),
    *example(f.BACKGROUND, "vacuous", "r>c r>m", {"background": False}),
    *example(f.BACKGROUND, "refused", "r>c r>m", {"background": True}),
    *example(f.PROMPT, "refused", "r>c r>m", {"prompt": {"id": "p"}}),
    *example(f.COMPACTION, "refused", "r>c r>m", {"context_management": [{"type": "compaction"}]}),
    *example(f.TRUNCATION, "vacuous", "r>c r>m", {"truncation": "disabled"}),
    *example(f.TRUNCATION, "refused", "r>c r>m", {"truncation": "auto"}),
    *example(f.IMAGE_CONFIG, "refused", "r>c r>m", {"image": {"context_compression": "auto"}}),
    *example(f.ACCESS_PROGRAMS, "refused", "r>c r>m", {"access_programs": ["x"]}),
    *example(f.INCLUDE, "refused", "r>c r>m", included("novelty")),
    *example(f.INCLUDE_SEAL, "executed", "r>c r>m", included("reasoning.encrypted_content")),
    *example(
        f.INCLUDE_HOSTED, "refused", "r>c r>m",
        {**included("file_search_call.results"), "tools": [{"type": "file_search", "vector_store_ids": ["v"]}]},
        quirks={"allow_unknown": True},
    ),
    *example(f.MAX_TOOL_CALLS, "vacuous", "r>c r>m", {"max_tool_calls": 3}),
    *example(
        f.MAX_TOOL_CALLS, "refused", "r>c", {"max_tool_calls": 3, "tools": [{"type": "web_search"}]},
        quirks={"web_search": True},
    ),
]  # fmt: skip
