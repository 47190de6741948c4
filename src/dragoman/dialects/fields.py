"""Every field that can be said in a call, under its name in each dialect.

The names are those of the three APIs' references, with what servers of the same dialect add (`top_k` and
`reasoning_content` in Chat). What becomes of each is told by the rows of the dialects; see `mapping.py`.
"""

from typing import Final

from dragoman.dialects.mapping import Field

# The request: what is asked, and how it is to be answered.
MODEL: Final = Field("request", "model", "model", "model")
ITEMS: Final = Field("request", "messages", "input", "messages")
INSTRUCTIONS: Final = Field("request", "", "instructions", "system")
STREAM: Final = Field("request", "stream", "stream", "stream")
STREAM_USAGE: Final = Field("request", "stream_options.include_usage")
OBFUSCATION: Final = Field("request", "stream_options.include_obfuscation", "stream_options.include_obfuscation")
LIMIT: Final = Field("request", "max_completion_tokens", "max_output_tokens", "max_tokens", old="max_tokens")
TEMPERATURE: Final = Field("request", "temperature", "temperature", "temperature")
TOP_P: Final = Field("request", "top_p", "top_p", "top_p")
TOP_K: Final = Field("request", "top_k", "", "top_k")
STOP: Final = Field("request", "stop", "", "stop_sequences")
SEED: Final = Field("request", "seed")
CHOICES: Final = Field("request", "n")
GIVEN_CHOICES: Final = Field("request", "", "n")
FREQUENCY: Final = Field("request", "frequency_penalty", "frequency_penalty")
PRESENCE: Final = Field("request", "presence_penalty", "presence_penalty")
LOGPROBS: Final = Field("request", "logprobs", "include", "", about="message.output_text.logprobs")
TOP_LOGPROBS: Final = Field("request", "top_logprobs", "top_logprobs")
LOGIT_BIAS: Final = Field("request", "logit_bias")
PREDICTION: Final = Field("request", "prediction")
MODALITIES: Final = Field("request", "modalities")
AUDIO: Final = Field("request", "audio")
VERBOSITY: Final = Field("request", "verbosity", "text.verbosity")
FORMAT: Final = Field("request", "response_format", "text.format", "output_config.format")
FORMAT_NAME: Final = Field("request", "response_format.json_schema.name", "text.format.name")
FORMAT_DESCRIPTION: Final = Field("request", "response_format.json_schema.description", "text.format.description")
FORMAT_STRICT: Final = Field("request", "response_format.json_schema.strict", "text.format.strict")
UNKNOWN: Final = Field("request", "(any other)", "(any other)", "(any other)")
CHATS_OWN: Final = Field("request", "", "(a name of Chat's)")

# How much the model may think.
EFFORT: Final = Field("request", "reasoning_effort", "reasoning.effort", "output_config.effort")
BUDGET: Final = Field("request", "", "", "thinking.budget_tokens")
THINKING: Final = Field("request", "", "", "thinking.type")
SUMMARY: Final = Field("request", "", "reasoning.summary", "thinking.display", about="a summary")
OLD_SUMMARY: Final = Field("request", "", "reasoning.generate_summary")
NO_THOUGHTS: Final = Field("request", "", "", "thinking.display", about="omitted")
REASONING_MODE: Final = Field("request", "", "reasoning.mode")
REASONING_CONTEXT: Final = Field("request", "", "reasoning.context")

