"""The neutral vocabulary of one model call: what is asked, what comes back, what it used.

Nothing here belongs to a dialect. A `Turn` is what a request says; an `Answer` is a finished reply; the
`Event`s are the same reply as it happens. What only one dialect can say stays in its own raw JSON, in
`Extra` or `Native`, so that a renderer of another dialect can refuse it by name or report its loss.

Rules that every reader keeps, so that every writer may rely on them:

- Events of items never overlap: `TextDelta`s, then a call, then another; a new kind closes what is open.
- A `CallOpened` has its name and its id. `CallClosed` has the whole arguments, also if no delta came.
- There is exactly one last event, `Stopped` or `Failed`; `Used` comes before it.
- Text is never empty; an empty delta opens nothing.
"""

from enum import Enum
from typing import Final, Literal

import msgspec

Dialect = Literal["chat", "responses", "messages"]
Role = Literal["system", "developer", "user", "assistant"]
CallKind = Literal["function", "custom"]
Streaming = Literal["none", "items", "tokens"]
"""How an upstream's answer comes: whole at its end, message by message, or token by token."""

INSTRUCTIONS: Final = "instructions"
"""The `id` of a system message that stands outside of the conversation, where a request has such a place."""


class Usage(msgspec.Struct, frozen=True, omit_defaults=True):
    """Tokens of one call. `input_tokens` includes those read from or written to a cache,
    `output_tokens` includes reasoning."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    estimated: bool = False
    """Whether nobody reported it: input and output as they were guessed from the texts, and no more than that."""
    cost_usd: float | None = None
    """What the upstream itself says that the call cost, in US dollars."""

    @property
    def total_tokens(self) -> int:
        return self.input_tokens + self.output_tokens


class Text(msgspec.Struct, frozen=True, tag=True, omit_defaults=True):
    """Plain text. `annotations` are in Responses form, flat; `logprobs` as in a Chat choice's `content`."""

    text: str
    annotations: tuple[msgspec.Raw, ...] = ()
    logprobs: tuple[msgspec.Raw, ...] = ()
    cache: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    """A cache breakpoint after this part, in the form of the dialect it came from."""


class Refusal(msgspec.Struct, frozen=True, tag=True):
    text: str


class Image(msgspec.Struct, frozen=True, tag=True, omit_defaults=True):
    """`url` may be a `data:` URL; exactly one of `url` and `file_id` is set. `cache` is as in `Text`."""

    url: str = ""
    file_id: str = ""
    detail: str = "auto"
    cache: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class Audio(msgspec.Struct, frozen=True, tag=True):
    data: str
    format: str


class File(msgspec.Struct, frozen=True, tag=True, omit_defaults=True):
    """`data` is a `data:` URL; exactly one of `data`, `file_id` and `url` is set. `cache` is as in `Text`."""

    data: str = ""
    file_id: str = ""
    url: str = ""
    filename: str = ""
    cache: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


Part = Text | Refusal | Image | Audio | File


class Message(msgspec.Struct, frozen=True, tag=True, omit_defaults=True):
    """What one side said. `name` is Chat's participant name, `phase` Responses' commentary or final answer."""

    role: Role
    parts: tuple[Part, ...]
    id: str = ""
    name: str = ""
    phase: str = ""


class ToolCall(msgspec.Struct, frozen=True, tag=True, omit_defaults=True):
    """`arguments` is JSON text for a function, raw text for a custom tool. `id` is the item's, not the call's.
    `namespace` is that of the tool, which its `name` includes."""

    call_id: str
    name: str
    arguments: str
    kind: CallKind = "function"
    id: str = ""
    namespace: str = ""


class ToolResult(msgspec.Struct, frozen=True, tag=True, omit_defaults=True):
    """`parts` holds one `Text` where the output was a plain string."""

    call_id: str
    parts: tuple[Part, ...]
    kind: CallKind = "function"
    is_error: bool = False
    name: str = ""


class Reasoning(msgspec.Struct, frozen=True, tag=True, omit_defaults=True):
    """What a model thought. `seal` is opaque and means something only to who made it, named in `sealed_by`."""

    text: tuple[str, ...] = ()
    summary: tuple[str, ...] = ()
    seal: str = ""
    sealed_by: str = ""
    id: str = ""


class Native(msgspec.Struct, frozen=True, tag=True):
    """An item that only `dialect` has; `param` is where it stood, `kind` its `type`."""

    dialect: Dialect
    kind: str
    param: str
    value: msgspec.Raw


Item = Message | ToolCall | ToolResult | Reasoning | Native


class Namespace(msgspec.Struct, frozen=True, omit_defaults=True):
    """A group of tools under a name, which only Responses has."""

    name: str
    description: str = ""


class Tool(msgspec.Struct, frozen=True, omit_defaults=True):
    """A tool the caller runs. `strict` None is "not said"; `format` is a custom tool's, in Responses form.
    Its `name` is unlike any other's, also where it has a `namespace`."""

    name: str
    description: str | None = None
    parameters: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    strict: bool | None = None
    kind: CallKind = "function"
    format: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    namespace: Namespace | None = None


class ToolChoice(msgspec.Struct, frozen=True, omit_defaults=True):
    """`named` has one name in `names`; `allowed` has the set, and `required` says whether one must be called."""

    mode: Literal["auto", "none", "required", "named", "allowed"]
    names: tuple[str, ...] = ()
    kind: CallKind = "function"
    required: bool = False


