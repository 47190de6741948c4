"""What becomes of what others say at a Messages upstream, and what of its own callers' can leave; see `mapping.py`."""

from typing import Final

from dragoman.dialects import fields as f
from dragoman.dialects.mapping import Row, Table

_UNKEPT: Final = "by `/convert`, which keeps nothing"

# What the codec tells.
LIMIT_DEFAULTED: Final = Row(f.LIMIT, "defaulted", "the upstream demands a limit: {limit}", when="not given")
NO_CHOICES: Final = Row(f.CHOICES, "refused", when="more than 1")
NO_SEED: Final = Row(f.SEED, "refused")
NO_FREQUENCY: Final = Row(f.FREQUENCY, "refused", when="other than 0")
NO_PRESENCE: Final = Row(f.PRESENCE, "refused", when="other than 0")
NO_LOGPROBS: Final = Row(f.LOGPROBS, "refused")
NO_TOP_LOGPROBS: Final = Row(f.TOP_LOGPROBS, "refused", when="other than 0")
NO_VERBOSITY: Final = Row(f.VERBOSITY, "refused", when="other than medium")
TOO_HOT: Final = Row(f.TEMPERATURE, "refused", "This upstream takes a temperature from 0 to 1.", when="above 1")
NO_TIER: Final = Row(f.TIER, "refused", when="any other")
ONE_IDENTIFIER: Final = Row(
    f.USER, "dropped", "the upstream takes one identifier: 'safety_identifier'", when="beside `safety_identifier`"
)
NO_METADATA: Final = Row(f.METADATA, "dropped", "completions are not kept", source="chat")
NO_STORE: Final = Row(f.STORE, "dropped", "completions are not kept", when="true", source="chat")
NO_CACHE_KEY: Final = Row(f.CACHE_KEY, "dropped", "the upstream finds its cache by the prompt itself")
EFFORT_FORCED: Final = Row(
    f.EFFORT, "dropped", "the upstream cannot think before a forced tool call", when="beside a tool choice that demands"
)
EFFORT_SQUEEZED: Final = Row(
    f.EFFORT, "dropped", "the limit of the answer leaves nothing to think",
    when='under a low limit, and `thinking = "budget"`',
)  # fmt: skip
EFFORT_AS_BUDGET: Final = Row(
    f.EFFORT, "mapped", "an effort becomes a budget of reasoning tokens", when='`thinking = "budget"`'
)
EFFORT_LEAST: Final = Row(f.EFFORT, "mapped", "the least effort of the upstream is low", when="minimal")
NO_SUMMARY: Final = Row(
    f.SUMMARY, "dropped", "the upstream does not think unless an effort is given",
    when='without an effort, and `thinking = "budget"`',
)  # fmt: skip
SCHEMA_ONLY: Final = Row(
    f.FORMAT, "refused",
    "This upstream gives JSON by a schema only: use 'json_schema' in 'response_format' (or 'text.format').",
    when="json_object, or json_schema without a schema",
)  # fmt: skip
NO_FORMAT_DESCRIPTION: Final = Row(f.FORMAT_DESCRIPTION, "dropped", "the upstream takes the schema alone")
FORMAT_ENFORCED: Final = Row(f.FORMAT_STRICT, "mapped", "the upstream always enforces a schema", when="not true")
ALLOWED_ALONE: Final = Row(f.ALLOWED, "mapped", "only the allowed tools are offered")
STRICT_IGNORED: Final = Row(
    f.STRICT, "dropped", "the upstream does not enforce schemas", when="true, and `strict_tools = false`"
)
TOOL_ALIAS: Final = Row(
    f.TOOL_NAME, "mapped", "the upstream knows the tool as {name}",
    when='other than letters, digits, _ and -, or longer than 64, and `tool_names = "alias"`',
)  # fmt: skip
TOOL_NAME_REFUSED: Final = Row(
    f.TOOL_NAME, "refused",
    "The tool name {name!r} cannot be sent to this upstream: letters, digits, _ and -, 64 at most.",
    when='the same, and `tool_names = "reject"`',
)  # fmt: skip
CUSTOM_WRAPPED: Final = Row(
    f.CUSTOM_TOOL, "mapped", "a custom tool is offered as a function with one string", when='`custom_tools = "wrap"`'
)
NO_CUSTOM: Final = Row(
    f.CUSTOM_TOOL, "refused",
    "This upstream has no custom tools; its quirk custom_tools = 'wrap' would offer '{param}' as a function.",
)  # fmt: skip
NO_CUSTOM_CALL: Final = Row(
    f.CUSTOM_CALL, "refused", "This upstream has no custom tools, so '{param}' cannot be sent to it."
)
UNGROUPED: Final = Row(f.NAMESPACE, "mapped", "a tool of the namespace {space} is offered as {name}")
NO_HOSTED: Final = Row(f.HOSTED_TOOL, "refused", "This upstream runs no tool of a provider ('{param}'); leave it out.")
NO_NATIVE: Final = Row(
    f.HOSTED_ITEM, "refused", "An item of type {kind!r} ('{param}') cannot be sent to this upstream."
)
NO_REFERENCE: Final = Row(f.REFERENCE, "refused", "The item that '{param}' refers to is not known here.", when=_UNKEPT)
NO_HOSTED_OUTPUT: Final = Row(f.INCLUDE_HOSTED, "refused", when="where the tool is in the request")
NO_MESSAGES: Final = Row(
    f.ITEMS, "refused", "This upstream needs at least one message beside the system prompt.",
    when="nothing but system messages",
)  # fmt: skip
SYSTEM_MOVED: Final = Row(f.LATE_SYSTEM, "mapped", "a system message moves to the beginning")
NAME_PREFIXED: Final = Row(f.NAME, "mapped", "a participant's name stands before the text")
NAME_REFUSED: Final = Row(
    f.NAME, "refused", "The name of a participant ('{param}') cannot be sent to this upstream.",
    when='`names = "reject"`',
)  # fmt: skip
NO_PHASE: Final = Row(f.PHASE, "dropped", "the phase of a message has no place there")
SEAL_UNREAD: Final = Row(f.SEAL, "dropped", "another provider sealed it", when="there is a text beside it")
SEALED: Final = Row(
    f.SEAL_ALONE, "refused", "Reasoning sealed by another provider ('{param}') cannot be read by this upstream."
)
UNSIGNED: Final = Row(f.REASONING, "dropped", "the upstream takes only reasoning that it has signed")
CALL_ID_CHANGED: Final = Row(f.CALL_ID, "mapped", "the id of a call has characters refused here")
RESULT_BEFORE: Final = Row(f.LATE_RESULT, "mapped", "a tool's result moves before what the user says")
NO_ANNOTATIONS: Final = Row(f.ANNOTATIONS, "dropped", "annotations of earlier answers do not go back")
REFUSAL_AS_TEXT: Final = Row(f.REFUSAL, "mapped", "an earlier refusal is sent as text")
NO_AUDIO: Final = Row(f.AUDIO_PART, "refused", "Audio ('{param}') cannot be sent to this upstream.")
NO_DETAIL: Final = Row(
    f.DETAIL, "dropped", "the upstream chooses the detail of an image itself", when="other than auto"
)
FILE_KIND: Final = Row(
    f.FILE, "refused", "A file of type {kind!r} cannot be sent to this upstream: use PDF or text.",
    when="neither PDF nor text",
)  # fmt: skip
FILE_AS_TEXT: Final = Row(f.FILE, "mapped", "a file of type {kind} is sent as plain text", when="text, but not plain")
DATA_ONLY_BASE64: Final = Row(
    f.IMAGE, "refused", "A 'data:' URL must be in base64 for this upstream.", when="a data: URL that is not"
)
FILE_ONLY_BASE64: Final = Row(f.FILE, "refused", DATA_ONLY_BASE64.note, when=DATA_ONLY_BASE64.when)
BREAKPOINT_KEPT: Final = Row(f.BREAKPOINT, "mapped", "it lasts as long as the upstream decides")
ITEM_CACHE: Final = Row(f.ITEM_CACHE, "dropped", "it has no neutral place", source="messages")
CACHE_CONTROL: Final = Row(f.CACHE_CONTROL, "dropped", ITEM_CACHE.note, source="messages")
TOOL_CACHE: Final = Row(f.TOOL_CACHE, "dropped", ITEM_CACHE.note, source="messages")
UNKNOWN: Final = Row(f.UNKNOWN, "refused", when="dropped with a loss where `allow_unknown = true`")