# Who asks, for which service, and what is kept.
USER: Final = Field("request", "user", "user", "metadata.user_id")
SAFETY: Final = Field("request", "safety_identifier", "safety_identifier")
TIER: Final = Field("request", "service_tier", "service_tier", "service_tier")
METADATA: Final = Field("request", "metadata", "metadata")
STORE: Final = Field("request", "store", "store")
CACHE_KEY: Final = Field("request", "prompt_cache_key", "prompt_cache_key")
CACHE_OPTIONS: Final = Field("request", "prompt_cache_options", "prompt_cache_options")
CACHE_RETENTION: Final = Field("request", "prompt_cache_retention", "prompt_cache_retention")
CACHE_CONTROL: Final = Field("request", "", "", "cache_control", about="wherever else it stands")
CLIENT_METADATA: Final = Field("request", "", "client_metadata")
DIAGNOSTICS: Final = Field("request", "", "", "diagnostics")
MODERATION: Final = Field("request", "moderation", "moderation")
SPEED: Final = Field("request", "", "", "speed")
CONTAINER: Final = Field("request", "", "", "container")
MCP_SERVERS: Final = Field("request", "", "", "mcp_servers")
USER_PROFILE: Final = Field("request", "", "", "user_profile_id")
WORKSPACE: Final = Field("request", "", "", "workspace_id")
INFERENCE_GEO: Final = Field("request", "", "", "inference_geo")
EDITS: Final = Field("request", "", "", "context_management")
PREVIOUS: Final = Field("request", "", "previous_response_id")
CONVERSATION: Final = Field("request", "", "conversation")
BACKGROUND: Final = Field("request", "", "background")
PROMPT: Final = Field("request", "", "prompt")
COMPACTION: Final = Field("request", "", "context_management")
TRUNCATION: Final = Field("request", "", "truncation")
IMAGE_CONFIG: Final = Field("request", "", "image")
ACCESS_PROGRAMS: Final = Field("request", "", "access_programs")
INCLUDE: Final = Field("request", "", "include")
INCLUDE_SEAL: Final = Field("request", "", "include", "", about="reasoning.encrypted_content")
INCLUDE_HOSTED: Final = Field("request", "", "include", "", about="output of hosted tools")
MAX_TOOL_CALLS: Final = Field("request", "", "max_tool_calls")

# Tools and the choice among them.
TOOL_NAME: Final = Field("tool", "tools[].function.name", "tools[].name", "tools[].name")
DESCRIPTION: Final = Field("tool", "tools[].function.description", "tools[].description", "tools[].description")
PARAMETERS: Final = Field("tool", "tools[].function.parameters", "tools[].parameters", "tools[].input_schema")
STRICT: Final = Field("tool", "tools[].function.strict", "tools[].strict", "tools[].strict")
CUSTOM_TOOL: Final = Field("tool", "tools[].type", "tools[].type", "", about="custom")
HOSTED_TOOL: Final = Field("tool", "", "tools[].type", "tools[].type", about="run by the provider")
WEB_TOOL: Final = Field("tool", "", "tools[].type", "", about="web_search")
DEFER_LOADING: Final = Field("tool", "", "tools[].defer_loading", "tools[].defer_loading")
ASYNC: Final = Field("tool", "", "tools[].async")
ALLOWED_CALLERS: Final = Field("tool", "", "tools[].allowed_callers", "tools[].allowed_callers")
OUTPUT_SCHEMA: Final = Field("tool", "", "tools[].output_schema")
INPUT_EXAMPLES: Final = Field("tool", "", "", "tools[].input_examples")
EAGER: Final = Field("tool", "", "", "tools[].eager_input_streaming")
TOOL_CACHE: Final = Field("tool", "", "", "tools[].cache_control")
NAMESPACE: Final = Field("tool", "", "tools[]", "", about="in a namespace")
FUNCTIONS: Final = Field("tool", "functions[]")
WEB_SEARCH: Final = Field("request", "web_search_options")
CHOICE: Final = Field("request", "tool_choice", "tool_choice", "tool_choice")
ALLOWED: Final = Field("request", "tool_choice", "tool_choice", "", about="allowed_tools")
HOSTED_CHOICE: Final = Field("request", "", "tool_choice", "", about="of a hosted tool")
FUNCTION_CALL: Final = Field("request", "function_call")
PARALLEL: Final = Field(
    "request", "parallel_tool_calls", "parallel_tool_calls", "tool_choice.disable_parallel_tool_use"
)

