"""What becomes of what others say at a Responses upstream, and what of its own callers' can leave; see `mapping.py`."""

from typing import Final

from dragoman.dialects import fields as f
from dragoman.dialects.mapping import Row, Table

# What the codec tells.
NO_CHOICES: Final = Row(f.CHOICES, "refused", when="more than 1")
LIMIT_RAISED: Final = Row(f.LIMIT, "mapped", "the upstream takes no less than {least}", when="less than 16")
NO_STOP: Final = Row(f.STOP, "refused")
NO_SEED: Final = Row(f.SEED, "refused")
NO_TOP_K: Final = Row(f.TOP_K, "refused")
NO_FREQUENCY: Final = Row(f.FREQUENCY, "refused", when="other than 0")
NO_PRESENCE: Final = Row(f.PRESENCE, "refused", when="other than 0")
USER_HASHED: Final = Row(
    f.USER, "mapped", "an identifier of more than {most} characters is sent as its hash", when="more than 64 characters"
)
BUDGET_AS_EFFORT: Final = Row(f.BUDGET, "mapped", "a budget of reasoning tokens becomes effort {effort}")
BUDGET_BESIDE_EFFORT: Final = Row(
    f.BUDGET, "dropped", "the effort says how much to reason", when="beside `output_config.effort`"
)
FORMAT_LAX: Final = Row(
    f.FORMAT, "mapped", "the upstream does not enforce the schema", when="json_schema", source="messages"
)
FORMAT_STRICT_IGNORED: Final = Row(
    f.FORMAT_STRICT, "dropped", "the upstream does not enforce schemas", when="true, and `strict_tools = false`"
)
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
    when='`custom_tools = "reject"`',
)  # fmt: skip
NO_CUSTOM_CALL: Final = Row(
    f.CUSTOM_CALL, "refused", "This upstream has no custom tools, so '{param}' cannot be sent to it.",
    when='`custom_tools = "reject"`',
)  # fmt: skip
NO_HOSTED: Final = Row(f.HOSTED_TOOL, "refused", "This upstream runs no tool of a provider ('{param}'); leave it out.")
NO_NATIVE: Final = Row(
    f.HOSTED_ITEM, "refused", "An item of type {kind!r} ('{param}') cannot be sent to this upstream."
)
MERGED: Final = Row(
    f.ITEMS, "mapped", "system messages are merged into one at the beginning",
    when="several or late system messages, and `merge_system = true`",
)  # fmt: skip
NAME_PREFIXED: Final = Row(f.NAME, "mapped", "a participant's name stands before the text")
NAME_DROPPED: Final = Row(f.NAME, "dropped", "there is no text for the name to stand before", when="no text")
NAME_REFUSED: Final = Row(
    f.NAME, "refused", "The name of a participant ('{param}') cannot be sent to this upstream.",
    when='`names = "reject"`',
)  # fmt: skip
ERROR_PREFIXED: Final = Row(f.IS_ERROR, "mapped", "a failed tool's output begins with {prefix!r}", when="true")
# OpenAI looks reasoning without a seal up by its id, and refuses what it has not stored.
NO_REASONING: Final = Row(
    f.REASONING, "dropped", "the upstream takes no reasoning of earlier turns", when='`reasoning_field = ""`'
)
SEAL_UNREAD: Final = Row(f.SEAL, "dropped", "another provider sealed it", when="there is a text beside it")
SEALED: Final = Row(
    f.SEAL_ALONE, "refused", "Reasoning sealed by another provider ('{param}') cannot be read by this upstream."
)
NO_AUDIO: Final = Row(f.AUDIO_PART, "refused", "Audio ('{param}') cannot be sent to a Responses upstream.")
CACHES_ITSELF: Final = Row(f.BREAKPOINT, "dropped", "the upstream caches by itself", source="messages")
INSTRUCTIONS_CACHE: Final = Row(
    f.BREAKPOINT, "dropped", "the instructions have no cache breakpoints", when="in `system`", source="messages"
)
SAID_BREAKPOINT: Final = Row(
    f.BREAKPOINT, "dropped", "what an assistant said has no cache breakpoints", when="in what an assistant said",
    source="chat",
)  # fmt: skip
SAID_PART: Final = Row(
    f.SAID, "refused", "An assistant's message ('{param}') cannot hold an {kind} part.", source="responses"
)
MERGED_PARTS: Final = Row(
    f.SYSTEM, "refused", "This upstream takes one system message, of text only.", when="`merge_system = true`",
    source="responses",
)  # fmt: skip
UNKNOWN: Final = Row(f.UNKNOWN, "refused", when="dropped with a loss where `allow_unknown = true`")

# What a reader of Responses refuses, whatever the upstream speaks.
CHATS_OWN: Final = Row(f.CHATS_OWN, "refused", "Unsupported parameter: '{param}'. In the Responses API, use '{home}'.")
NO_SUCH_OUTPUT: Final = Row(f.INCLUDE, "refused", "{value!r} cannot be included.", when="a value nobody knows")