# What a reader of Messages refuses, whatever the upstream speaks.
NO_BLOCKS: Final = Row(f.DOCUMENT_BLOCKS, "refused", "A document made of blocks ('{param}') cannot be translated.")
RESULT_BLOCK: Final = Row(
    f.RESULT_BLOCK, "refused", "A block of type {kind!r} in a tool's result ('{param}') cannot be translated."
)

_ARRIVING: Final = (
    Row(f.MODEL, "mapped", when="the route says under which name"),
    Row(f.ITEMS, "mapped"),
    NO_MESSAGES,
    Row(f.INSTRUCTIONS, "mapped"),
    Row(f.STREAM, "same"),
    Row(f.STREAM_USAGE, "executed", "every stream here has it; the caller gets it if asked for"),
    Row(f.OBFUSCATION, "vacuous", "it pads against observers of the network"),
    Row(f.LIMIT, "mapped"),
    LIMIT_DEFAULTED,
    Row(f.TEMPERATURE, "same"),
    TOO_HOT,
    Row(f.TOP_P, "same"),
    Row(f.TOP_K, "same"),
    Row(f.STOP, "mapped"),
    NO_SEED,
    Row(f.CHOICES, "vacuous", value="1"),
    NO_CHOICES,
    Row(f.FREQUENCY, "vacuous", value="0"),
    NO_FREQUENCY,
    Row(f.PRESENCE, "vacuous", value="0"),
    NO_PRESENCE,
    NO_LOGPROBS,
    NO_TOP_LOGPROBS,
    Row(f.VERBOSITY, "vacuous", value='"medium"'),
    NO_VERBOSITY,
    Row(f.FORMAT, "mapped", when="json_schema"),
    Row(f.FORMAT, "vacuous", value='{"type": "text"}'),
    SCHEMA_ONLY,
    Row(f.FORMAT_NAME, "vacuous", "it labels the schema and binds nothing"),
    NO_FORMAT_DESCRIPTION,
    Row(f.FORMAT_STRICT, "mapped", when="true, as the upstream always does"),
    FORMAT_ENFORCED,
    Row(f.EFFORT, "mapped"),
    EFFORT_LEAST,
    EFFORT_AS_BUDGET,
    EFFORT_SQUEEZED,
    EFFORT_FORCED,
    Row(f.SUMMARY, "mapped"),
    Row(f.OLD_SUMMARY, "mapped"),
    NO_SUMMARY,
    Row(f.USER, "mapped"),
    Row(f.SAFETY, "mapped", when="as `metadata.user_id`"),
    ONE_IDENTIFIER,
    Row(f.TIER, "mapped", when="auto, and default as standard_only"),
    NO_TIER,
    Row(f.METADATA, "executed", "it is kept with the response and said again in it", source="responses"),
    NO_METADATA,
    Row(f.STORE, "executed", "the gateway keeps the response", source="responses"),
    Row(f.STORE, "vacuous", value="false", source="chat"),
    NO_STORE,
    NO_CACHE_KEY,
    Row(f.INCLUDE_SEAL, "executed", "the answer has whatever is sealed"),
    NO_HOSTED_OUTPUT,
    Row(f.MAX_TOOL_CALLS, "vacuous", "it bounds tools that the provider runs"),
    UNKNOWN,
    Row(f.PREVIOUS, "executed", "what the gateway has kept stands before the input"),
    Row(f.CONVERSATION, "executed", "what the gateway has kept stands before the input"),
    Row(f.BACKGROUND, "executed", "the gateway has a job of it"),
    Row(f.REFERENCE, "executed", "the item that the gateway has kept takes its place"),
    Row(f.TOOL_NAME, "mapped"),
    TOOL_ALIAS,
    TOOL_NAME_REFUSED,
    Row(f.DESCRIPTION, "mapped"),
    Row(f.PARAMETERS, "mapped"),
    Row(f.STRICT, "mapped", when="where true"),
    STRICT_IGNORED,
    CUSTOM_WRAPPED,
    NO_CUSTOM,
    Row(f.WEB_TOOL, "refused", NO_HOSTED.note),
    UNGROUPED,
    Row(f.FUNCTIONS, "mapped", when="as tools; the answer has the deprecated form"),
    Row(f.CHOICE, "mapped"),
    ALLOWED_ALONE,
    Row(f.FUNCTION_CALL, "mapped", when="as `tool_choice`"),
    Row(f.PARALLEL, "vacuous", when="true, or without tools"),
    Row(f.PARALLEL, "mapped", when="false"),
    Row(f.SYSTEM, "mapped"),
    Row(f.DEVELOPER, "mapped", when="as a system message"),
    SYSTEM_MOVED,
    Row(f.LATE_SYSTEM, "mapped", when='`late_system = "keep"`, where the API allows one'),
    Row(f.USER_SAID, "mapped"),
    Row(f.SAID, "mapped"),
    Row(f.SAID_AFTER, "mapped"),
    NAME_PREFIXED,
    NAME_REFUSED,
    Row(f.RESULT_NAME, "vacuous", "the call has it"),
    NO_PHASE,
    Row(f.ITEM_ID, "vacuous", "it names the item and says nothing to a model"),
    Row(f.STATUS, "vacuous", "an item of the past is complete"),
    REFUSAL_AS_TEXT,
    UNSIGNED,
    SEAL_UNREAD,
    SEALED,
    Row(f.CALL, "mapped"),
    CALL_ID_CHANGED,
    Row(f.CUSTOM_CALL, "mapped", when="as a call of the function, where the tool is wrapped"),
    NO_CUSTOM_CALL,
    Row(f.OLD_CALL, "mapped", when="with an id made from its place"),
    Row(f.OLD_RESULT, "mapped"),
    Row(f.RESULT, "mapped"),
    Row(f.RESULT_ID, "mapped"),
    Row(f.RESULT_IMAGES, "mapped"),
    RESULT_BEFORE,
    NO_REFERENCE,
    NO_NATIVE,
    Row(f.TEXT, "mapped"),
    Row(f.TEXTS, "mapped"),
    Row(f.IMAGE, "mapped"),
    DATA_ONLY_BASE64,
    Row(f.IMAGE_FILE, "mapped"),
    NO_DETAIL,
    NO_AUDIO,
    Row(f.FILE, "mapped"),
    FILE_AS_TEXT,
    FILE_KIND,
    FILE_ONLY_BASE64,
    Row(f.FILE_ID, "mapped"),
    Row(f.FILE_URL, "mapped"),
    Row(f.FILE_NAME, "mapped"),
    NO_ANNOTATIONS,
    BREAKPOINT_KEPT,
    Row(f.SAID_BREAKPOINT, "mapped", BREAKPOINT_KEPT.note),
)
_EXTRAS: Final = (
    Row(f.LOGIT_BIAS, "refused"),
    Row(f.PREDICTION, "refused"),
    Row(f.MODALITIES, "vacuous", value='["text"]'),
    Row(f.MODALITIES, "refused"),
    Row(f.AUDIO, "refused"),
    Row(f.REASONING_MODE, "refused"),
    Row(f.REASONING_CONTEXT, "refused"),
    Row(f.CACHE_OPTIONS, "dropped", "the upstream has its own rules for its cache"),
    Row(f.CACHE_RETENTION, "dropped", "the upstream has its own rules for its cache"),
    Row(f.MODERATION, "refused"),
    Row(f.PREVIOUS, "refused", when=_UNKEPT),
    Row(f.CONVERSATION, "refused", when=_UNKEPT),
    Row(f.BACKGROUND, "refused", when=_UNKEPT),
    Row(f.PROMPT, "refused"),
    Row(f.COMPACTION, "refused"),
    Row(f.TRUNCATION, "refused"),
    Row(f.ACCESS_PROGRAMS, "refused"),
    Row(f.IMAGE_CONFIG, "refused"),
    NO_HOSTED,
    Row(f.DEFER_LOADING, "refused"),
    Row(f.ASYNC, "refused"),
    Row(f.ALLOWED_CALLERS, "refused"),
    Row(f.OUTPUT_SCHEMA, "refused"),
    CACHE_CONTROL,
    TOOL_CACHE,
    Row(f.WEB_SEARCH, "refused"),
    Row(f.HOSTED_CHOICE, "refused"),
    Row(f.FILE_DETAIL, "refused"),
    ITEM_CACHE,
)
_LEAVING: Final = (
    NO_BLOCKS,
    RESULT_BLOCK,
    Row(f.SPEED, "vacuous", value='"standard"'),
    Row(f.DIAGNOSTICS, "vacuous", "it asks why a cache was missed"),
    Row(f.EAGER, "vacuous", "it says in which steps a call's input is streamed"),
    Row(f.DEFER_LOADING, "vacuous", value="false"),
    Row(f.ALLOWED_CALLERS, "vacuous", value='["direct"]'),
    Row(f.CALLER, "vacuous", value='{"type": "direct"}'),
    Row(f.CITES, "vacuous", value='{"enabled": false}'),
    Row(f.TRANSFORMATIONS, "vacuous", value='{"oversized_image": "downsize"}'),
)
_ANSWERS: Final = (
    Row(f.ANSWER_ID, "mapped", "a fresh one"),
    Row(f.CREATED, "dropped", "Messages does not tell the time"),
    Row(f.ANSWER_MODEL, "executed", "the name the caller asked for"),
    Row(f.OUT_TEXT, "mapped"),
    Row(f.OUT_REFUSAL, "mapped", "as a text"),
    Row(f.OUT_LINKS, "mapped", "without the proof that the model saw it"),
    Row(f.OUT_CITATIONS, "dropped", "it names no place in a document"),
    Row(f.OUT_LOGPROBS, "dropped", "no caller of Messages can have asked for it"),
    Row(f.OUT_REASONING, "mapped"),
    Row(f.OUT_SEAL, "mapped", "in an envelope of the gateway"),
    Row(f.OUT_CALL, "mapped"),
    Row(f.OUT_CUSTOM, "mapped", "its text under `input`"),
    Row(f.OUT_OLD_CALL, "mapped", "like any call"),
    Row(f.OUT_HOSTED, "dropped", "no caller of Messages can have asked for it"),
    Row(f.OUT_PHASE, "dropped", "Messages has no place for it"),
    Row(f.OTHER_CHOICES, "dropped", "no caller of Messages can have asked for it"),
    Row(f.OUT_TIER, "mapped"),
    Row(f.FINGERPRINT, "dropped", "Messages has no place for it"),
    Row(f.USED_INPUT, "mapped", "less what the cache had"),
    Row(f.USED_OUTPUT, "mapped"),
    Row(f.USED_CACHED, "mapped"),
    Row(f.USED_WRITTEN, "mapped"),
    Row(f.USED_REASONING, "mapped"),
    Row(f.USED_AUDIO, "dropped", "Messages does not tell it apart"),
    Row(f.ENDED, "mapped"),
    Row(f.CALLED, "mapped"),
    Row(f.CUT, "mapped"),
    Row(f.FILTERED, "mapped"),
    Row(f.REFUSED, "mapped"),
    Row(f.STEERED, "mapped", "as end_turn"),
    Row(f.MANY_MESSAGES, "mapped", "as max_tokens"),
    Row(f.FAILED, "refused", "the error of the upstream"),
    Row(f.UNFINISHED, "refused", "an answer that is not finished is an error"),
    Row(f.UNENDED, "refused", "an answer that was cut is an error"),
)

TABLE: Final = Table("messages", arriving=_ARRIVING, extras=_EXTRAS, leaving=_LEAVING, answers=_ANSWERS)
