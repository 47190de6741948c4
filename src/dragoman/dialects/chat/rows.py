"""What becomes of what others say at a Chat upstream, and what of a Chat caller's can leave Chat; see `mapping.py`."""

from typing import Final

from dragoman.dialects import fields as f
from dragoman.dialects.mapping import Row, Table

_UNKEPT: Final = "by `/convert`, which keeps nothing"

# What the codec tells.
NO_TOP_K: Final = Row(f.TOP_K, "refused", when="unless `top_k = true`")
NO_ULTRAFAST: Final = Row(
    f.TIER, "refused", "The service tier 'ultrafast' exists at Responses upstreams only.", when="ultrafast"
)
USER_HASHED: Final = Row(
    f.USER, "mapped", "an identifier of more than {most} characters is sent as its hash", when="more than 64 characters"
)
NO_SUMMARY: Final = Row(f.SUMMARY, "dropped", "the upstream gives no summary of its reasoning")
BUDGET_BESIDE_EFFORT: Final = Row(
    f.BUDGET, "dropped", "the effort says how much to reason", when="beside `output_config.effort`"
)
BUDGET_AS_EFFORT: Final = Row(f.BUDGET, "mapped", "a budget of reasoning tokens becomes effort {effort}")
EFFORT_NEXT: Final = Row(
    f.EFFORT, "mapped", "the upstream's next effort to {effort} is {near}", when="one that `efforts` lacks"
)
EFFORT_NONE: Final = Row(
    f.EFFORT, "dropped", "the upstream cannot be told not to reason", when="none, which `efforts` lacks"
)
ALLOWED_ALONE: Final = Row(f.ALLOWED, "mapped", "only the allowed tools are offered", when="`allowed_tools = false`")
STRICT_IGNORED: Final = Row(
    f.STRICT, "dropped", "the upstream does not enforce schemas", when="true, and `strict_tools = false`"
)
FORMAT_STRICT_IGNORED: Final = Row(
    f.FORMAT_STRICT, "dropped", "the upstream does not enforce schemas", when="true, and `strict_tools = false`"
)
FORMAT_LAX: Final = Row(
    f.FORMAT, "mapped", "the upstream does not enforce the schema", when="json_schema", source="messages"
)
TOOL_ALIAS: Final = Row(
    f.TOOL_NAME, "mapped", "the upstream knows the tool as {name}",
    when="other than letters, digits, _ and -, or longer than 64, and `tool_names = \"alias\"`",
)  # fmt: skip
TOOL_NAME_REFUSED: Final = Row(
    f.TOOL_NAME, "refused",
    "The tool name {name!r} cannot be sent to this upstream: letters, digits, _ and -, 64 at most.",
    when="the same, and `tool_names = \"reject\"`",
)  # fmt: skip
CUSTOM_WRAPPED: Final = Row(
    f.CUSTOM_TOOL, "mapped", "a custom tool is offered as a function with one string", when='`custom_tools = "wrap"`'
)
NO_CUSTOM: Final = Row(
    f.CUSTOM_TOOL, "refused",
    "This upstream has no custom tools; its quirk custom_tools = 'wrap' would offer '{param}' as a function.",
    when='`custom_tools = "reject"`',
)  # fmt: skip
NO_CUSTOM_CALL: Final = Row(
    f.CUSTOM_CALL, "refused", "This upstream has no custom tools, so '{param}' cannot be sent to it.",
    when='`custom_tools = "reject"`',
)  # fmt: skip
NO_HOSTED_OUTPUT: Final = Row(f.INCLUDE_HOSTED, "refused", when="where the tool is in the request")
SEARCHES: Final = Row(
    f.WEB_TOOL, "mapped", "the upstream searches the web for every answer", when="`web_search = true`"
)
SEARCHES_UNBOUNDED: Final = Row(
    f.MAX_TOOL_CALLS, "refused", "How often this upstream searches the web cannot be bounded.",
    when="beside web_search",
)  # fmt: skip
UNGROUPED: Final = Row(f.NAMESPACE, "mapped", "a tool of the namespace {space} is offered as {name}")
NO_HOSTED: Final = Row(f.HOSTED_TOOL, "refused", "This upstream runs no tool of a provider ('{param}'); leave it out.")
NO_NATIVE: Final = Row(
    f.HOSTED_ITEM, "refused", "An item of type {kind!r} ('{param}') cannot be sent to this upstream."
)
NO_REFERENCE: Final = Row(f.REFERENCE, "refused", "The item that '{param}' refers to is not known here.", when=_UNKEPT)
MERGED: Final = Row(
    f.ITEMS, "mapped", "system messages are merged into one at the beginning",
    when="several or late system messages, and `merge_system = true`",
)  # fmt: skip
MERGED_CACHE: Final = Row(
    f.BREAKPOINT, "dropped", "a merged system message has no cache breakpoints", when="in a merged system message",
    source="responses",
)  # fmt: skip
MERGED_PARTS: Final = Row(
    f.SYSTEM, "refused", "This upstream takes one system message, of text only.",
    when="more than text, and `merge_system = true`", source="responses",
)  # fmt: skip
JOINED: Final = Row(f.TEXTS, "mapped", "the texts of a message are joined to one", when="`text_parts = false`")
SAID_BEFORE: Final = Row(f.SAID_AFTER, "mapped", "what was said after a call stands before it")
SAID_PART: Final = Row(
    f.SAID, "refused", "An assistant's message ('{param}') cannot hold an {kind} part.", when="images or files in it",
    source="responses",
)  # fmt: skip
NO_PHASE: Final = Row(f.PHASE, "dropped", "the phase of a message has no place there")
NAME_PREFIXED: Final = Row(f.NAME, "mapped", "a participant's name stands before the text", when='`names = "prefix"`')
NAME_REFUSED: Final = Row(
    f.NAME, "refused", "The name of a participant ('{param}') cannot be sent to this upstream.",
    when='`names = "reject"`',
)  # fmt: skip
REFUSAL_AS_TEXT: Final = Row(f.REFUSAL, "mapped", "an earlier refusal is sent as text", when="`refusals = false`")
NO_ANNOTATIONS: Final = Row(f.ANNOTATIONS, "dropped", "annotations of earlier answers do not go back")
NO_SAID_BREAKPOINT: Final = Row(f.SAID_BREAKPOINT, "dropped", "an assistant's text is one string")
SEAL_UNREAD: Final = Row(f.SEAL, "dropped", "another provider sealed it", when="there is a text beside it")
SEALED: Final = Row(
    f.SEAL_ALONE, "refused", "Reasoning sealed by another provider ('{param}') cannot be read by this upstream."
)
NO_REASONING: Final = Row(
    f.REASONING, "dropped", "the upstream takes no reasoning of earlier turns", when='`reasoning_field = ""`'
)
ERROR_PREFIXED: Final = Row(f.IS_ERROR, "mapped", "a failed tool's output begins with {prefix!r}", when="true")
LIFTED: Final = Row(
    f.RESULT_IMAGES, "mapped", "what is no text goes into a user message after the tool messages",
    when='`tool_images = "lift"`',
)  # fmt: skip
TEXT_RESULTS: Final = Row(
    f.RESULT_IMAGES, "refused", "This upstream takes text only from a tool ('{param}').",
    when='`tool_images = "reject"`',
)  # fmt: skip
RESULT_MOVED: Final = Row(f.LATE_RESULT, "mapped", "a tool's output moves to directly after its call")
NO_IMAGE_FILE: Final = Row(
    f.IMAGE_FILE, "refused", "An image ('{param}') can be given to this upstream by URL or data only."
)
NO_FILE_URL: Final = Row(f.FILE_URL, "refused", "A file ('{param}') can be given to this upstream by data or id only.")
CACHES_ITSELF: Final = Row(f.BREAKPOINT, "dropped", "the upstream caches by itself", source="messages")
UNKNOWN: Final = Row(f.UNKNOWN, "refused", when="dropped with a loss where `allow_unknown = true`")