# Messages, calls, results and reasoning: what has been said.
SYSTEM: Final = Field("item", "messages[]", "input[]", "messages[]", about="of role system")
DEVELOPER: Final = Field("item", "messages[]", "input[]", "", about="of role developer")
LATE_SYSTEM: Final = Field("item", "messages[]", "input[]", "messages[]", about="of role system, not the first")
USER_SAID: Final = Field("item", "messages[]", "input[]", "messages[]", about="of role user")
SAID: Final = Field("item", "messages[]", "input[]", "messages[]", about="of role assistant")
SAID_AFTER: Final = Field("item", "", "input[]", "messages[].content[]", about="of role assistant, after a call")
NAME: Final = Field("item", "messages[].name")
RESULT_NAME: Final = Field("item", "messages[].name", "input[].name", "", about="of a tool's output")
PHASE: Final = Field("item", "", "input[].phase")
ITEM_ID: Final = Field("item", "", "input[].id")
STATUS: Final = Field("item", "", "input[].status")
REFUSAL: Final = Field("item", "messages[].refusal", "input[].content[].refusal")
PARSED: Final = Field("item", "messages[].parsed")
AUDIO_SAID: Final = Field("item", "messages[].audio")
REASONING: Final = Field("item", "messages[].reasoning_content", "input[]", "messages[].content[]", about="reasoning")
SEAL: Final = Field("item", "", "input[].encrypted_content", "messages[].content[].signature")
SEAL_ALONE: Final = Field("item", "", "input[].encrypted_content", "messages[].content[].data", about="without a text")
CALL: Final = Field("item", "messages[].tool_calls[]", "input[]", "messages[].content[]", about="a call")
CALL_ID: Final = Field(
    "item", "messages[].tool_calls[].id", "input[].call_id", "messages[].content[].id", about="with other characters"
)
CUSTOM_CALL: Final = Field("item", "messages[].tool_calls[].type", "input[].type", "", about="custom")
OLD_CALL: Final = Field("item", "messages[].function_call")
OLD_RESULT: Final = Field("item", "messages[]", about="of role function")
RESULT_ID: Final = Field("item", "messages[].tool_call_id", "input[].call_id", "messages[].content[].tool_use_id")
RESULT: Final = Field("item", "messages[]", "input[].output", "messages[].content[].content", about="a tool's output")
LATE_RESULT: Final = Field("item", "messages[]", "input[]", "messages[].content[]", about="output that comes late")
RESULT_IMAGES: Final = Field(
    "item", "", "input[].output", "messages[].content[].content", about="images and files of a tool's output"
)
IS_ERROR: Final = Field("item", "", "", "messages[].content[].is_error")
CALLER: Final = Field("item", "", "input[].caller", "messages[].content[].caller")
REFERENCE: Final = Field("item", "", "input[].id", "", about="item_reference")
HOSTED_ITEM: Final = Field("item", "", "input[]", "messages[].content[]", about="of a tool the provider runs")

# Parts of messages and of tools' outputs.
TEXT: Final = Field("part", "messages[].content[].text", "input[].content[].text", "messages[].content[].text")
TEXTS: Final = Field("item", "messages[].content", "input[].content", "messages[].content", about="several texts")
IMAGE: Final = Field(
    "part", "messages[].content[].image_url.url", "input[].content[].image_url", "messages[].content[].source",
    about="an image by URL or data",
)  # fmt: skip
IMAGE_FILE: Final = Field(
    "part", "", "input[].content[].file_id", "messages[].content[].source", about="a stored image"
)
DETAIL: Final = Field("part", "messages[].content[].image_url.detail", "input[].content[].detail")
AUDIO_PART: Final = Field("part", "messages[].content[].input_audio", "input[].content[].input_audio")
AUDIO_CACHE: Final = Field("part", "messages[].content[].prompt_cache_breakpoint", about="after audio")
FILE: Final = Field(
    "part", "messages[].content[].file.file_data", "input[].content[].file_data", "messages[].content[].source",
    about="a document by data",
)  # fmt: skip
FILE_ID: Final = Field(
    "part", "messages[].content[].file.file_id", "input[].content[].file_id", "messages[].content[].source",
    about="a stored document",
)  # fmt: skip
FILE_URL: Final = Field("part", "", "input[].content[].file_url", "messages[].content[].source", about="a document")
FILE_NAME: Final = Field(
    "part", "messages[].content[].file.filename", "input[].content[].filename", "messages[].content[].title"
)
FILE_DETAIL: Final = Field("part", "", "input[].content[].detail", "", about="of a file")
DOCUMENT_BLOCKS: Final = Field("part", "", "", "messages[].content[].source.content")
DOCUMENT_CONTEXT: Final = Field("part", "", "", "messages[].content[].context")
CITES: Final = Field("part", "", "", "messages[].content[].citations", about="of a document")
TRANSFORMATIONS: Final = Field("part", "", "", "messages[].content[].transformations")
TOOL_REFERENCE: Final = Field("part", "", "", "messages[].content[].content[]", about="tool_reference")
RESULT_BLOCK: Final = Field("part", "", "", "messages[].content[].content[].type", about="another block in a result")
ANNOTATIONS: Final = Field(
    "part", "messages[].annotations", "input[].content[].annotations", "messages[].content[].citations"
)
SAID_LOGPROBS: Final = Field("part", "", "input[].content[].logprobs")
BREAKPOINT: Final = Field(
    "part", "messages[].content[].prompt_cache_breakpoint", "input[].content[].prompt_cache_breakpoint",
    "messages[].content[].cache_control",
)  # fmt: skip
SAID_BREAKPOINT: Final = Field(
    "part", "", "input[].content[].prompt_cache_breakpoint", "", about="in what an assistant said"
)
ITEM_CACHE: Final = Field("item", "", "", "messages[].content[].cache_control", about="of a call or a result")

