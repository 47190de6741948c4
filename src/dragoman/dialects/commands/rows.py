"""What becomes of what a caller says at a command-line agent; see `mapping.py`.

What has no row goes into the prompt.
"""

from typing import Final

from dragoman.dialects import fields as f
from dragoman.dialects.mapping import Field, Row, Table

_NO_KNOB: Final = "the program has no knob for it"
TOOLS: Final = Field("request", "tools", "tools", "tools")

# Parameters.
NO_LIMIT: Final = Row(f.LIMIT, "dropped", "the program decides how much it writes")
NO_TEMPERATURE: Final = Row(f.TEMPERATURE, "dropped", _NO_KNOB)
NO_TOP_P: Final = Row(f.TOP_P, "dropped", _NO_KNOB)
NO_TOP_K: Final = Row(f.TOP_K, "dropped", _NO_KNOB)
NO_STOP: Final = Row(f.STOP, "dropped", _NO_KNOB)
NO_SEED: Final = Row(f.SEED, "dropped", _NO_KNOB)
NO_FREQUENCY: Final = Row(f.FREQUENCY, "dropped", _NO_KNOB, when="other than 0")
NO_PRESENCE: Final = Row(f.PRESENCE, "dropped", _NO_KNOB, when="other than 0")
NO_CHOICES: Final = Row(f.CHOICES, "refused", when="more than 1")
NO_LOGPROBS: Final = Row(f.LOGPROBS, "refused")
NO_TOP_LOGPROBS: Final = Row(f.TOP_LOGPROBS, "refused", when="other than 0")
NO_VERBOSITY: Final = Row(f.VERBOSITY, "dropped", _NO_KNOB, when="other than medium")
NO_EFFORT: Final = Row(f.EFFORT, "dropped", _NO_KNOB)
EFFORT_NEXT: Final = Row(f.EFFORT, "mapped", "the nearest effort of the program is {effort}")
NO_BUDGET: Final = Row(f.BUDGET, "dropped", _NO_KNOB)
NO_FORMAT: Final = Row(f.FORMAT, "refused", "This program takes no schema ('{param}'); ask for JSON in the prompt.")
SCHEMA_ONLY: Final = Row(
    f.FORMAT, "refused", "This program gives JSON by a schema only: use 'json_schema' in '{param}'.",
    when="json_object, or json_schema without a schema",
)  # fmt: skip
SCHEMA_TOO_LARGE: Final = Row(
    f.FORMAT, "refused", "A schema of more than {most} bytes ('{param}') cannot be given to this program."
)
NO_FORMAT_DESCRIPTION: Final = Row(f.FORMAT_DESCRIPTION, "dropped", "the program takes the schema alone")
NO_USER: Final = Row(f.USER, "dropped", "the program has one user, who runs it")
NO_SAFETY: Final = Row(f.SAFETY, "dropped", NO_USER.note)
NO_TIER: Final = Row(f.TIER, "dropped", _NO_KNOB, when="other than auto")
NO_CACHE_KEY: Final = Row(f.CACHE_KEY, "dropped", "the program finds its cache by the prompt itself")
NO_METADATA: Final = Row(f.METADATA, "dropped", "completions are not kept", source="chat")
NO_STORE: Final = Row(f.STORE, "dropped", "completions are not kept", when="true", source="chat")

# Tools.
NO_TOOLS: Final = Row(
    TOOLS, "refused",
    "Callers' tools ('{param}') are not offered to this program; its operator can set `tools = true`.",
)  # fmt: skip
NO_CUSTOM: Final = Row(f.CUSTOM_TOOL, "refused", "A custom tool ('{param}') cannot be offered to this program.")
NO_DEMAND: Final = Row(
    f.CHOICE, "refused", "This program decides itself whether it calls a tool: '{param}' must be auto.",
    when="a tool is demanded",
)  # fmt: skip
NO_ONE_BY_ONE: Final = Row(f.PARALLEL, "dropped", "the program decides how many tools it calls at once", when="false")

# What has been said.
NO_PROMPT: Final = Row(
    f.ITEMS, "refused", "This program needs something that the user says, and '{param}' has nothing new of the kind."
)
AS_A_PROMPT: Final = Row(f.ITEMS, "mapped", "the conversation is put into one prompt", when="more than one message")
NO_REASONING: Final = Row(f.REASONING, "dropped", "reasoning of earlier answers is not said again")
NO_ANNOTATIONS: Final = Row(f.ANNOTATIONS, "dropped", "annotations of earlier answers are not said again")
NO_NATIVE: Final = Row(f.HOSTED_ITEM, "refused", "An item of type {kind!r} ('{param}') has no place in a prompt.")
NO_IMAGE: Final = Row(f.IMAGE, "refused", "An image ('{param}') cannot be given to this program.")
IMAGE_BY_DATA: Final = Row(
    f.IMAGE, "refused", "This program takes an image as a 'data:' URL in base64 only ('{param}').", when="by URL"
)
NO_STORED_IMAGE: Final = Row(f.IMAGE_FILE, "refused", NO_IMAGE.note)
NO_DETAIL: Final = Row(f.DETAIL, "dropped", _NO_KNOB, when="other than auto")
NO_AUDIO: Final = Row(f.AUDIO_PART, "refused", "Audio ('{param}') cannot be given to this program.")
NO_FILE: Final = Row(f.FILE, "refused", "A file ('{param}') cannot be given to this program.")
AT_ESCAPED: Final = Row(
    f.ITEMS, "mapped", "an @ before a word is written \\@, or the program would read a file of that name"
)
UNKNOWN: Final = Row(f.UNKNOWN, "refused")

_EXTRAS: Final = (
    Row(f.MODALITIES, "vacuous", value='["text"]'),
    Row(f.CACHE_OPTIONS, "dropped", NO_CACHE_KEY.note),
    Row(f.CACHE_RETENTION, "dropped", NO_CACHE_KEY.note),
    Row(f.CACHE_CONTROL, "dropped", NO_CACHE_KEY.note),
    Row(f.TOOL_CACHE, "dropped", NO_CACHE_KEY.note),
    Row(f.ITEM_CACHE, "dropped", NO_CACHE_KEY.note),
    Row(f.THINKING, "vacuous", value='"adaptive"'),
    Row(f.TRUNCATION, "vacuous", value='"disabled"'),
)
# A program is no dialect and has no callers: only what arrives of parameters without a neutral form is asked of it.
EXTRAS: Final = Table("responses", arriving=(), extras=_EXTRAS, leaving=(), answers=())