_ARRIVING: Final = (
    Row(f.MODEL, "mapped", when="the route says under which name"),
    Row(f.ITEMS, "mapped"),
    MERGED,
    Row(f.INSTRUCTIONS, "mapped", when="as a leading system message"),
    Row(f.STREAM, "same"),
    Row(f.STREAM_USAGE, "executed", "every stream here has it; the caller gets it if asked for"),
    Row(f.OBFUSCATION, "same", when="in a stream"),
    Row(f.LIMIT, "mapped"),
    LIMIT_RAISED,
    Row(f.TEMPERATURE, "same"),
    Row(f.TOP_P, "same"),
    NO_TOP_K,
    NO_STOP,
    NO_SEED,
    Row(f.CHOICES, "vacuous", value="1"),
    NO_CHOICES,
    Row(f.FREQUENCY, "vacuous", value="0"),
    NO_FREQUENCY,
    Row(f.PRESENCE, "vacuous", value="0"),
    NO_PRESENCE,
    Row(f.LOGPROBS, "mapped"),
    Row(f.TOP_LOGPROBS, "same"),
    Row(f.VERBOSITY, "mapped"),
    Row(f.FORMAT, "mapped", source="chat"),
    FORMAT_LAX,
    Row(f.FORMAT_NAME, "mapped"),
    Row(f.FORMAT_DESCRIPTION, "mapped"),
    Row(f.FORMAT_STRICT, "mapped"),
    FORMAT_STRICT_IGNORED,
    Row(f.EFFORT, "mapped"),
    BUDGET_AS_EFFORT,
    BUDGET_BESIDE_EFFORT,
    Row(f.THINKING, "mapped", when="disabled, as effort none"),
    Row(f.THINKING, "vacuous", when="adaptive"),
    Row(f.SUMMARY, "mapped"),
    Row(f.NO_THOUGHTS, "executed", "the answer leaves the text of its reasoning out"),
    Row(f.USER, "mapped"),
    USER_HASHED,
    Row(f.SAFETY, "same"),
    Row(f.TIER, "same", source="chat"),
    Row(f.TIER, "mapped", when="standard_only, as default", source="messages"),
    Row(f.METADATA, "same"),
    Row(f.STORE, "same", when="false is said where nothing is"),
    Row(f.CACHE_KEY, "same"),
    UNKNOWN,
    Row(f.TOOL_NAME, "mapped"),
    TOOL_ALIAS,
    TOOL_NAME_REFUSED,
    Row(f.DESCRIPTION, "mapped"),
    Row(f.PARAMETERS, "mapped", when="where Chat leaves them out, as those of a function without any"),
    Row(f.STRICT, "mapped", when="false is said where nothing is"),
    STRICT_IGNORED,
    Row(f.CUSTOM_TOOL, "mapped"),
    CUSTOM_WRAPPED,
    NO_CUSTOM,
    Row(f.DEFER_LOADING, "executed", "it is offered when a search has found it"),
    Row(f.FUNCTIONS, "mapped", when="as tools; the answer has the deprecated form"),
    Row(f.WEB_SEARCH, "mapped", when="as the tool `web_search`"),
    Row(f.CHOICE, "mapped"),
    Row(f.ALLOWED, "mapped"),
    Row(f.FUNCTION_CALL, "mapped", when="as `tool_choice`"),
    Row(f.PARALLEL, "mapped"),
    Row(f.SYSTEM, "mapped"),
    MERGED_PARTS,
    Row(f.DEVELOPER, "mapped", when="as system, where the quirk `developer` says so"),
    Row(f.LATE_SYSTEM, "mapped"),
    Row(f.USER_SAID, "mapped"),
    Row(f.SAID, "mapped"),
    Row(f.SAID_AFTER, "mapped"),
    SAID_PART,
    NAME_PREFIXED,
    NAME_DROPPED,
    NAME_REFUSED,
    Row(f.RESULT_NAME, "vacuous", "the call has it"),
    Row(f.REFUSAL, "mapped"),
    Row(f.REASONING, "mapped", when="`reasoning_field` is set"),
    NO_REASONING,
    SEAL_UNREAD,
    SEALED,
    Row(f.CALL, "mapped"),
    Row(f.CALL_ID, "mapped"),
    Row(f.CUSTOM_CALL, "mapped", when="as a call of the function, where the tool is wrapped"),
    NO_CUSTOM_CALL,
    Row(f.OLD_CALL, "mapped", when="with an id made from its place"),
    Row(f.OLD_RESULT, "mapped"),
    Row(f.RESULT, "mapped"),
    Row(f.TOOL_REFERENCE, "mapped", when="as a text"),
    Row(f.RESULT_ID, "mapped"),
    Row(f.LATE_RESULT, "mapped"),
    Row(f.RESULT_IMAGES, "mapped"),
    ERROR_PREFIXED,
    NO_NATIVE,
    Row(f.TEXT, "mapped"),
    Row(f.TEXTS, "mapped"),
    Row(f.IMAGE, "mapped"),
    Row(f.IMAGE_FILE, "mapped"),
    Row(f.DETAIL, "mapped"),
    NO_AUDIO,
    Row(f.FILE, "mapped"),
    Row(f.FILE_ID, "mapped"),
    Row(f.FILE_URL, "mapped"),
    Row(f.FILE_NAME, "mapped"),
    Row(f.ANNOTATIONS, "mapped"),
    Row(f.BREAKPOINT, "mapped", source="chat"),
    CACHES_ITSELF,
    INSTRUCTIONS_CACHE,
    SAID_BREAKPOINT,
)
_EXTRAS: Final = (
    Row(f.LOGIT_BIAS, "refused"),
    Row(f.PREDICTION, "refused"),
    Row(f.MODALITIES, "vacuous", value='["text"]'),
    Row(f.MODALITIES, "refused"),
    Row(f.AUDIO, "refused"),
    Row(f.THINKING, "refused", when="any other"),
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
    NO_HOSTED,
    Row(f.ALLOWED_CALLERS, "refused"),
    Row(f.INPUT_EXAMPLES, "refused"),
    Row(f.TOOL_CACHE, "dropped", CACHES_ITSELF.note),
    Row(f.DOCUMENT_CONTEXT, "refused"),
    Row(f.CITES, "refused"),
    Row(f.TRANSFORMATIONS, "refused"),
    Row(f.ITEM_CACHE, "dropped", CACHES_ITSELF.note),
)
_LEAVING: Final = (
    CHATS_OWN,
    NO_SUCH_OUTPUT,
    Row(f.REASONING_MODE, "vacuous", value='"standard"'),
    Row(f.REASONING_CONTEXT, "vacuous", value='"auto"'),
    Row(f.BACKGROUND, "vacuous", value="false"),
    Row(f.TRUNCATION, "vacuous", value='"disabled"'),
    Row(f.OBFUSCATION, "vacuous", value="false"),
    Row(f.CLIENT_METADATA, "vacuous", "it is for others to count by"),
    Row(f.GIVEN_CHOICES, "vacuous", value="1"),
    Row(f.ASYNC, "vacuous", value="false"),
    Row(f.DEFER_LOADING, "vacuous", value="false"),
    Row(f.ALLOWED_CALLERS, "vacuous", value='["direct"]'),
    Row(f.CALLER, "vacuous", value='{"type": "direct"}'),
    Row(f.FILE_DETAIL, "vacuous", value='"auto"'),
    Row(f.SAID_LOGPROBS, "vacuous", "how likely it was tells a model nothing"),
)
_ANSWERS: Final = (
    Row(f.ANSWER_ID, "mapped", "a fresh one"),
    Row(f.CREATED, "mapped"),
    Row(f.ANSWER_MODEL, "executed", "the name the caller asked for"),
    Row(f.OUT_TEXT, "mapped"),
    Row(f.OUT_REFUSAL, "mapped"),
    Row(f.OUT_LINKS, "mapped"),
    Row(f.OUT_CITATIONS, "mapped", "as an extension, if no file is named"),
    Row(f.OUT_LOGPROBS, "mapped"),
    Row(f.OUT_REASONING, "mapped"),
    Row(f.OUT_SEAL, "mapped", "in an envelope of the gateway"),
    Row(f.OUT_CALL, "mapped"),
    Row(f.OUT_CUSTOM, "mapped"),
    Row(f.OUT_OLD_CALL, "mapped", "like any call"),
    Row(f.OUT_HOSTED, "dropped", "no caller of Responses can have asked for it"),
    Row(f.OTHER_CHOICES, "dropped", "no caller of Responses can have asked for it"),
    Row(f.OUT_TIER, "mapped"),
    Row(f.FINGERPRINT, "dropped", "Responses has no place for it"),
    Row(f.OUT_SEQUENCE, "dropped", "Responses has no stop sequences"),
    Row(f.USED_INPUT, "mapped"),
    Row(f.USED_OUTPUT, "mapped"),
    Row(f.USED_CACHED, "mapped"),
    Row(f.USED_WRITTEN, "mapped"),
    Row(f.USED_REASONING, "mapped"),
    Row(f.USED_AUDIO, "dropped", "Responses does not tell it apart"),
    Row(f.ENDED, "mapped"),
    Row(f.CALLED, "mapped"),
    Row(f.CUT, "mapped"),
    Row(f.FILTERED, "mapped"),
    Row(f.REFUSED, "mapped"),
    Row(f.AT_SEQUENCE, "mapped", "as completed"),
    Row(f.AT_WINDOW, "mapped", "as incomplete, max_output_tokens"),
    Row(f.PAUSED, "mapped", "as incomplete, max_messages"),
    Row(f.UNENDED, "refused", "an answer that was cut is an error"),
)

TABLE: Final = Table("responses", arriving=_ARRIVING, extras=_EXTRAS, leaving=_LEAVING, answers=_ANSWERS)