# An answer.
ANSWER_ID: Final = Field("answer", "id", "id", "id")
CREATED: Final = Field("answer", "created", "created_at")
ANSWER_MODEL: Final = Field("answer", "model", "model", "model")
OUT_TEXT: Final = Field("answer", "choices[].message.content", "output[].content[].text", "content[].text")
OUT_REFUSAL: Final = Field(
    "answer", "choices[].message.refusal", "output[].content[].refusal", "stop_details.explanation"
)
OUT_LINKS: Final = Field(
    "answer", "choices[].message.annotations", "output[].content[].annotations", "content[].citations", about="links"
)
OUT_CITATIONS: Final = Field(
    "answer", "", "output[].content[].annotations", "content[].citations", about="of documents"
)
OUT_LOGPROBS: Final = Field("answer", "choices[].logprobs.content", "output[].content[].logprobs")
OUT_REASONING: Final = Field(
    "answer", "choices[].message.reasoning_content", "output[]", "content[]", about="reasoning"
)
OUT_SEAL: Final = Field("answer", "", "output[].encrypted_content", "content[].signature")
OUT_CALL: Final = Field("answer", "choices[].message.tool_calls", "output[]", "content[]", about="a call")
OUT_CUSTOM: Final = Field("answer", "choices[].message.tool_calls", "output[]", "", about="a call of a custom tool")
OUT_OLD_CALL: Final = Field("answer", "choices[].message.function_call")
OUT_HOSTED: Final = Field("answer", "", "output[]", "content[]", about="of a tool the provider runs")
OUT_PHASE: Final = Field("answer", "", "output[].phase")
OTHER_CHOICES: Final = Field("answer", "choices[]", about="after the first")
OUT_TIER: Final = Field("answer", "service_tier", "service_tier", "usage.service_tier")
FINGERPRINT: Final = Field("answer", "system_fingerprint")
OUT_SEQUENCE: Final = Field("answer", "", "", "stop_sequence")
USED_INPUT: Final = Field("answer", "usage.prompt_tokens", "usage.input_tokens", "usage.input_tokens")
USED_OUTPUT: Final = Field("answer", "usage.completion_tokens", "usage.output_tokens", "usage.output_tokens")
USED_CACHED: Final = Field(
    "answer", "usage.prompt_tokens_details.cached_tokens", "usage.input_tokens_details.cached_tokens",
    "usage.cache_read_input_tokens",
)  # fmt: skip
USED_WRITTEN: Final = Field(
    "answer", "usage.prompt_tokens_details.cache_write_tokens", "usage.input_tokens_details.cache_write_tokens",
    "usage.cache_creation_input_tokens",
)  # fmt: skip
USED_REASONING: Final = Field(
    "answer", "usage.completion_tokens_details.reasoning_tokens", "usage.output_tokens_details.reasoning_tokens",
    "usage.output_tokens_details.thinking_tokens",
)  # fmt: skip
USED_AUDIO: Final = Field("answer", "usage.prompt_tokens_details.audio_tokens")

# Why an answer ended.
ENDED: Final = Field("stop", "stop", "completed", "end_turn")
CALLED: Final = Field("stop", "tool_calls", "completed", "tool_use", about="with calls")
CUT: Final = Field("stop", "length", "incomplete, max_output_tokens", "max_tokens")
FILTERED: Final = Field("stop", "content_filter", "incomplete, content_filter", "refusal", about="without a word")
REFUSED: Final = Field("stop", "stop", "completed", "refusal", about="with a refusal in words")
AT_SEQUENCE: Final = Field("stop", "", "", "stop_sequence")
AT_WINDOW: Final = Field("stop", "", "", "model_context_window_exceeded")
PAUSED: Final = Field("stop", "", "", "pause_turn")
STEERED: Final = Field("stop", "", "incomplete, steered")
MANY_MESSAGES: Final = Field("stop", "", "incomplete, max_messages")
FAILED: Final = Field("stop", "", "failed")
UNFINISHED: Final = Field("stop", "", "in_progress")
UNENDED: Final = Field("stop", "(none)", "", "(none)")
