"""The quirks of an upstream's kind, as data: what differs between servers that speak the same dialect."""

from collections.abc import Mapping
from typing import Final, Literal

import msgspec

Quirk = bool | int | str | tuple[bool | int | str, ...]


class Profile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a request must be put for one upstream; the defaults are OpenAI's own API."""

    developer: Literal["developer", "system"] = "developer"
    """What a developer message is called."""
    merge_system: bool = False
    """One leading system message, as strict chat templates want it, instead of as many as there are."""
    max_tokens: Literal["max_completion_tokens", "max_tokens"] = "max_completion_tokens"
    """The name of the output limit in Chat."""
    default_max_tokens: int = 4096
    """Sent to Messages upstreams, which demand a limit, when the caller names none."""
    tool_images: Literal["lift", "reject"] = "lift"
    """Images in a tool's output, where tool messages are text: into a user message after them, or a 400."""
    names: Literal["keep", "prefix", "reject"] = "keep"
    """A participant's name, where there is no place for it: before the text, or a 400."""
    custom_tools: Literal["native", "wrap", "reject"] = "native"
    """Custom tools: as they are, as a function with one string whose calls become custom ones again, or a 400."""
    strict_tools: bool = True
    """Whether `strict` on tools and formats is understood."""
    reasoning_field: Literal["", "reasoning_content", "reasoning"] = ""
    """Where a Chat upstream writes and reads reasoning text, if anywhere; a Responses upstream reads it in items of
    its own, if this is set."""
    late_system: Literal["merge", "keep"] = "merge"
    """System messages after the beginning, at a Messages upstream: into the leading one, or where they stand if
    the API allows one there, as newer models do."""
    thinking: Literal["adaptive", "budget"] = "adaptive"
    """How an effort is put to a Messages upstream: by name, or as a budget of tokens, which older models want."""
    stores: bool = False
    """Whether a Chat upstream keeps completions, so that `metadata` may go there."""
    allow_unknown: bool = False
    """Whether a parameter nobody knows is left out with a loss instead of refused."""
    allowed_tools: bool = True
    """Whether a Chat upstream knows the tool choice `allowed_tools`; else only those tools are offered to it."""
    tool_names: Literal["alias", "keep", "reject"] = "alias"
    """Tool names beyond OpenAI's rule (letters, digits, _ and -, 64 at most), at a Chat upstream: under another
    name, which its calls lose again on the way back, as they are, or a 400."""
    efforts: tuple[str, ...] = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
    """The reasoning efforts that a Chat upstream takes, in order; another becomes the one next to it."""
    top_k: bool = False
    """Whether a Chat upstream knows `top_k`, which OpenAI has not."""
    web_search: bool = False
    """Whether a Chat upstream searches the web when given `web_search_options`."""
    text_parts: bool = True
    """Whether several texts of a Chat message may be a list, instead of one string."""
    refusals: bool = True
    """Whether what an assistant refused has a place of its own in a Chat history, instead of being its text."""
    stream_usage: bool = True
    """Whether a Chat upstream may be asked for usage in a stream."""


_OPEN: Final = Profile(
    developer="system", merge_system=True, max_tokens="max_tokens", custom_tools="reject",
    reasoning_field="reasoning_content", allowed_tools=False, tool_names="keep", text_parts=False, refusals=False,
)  # fmt: skip
"""What most servers of open models have in common: chat templates with one system message, no custom tools."""

PROFILES: Final[dict[str, Profile]] = {
    "openai": Profile(),
    "anthropic": Profile(custom_tools="reject", names="prefix"),
    "vllm": msgspec.structs.replace(_OPEN, top_k=True, efforts=("low", "medium", "high")),
    "ollama": msgspec.structs.replace(
        _OPEN, strict_tools=False, reasoning_field="reasoning", efforts=("none", "low", "medium", "high")
    ),
    "llamacpp": msgspec.structs.replace(_OPEN, strict_tools=False, top_k=True),
    "deepseek": msgspec.structs.replace(_OPEN, strict_tools=False, tool_names="alias"),
    "openrouter": Profile(
        max_tokens="max_tokens", custom_tools="reject", reasoning_field="reasoning", allowed_tools=False, top_k=True
    ),
    "gemini": msgspec.structs.replace(
        _OPEN,
        strict_tools=False,
        reasoning_field="",
        tool_names="alias",
        efforts=("none", "minimal", "low", "medium", "high"),
    ),  # fmt: skip
}


def adapt(profile: Profile, quirks: Mapping[str, Quirk]) -> Profile:
    """The profile with single quirks of its own. Raises `msgspec.ValidationError` naming one that is not right."""
    return msgspec.convert(msgspec.structs.asdict(profile) | dict(quirks), Profile) if quirks else profile