# What a reader of Chat refuses, whatever the upstream speaks.
NO_AUDIO_SAID: Final = Row(f.AUDIO_SAID, "refused", "Audio of an earlier answer ('{param}') cannot be translated.")
NO_AUDIO_CACHE: Final = Row(f.AUDIO_CACHE, "refused", "A cache breakpoint after audio cannot be translated.")

_ARRIVING: Final = (
    Row(f.MODEL, "mapped", when="the route says under which name"),
    Row(f.ITEMS, "mapped"),
    MERGED,
    Row(f.INSTRUCTIONS, "mapped", when="as a leading system message"),
    Row(f.STREAM, "same"),
    Row(f.OBFUSCATION, "vacuous", "it pads against observers of the network"),
    Row(f.LIMIT, "mapped", when="as `max_tokens`, where the quirk of that name says so"),
    Row(f.TEMPERATURE, "same"),
    Row(f.TOP_P, "same"),
    Row(f.TOP_K, "same", when="`top_k = true`"),
    NO_TOP_K,
    Row(f.STOP, "mapped"),
    Row(f.FREQUENCY, "same"),
    Row(f.PRESENCE, "same"),
    Row(f.LOGPROBS, "mapped"),
    Row(f.TOP_LOGPROBS, "same"),
    Row(f.VERBOSITY, "mapped"),
    Row(f.FORMAT, "vacuous", value='{"type": "text"}', source="responses"),
    Row(f.FORMAT, "mapped", source="responses"),
    FORMAT_LAX,
    Row(f.FORMAT_NAME, "mapped"),
    Row(f.FORMAT_DESCRIPTION, "mapped"),
    Row(f.FORMAT_STRICT, "mapped"),
    FORMAT_STRICT_IGNORED,
    Row(f.EFFORT, "mapped"),
    EFFORT_NEXT,
    EFFORT_NONE,
    BUDGET_AS_EFFORT,
    BUDGET_BESIDE_EFFORT,
    Row(f.THINKING, "mapped", when="disabled, as effort none"),
    Row(f.THINKING, "vacuous", when="adaptive"),
    NO_SUMMARY,
    Row(f.OLD_SUMMARY, "dropped", NO_SUMMARY.note),
    Row(f.NO_THOUGHTS, "executed", "the answer leaves the text of its reasoning out"),
    Row(f.USER, "mapped"),
    USER_HASHED,
    Row(f.SAFETY, "same"),
    Row(f.TIER, "same", source="responses"),
    NO_ULTRAFAST,
    Row(f.TIER, "mapped", when="standard_only, as default", source="messages"),
    Row(f.METADATA, "executed", "it is kept with the response and said again in it"),
    Row(f.METADATA, "same", when="`stores = true`"),
    Row(f.STORE, "executed", "the gateway keeps the response, never the upstream"),
    Row(f.CACHE_KEY, "same"),
    Row(f.INCLUDE_SEAL, "executed", "the answer has whatever is sealed"),
    NO_HOSTED_OUTPUT,
    Row(f.MAX_TOOL_CALLS, "vacuous", "it bounds tools that the provider runs"),
    SEARCHES_UNBOUNDED,
    UNKNOWN,
    Row(f.PREVIOUS, "executed", "what the gateway has kept stands before the input"),
    Row(f.CONVERSATION, "executed", "what the gateway has kept stands before the input"),
    Row(f.BACKGROUND, "executed", "the gateway has a job of it"),
    Row(f.REFERENCE, "executed", "the item that the gateway has kept takes its place"),
    TOOL_ALIAS,
    TOOL_NAME_REFUSED,
    Row(f.TOOL_NAME, "mapped"),
    Row(f.DESCRIPTION, "mapped"),
    Row(f.PARAMETERS, "mapped"),
    Row(f.STRICT, "mapped", when="false is said where nothing is"),
    STRICT_IGNORED,
    Row(f.CUSTOM_TOOL, "mapped"),
    CUSTOM_WRAPPED,
    NO_CUSTOM,
    SEARCHES,
    UNGROUPED,
    Row(f.DEFER_LOADING, "executed", "it is offered when a search has found it", source="messages"),
    Row(f.CHOICE, "mapped"),
    Row(f.ALLOWED, "mapped"),
    ALLOWED_ALONE,
    Row(f.PARALLEL, "vacuous", when="without tools"),
    Row(f.PARALLEL, "mapped"),
    Row(f.SYSTEM, "mapped"),
    MERGED_PARTS,
    Row(f.DEVELOPER, "mapped", when="as system, where the quirk `developer` says so"),
    Row(f.LATE_SYSTEM, "mapped"),
    Row(f.USER_SAID, "mapped"),
    Row(f.SAID, "mapped"),
    SAID_PART,
    SAID_BEFORE,
    NAME_PREFIXED,
    NAME_REFUSED,
    Row(f.RESULT_NAME, "vacuous", "the call has it"),
    NO_PHASE,
    Row(f.ITEM_ID, "vacuous", "it names the item and says nothing to a model"),
    Row(f.STATUS, "vacuous", "an item of the past is complete"),
    Row(f.REFUSAL, "mapped"),
    REFUSAL_AS_TEXT,
    Row(f.REASONING, "mapped", when="as the quirk `reasoning_field` says"),
    NO_REASONING,
    SEAL_UNREAD,
    SEALED,
    Row(f.CALL, "mapped"),
    Row(f.CALL_ID, "mapped"),
    Row(f.CUSTOM_CALL, "mapped", when="as a call of the function, where the tool is wrapped"),
    NO_CUSTOM_CALL,
    Row(f.RESULT, "mapped"),
    Row(f.TOOL_REFERENCE, "mapped", when="as a text"),
    Row(f.RESULT_ID, "mapped"),
    RESULT_MOVED,
    LIFTED,
    TEXT_RESULTS,
    ERROR_PREFIXED,
    NO_REFERENCE,
    NO_NATIVE,
    Row(f.TEXT, "mapped"),
    Row(f.TEXTS, "mapped"),
    JOINED,
    Row(f.IMAGE, "mapped"),
    NO_IMAGE_FILE,
    Row(f.DETAIL, "mapped"),
    Row(f.AUDIO_PART, "mapped"),
    Row(f.FILE, "mapped"),
    Row(f.FILE_ID, "mapped"),
    NO_FILE_URL,
    Row(f.FILE_NAME, "mapped"),
    NO_ANNOTATIONS,
    Row(f.BREAKPOINT, "mapped", source="responses"),
    MERGED_CACHE,
    CACHES_ITSELF,
    NO_SAID_BREAKPOINT,
)
_EXTRAS: Final = (
    Row(f.THINKING, "refused", when="any other"),
    Row(f.REASONING_MODE, "refused"),
    Row(f.REASONING_CONTEXT, "refused"),
    Row(f.CACHE_OPTIONS, "same"),
    Row(f.CACHE_RETENTION, "same"),
    Row(f.CACHE_CONTROL, "dropped", CACHES_ITSELF.note),
    Row(f.MODERATION, "same"),
    Row(f.SPEED, "refused"),
    Row(f.CONTAINER, "refused"),
    Row(f.MCP_SERVERS, "refused"),
    Row(f.INFERENCE_GEO, "refused"),
    Row(f.USER_PROFILE, "refused"),
    Row(f.WORKSPACE, "refused"),
    Row(f.EDITS, "refused"),
    Row(f.PREVIOUS, "refused", when=_UNKEPT),
    Row(f.CONVERSATION, "refused", when=_UNKEPT),
    Row(f.BACKGROUND, "refused", when=_UNKEPT),
    Row(f.PROMPT, "refused"),
    Row(f.COMPACTION, "refused"),
    Row(f.TRUNCATION, "refused"),
    Row(f.ACCESS_PROGRAMS, "refused"),
    Row(f.IMAGE_CONFIG, "refused"),
    NO_HOSTED,
    Row(f.DEFER_LOADING, "refused", source="responses"),
    Row(f.ASYNC, "refused"),
    Row(f.ALLOWED_CALLERS, "refused"),
    Row(f.OUTPUT_SCHEMA, "refused"),
    Row(f.INPUT_EXAMPLES, "refused"),
    Row(f.TOOL_CACHE, "dropped", CACHES_ITSELF.note),
    Row(f.HOSTED_CHOICE, "refused"),
    Row(f.FILE_DETAIL, "refused"),
    Row(f.DOCUMENT_CONTEXT, "refused"),
    Row(f.CITES, "refused"),
    Row(f.TRANSFORMATIONS, "refused"),
    Row(f.ITEM_CACHE, "dropped", CACHES_ITSELF.note),
)
_LEAVING: Final = (
    Row(f.PARSED, "vacuous", "the official SDK's own reading of the content"),
    NO_AUDIO_SAID,
    NO_AUDIO_CACHE,
)
_ANSWERS: Final = (
    Row(f.ANSWER_ID, "mapped", "a fresh one"),
    Row(f.CREATED, "mapped"),
    Row(f.ANSWER_MODEL, "executed", "the name the caller asked for"),
    Row(f.OUT_TEXT, "mapped"),
    Row(f.OUT_REFUSAL, "mapped"),
    Row(f.OUT_LINKS, "mapped"),
    Row(f.OUT_CITATIONS, "mapped", "as an extension, nested like links"),
    Row(f.OUT_LOGPROBS, "mapped"),
    Row(f.OUT_REASONING, "mapped"),
    Row(f.OUT_SEAL, "dropped", "a Chat caller has no place for it"),
    Row(f.OUT_CALL, "mapped"),
    Row(f.OUT_CUSTOM, "mapped"),
    Row(f.OUT_HOSTED, "dropped", "Chat has no such calls"),
    Row(f.OUT_PHASE, "dropped", "Chat has one message"),
    Row(f.OUT_TIER, "mapped"),
    Row(f.OUT_SEQUENCE, "dropped", "Chat does not say which it was"),
    Row(f.USED_INPUT, "mapped"),
    Row(f.USED_OUTPUT, "mapped"),
    Row(f.USED_CACHED, "mapped"),
    Row(f.USED_WRITTEN, "mapped"),
    Row(f.USED_REASONING, "mapped"),
    Row(f.ENDED, "mapped"),
    Row(f.CALLED, "mapped"),
    Row(f.CUT, "mapped"),
    Row(f.FILTERED, "mapped"),
    Row(f.REFUSED, "mapped"),
    Row(f.AT_SEQUENCE, "mapped", "as stop"),
    Row(f.AT_WINDOW, "mapped", "as length"),
    Row(f.PAUSED, "refused", "an answer that is to be continued is an error"),
    Row(f.STEERED, "mapped", "as stop"),
    Row(f.MANY_MESSAGES, "mapped", "as length"),
    Row(f.FAILED, "refused", "the error of the upstream"),
    Row(f.UNFINISHED, "refused", "an answer that is not finished is an error"),
    Row(f.UNENDED, "refused", "an answer that was cut is an error"),
)

TABLE: Final = Table("chat", arriving=_ARRIVING, extras=_EXTRAS, leaving=_LEAVING, answers=_ANSWERS)