class Format(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the text of the answer must be; `strict` None is "not said"."""

    kind: Literal["text", "json_object", "json_schema"]
    name: str = ""
    description: str | None = None
    schema: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    strict: bool | None = None


class Sampling(msgspec.Struct, frozen=True, omit_defaults=True):
    """How the answer is drawn; None is "not said", and 0 is 0."""

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    max_output_tokens: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    logprobs: bool = False
    top_logprobs: int | None = None
    choices: int = 1


class Thinking(msgspec.Struct, frozen=True, omit_defaults=True):
    """How much the model may reason. `effort` is none, minimal, low, medium, high, xhigh or max."""

    effort: str | None = None
    budget_tokens: int | None = None
    summary: str | None = None
    hidden: bool = False
    """The caller wants no text of it; the gateway leaves it out of the answer."""


class Extra(msgspec.Struct, frozen=True):
    """A parameter without a neutral form: it may go on only in the dialect it came from."""

    dialect: Dialect
    param: str
    value: msgspec.Raw


class Place(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where an item stood in a request, `messages[2]` for one; `parts` where its parts do not lie one by one in it."""

    at: str
    parts: tuple[str, ...] = ()


class Turn(msgspec.Struct, frozen=True, omit_defaults=True):
    """One request for one answer."""

    model: str
    stream: bool = False
    items: tuple[Item, ...] = ()
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    sampling: Sampling = Sampling()
    thinking: Thinking = Thinking()
    format: Format | None = None
    verbosity: str | None = None
    user: str | None = None
    safety_identifier: str | None = None
    service_tier: str | None = None
    prompt_cache_key: str | None = None
    metadata: dict[str, str] | None = None
    store: bool | None = None
    extras: tuple[Extra, ...] = ()
    max_tool_calls: int | None = None
    """A bound on calls of hosted tools, which no neutral turn has: said again in the answer, and nothing else."""
    dialect: Dialect = "responses"
    """What the caller speaks: errors and losses name things as that dialect does."""
    places: tuple[Place, ...] = ()
    """Where the last `len(places)` items stood in the request; those before them came from elsewhere."""


class Stop(Enum):
    """Why an answer ended."""

    END = "end"
    STOP_SEQUENCE = "stop_sequence"
    LENGTH = "length"
    TOOL_CALLS = "tool_calls"
    CONTENT_FILTER = "content_filter"
    REFUSAL = "refusal"
    PAUSE = "pause"


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A finished reply. `usage` None means that the upstream reported none."""

    id: str
    created: int
    model: str
    items: tuple[Item, ...]
    stop: Stop
    stop_sequence: str = ""
    usage: Usage | None = None
    service_tier: str | None = None
    fingerprint: str | None = None


class Opened(msgspec.Struct, frozen=True, gc=False):
    """The first event: an answer has begun. `created` is Unix time in seconds."""

    id: str
    created: int
    model: str


class TextDelta(msgspec.Struct, frozen=True, gc=False):
    text: str
    logprobs: tuple[msgspec.Raw, ...] = ()


class RefusalDelta(msgspec.Struct, frozen=True, gc=False):
    text: str


class Annotated(msgspec.Struct, frozen=True, gc=False):
    """An annotation of the text so far, in Responses form; its places count from where the present run of text
    began, which any other event but an annotation ends."""

    annotation: msgspec.Raw


class ReasoningDelta(msgspec.Struct, frozen=True, gc=False):
    """`part` counts summary parts or text parts from 0; a higher one begins a new part."""

    text: str
    channel: Literal["text", "summary"] = "text"
    part: int = 0


class ReasoningSealed(msgspec.Struct, frozen=True, gc=False):
    """The opaque end of a reasoning item; also an item of its own, when no text came."""

    seal: str
    sealed_by: str


class CallOpened(msgspec.Struct, frozen=True, gc=False):
    call_id: str
    name: str
    kind: CallKind = "function"


class CallDelta(msgspec.Struct, frozen=True, gc=False):
    text: str


class CallClosed(msgspec.Struct, frozen=True, gc=False):
    """`arguments` are whole; a function that was given none has `{}`."""

    arguments: str


class Used(msgspec.Struct, frozen=True, gc=False):
    usage: Usage


class Stopped(msgspec.Struct, frozen=True, gc=False):
    """The answer is complete."""

    stop: Stop
    stop_sequence: str = ""
    service_tier: str | None = None
    fingerprint: str | None = None


class Failed(msgspec.Struct, frozen=True, gc=False):
    """The upstream reports an error instead of an end. `code` and `type` as it wrote them."""

    message: str
    code: str | None = None
    type: str | None = None


Event = (
    Opened | TextDelta | RefusalDelta | Annotated | ReasoningDelta | ReasoningSealed
    | CallOpened | CallDelta | CallClosed | Used | Stopped | Failed
)  # fmt: skip


def tells(event: Event) -> bool:
    """Whether it has something for the caller, or ends the answer: before that, another may still be begun."""
    return not isinstance(event, (Opened, Used, ReasoningSealed))


class Loss(msgspec.Struct, frozen=True):
    """A field that a translation did not carry as it was."""

    param: str
    kind: Literal["mapped", "defaulted", "dropped"]
    note: str
