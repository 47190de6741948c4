"""Requests in neutral form, of what every dialect can say."""

import json
from typing import Final

import msgspec
from hypothesis import strategies as st

from dragoman.turn import (
    File,
    Format,
    Image,
    Item,
    Message,
    Part,
    Refusal,
    Sampling,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)
from tests.fuzz.upstreams import FLAGS, OBJECTS, WORDS

_SAID: Final = WORDS.filter(lambda text: bool(text.strip()))
"""Text that says something: Messages refuses blanks."""
_SCHEMA: Final = {"type": "object", "properties": {"a": {"type": "string"}}}


def raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))


_TEXTS = st.builds(Text, _SAID)
_IMAGES: Final = st.sampled_from([Image(url="https://x/a.png"), Image(url="data:image/png;base64,AAAA")])
_USER = st.one_of(
    st.tuples(_TEXTS), st.tuples(_TEXTS, _TEXTS), st.tuples(_TEXTS, _IMAGES), st.tuples(_IMAGES, _TEXTS)
).map(lambda parts: Message("user", parts))


_NUMBERS: Final = st.integers(0, 10**9)
_COUNTS: Final = st.integers(0, 2)
_OWN: Final = st.sampled_from(["f", "look"])
_NAMES: Final = [st.lists(_OWN, min_size=number, max_size=number) for number in range(3)]


@st.composite
def _exchanges(draw: st.DrawFn) -> tuple[Item, ...]:
    """What an assistant said and called, the results, and what the user said then."""
    items: list[Item] = []
    number = draw(_COUNTS)
    if number == 0 or draw(FLAGS):
        items.append(Message("assistant", (draw(_TEXTS),)))
    ids = [f"call_{draw(_NUMBERS)}_{at}" for at in range(number)]
    names = draw(_NAMES[number])
    items += [
        ToolCall(identity, name, json.dumps(draw(OBJECTS), separators=(",", ":"), ensure_ascii=False))
        for identity, name in zip(ids, names, strict=True)
    ]
    items += [ToolResult(identity, (draw(_TEXTS),)) for identity in ids]
    if not ids or draw(FLAGS):
        items.append(draw(_USER))
    return tuple(items)


_REST: Final = st.lists(_exchanges(), max_size=2)


@st.composite
def _items(draw: st.DrawFn) -> tuple[Item, ...]:
    system: list[Item] = [Message("system", (draw(_TEXTS),))] if draw(FLAGS) else []
    rest = draw(_REST)
    return (*system, draw(_USER), *(item for exchange in rest for item in exchange))


_CONVERSATION: Final = _items()
_TOOLS: Final = (
    Tool("f", "What f does", raw(_SCHEMA), strict=True),
    Tool("look", None, raw({"type": "object"}), strict=False),
)
_CHOICES: Final = [ToolChoice("auto"), ToolChoice("none"), ToolChoice("required"), ToolChoice("named", ("look",))]
_SOME_TOOLS: Final = st.sampled_from([_TOOLS, _TOOLS, ()])
_CHOICE: Final = st.sampled_from([None, *_CHOICES])
_PARALLEL: Final = st.sampled_from([None, True, False])
_TEMPERATURES: Final = st.sampled_from([None, 0.0, 0.5, 1.0])
_MAXIMA: Final = st.integers(16, 9999)
_FORMATS: Final = [None, Format("json_schema", "output", None, raw(_SCHEMA), True)]
_EFFORTS: Final = [None, "none", "low", "medium", "high", "max"]
_FORMAT: Final = st.sampled_from(_FORMATS)
_EFFORT: Final = st.sampled_from(_EFFORTS)
_USERS: Final = st.sampled_from([None, "u"])


@st.composite
def turns(draw: st.DrawFn, conversation: st.SearchStrategy[tuple[Item, ...]] = _CONVERSATION) -> Turn:
    """What all three dialects have."""
    tools = draw(_SOME_TOOLS)
    choice = draw(_CHOICE) if tools else None
    forced = choice is not None and choice.mode in ("required", "named")
    many = tools and choice is not None and choice.mode != "none"
    return Turn(
        model="m",
        stream=draw(FLAGS),
        items=draw(conversation),
        tools=tools,
        tool_choice=choice,
        parallel_tool_calls=draw(_PARALLEL) if many else None,
        sampling=Sampling(
            temperature=draw(_TEMPERATURES),
            top_p=draw(_TEMPERATURES),
            max_output_tokens=draw(_MAXIMA),
        ),
        thinking=Thinking(None if forced else draw(_EFFORT)),
        format=draw(_FORMAT),
        user=draw(_USERS),
    )


_GRAMMAR: Final = raw({"type": "grammar", "definition": "start: /a+/", "syntax": "lark"})
_MORE_TOOLS: Final = (*_TOOLS, Tool("patch", "Patches", kind="custom", format=_GRAMMAR), Tool("run", kind="custom"))
_MORE_CHOICES: Final = [
    *_CHOICES,
    ToolChoice("named", ("patch",), "custom"),
    ToolChoice("allowed", ("f", "look")),
    ToolChoice("allowed", ("f", "patch"), required=True),
]
_MORE_FORMATS: Final = [
    *_FORMATS,
    Format("json_object"),
    Format("json_schema", "output", "What it is", raw(_SCHEMA), False),
    Format("json_schema", "output", None, raw(_SCHEMA)),
]
_CACHED: Final = raw({"mode": "explicit"})
_MORE_PARTS: Final[list[Part]] = [
    Image(url="https://x/a.png", detail="high"),
    Image(url="https://x/a.png", detail="original", cache=_CACHED),
    File(data="data:application/pdf;base64,AAAA", filename="a.pdf"),
    File(file_id="file_1", cache=_CACHED),
    Text("cached", cache=_CACHED),
]


_MORE: Final = st.lists(
    st.one_of(
        st.builds(lambda text: [Message("developer", (text,))], _TEXTS),
        st.builds(lambda text: [Message("system", (text,))], _TEXTS),
        st.builds(lambda text, part: [Message("user", (text, part))], _TEXTS, st.sampled_from(_MORE_PARTS)),
        st.builds(lambda text: [Message("assistant", (Refusal(text),))], _SAID),
        st.builds(lambda text, no: [Message("assistant", (text, Refusal(no)))], _TEXTS, _SAID),
        st.builds(
            lambda number, given, text: [
                ToolCall(f"custom_{number}", "patch", given, "custom"),
                ToolResult(f"custom_{number}", (text,), "custom"),
            ],
            _NUMBERS, WORDS, _TEXTS,
        ),
    ),
    max_size=2,
)  # fmt: skip


@st.composite
def _more_items(draw: st.DrawFn) -> tuple[Item, ...]:
    items = list(draw(_CONVERSATION))
    for item in draw(_MORE):
        items += [*item, draw(_USER)]
    return tuple(items)


_MORE_TURNS: Final = turns(_more_items())
_MORE_CHOICE: Final = st.sampled_from([None, *_MORE_CHOICES])
_LOGPROBS: Final = st.sampled_from([None, None, 0, 3])
_MORE_TEMPERATURES: Final = st.sampled_from([None, 0.0, 2.0])
_MORE_MAXIMA: Final = st.none() | _MAXIMA
_MORE_EFFORT: Final = st.sampled_from([*_EFFORTS, "minimal", "xhigh"])
_MORE_FORMAT: Final = st.sampled_from(_MORE_FORMATS)
_VERBOSITIES: Final = st.sampled_from([None, "low", "high"])
_IDENTIFIERS: Final = st.sampled_from([None, "s"])
_TIERS: Final = st.sampled_from([None, "auto", "flex", "priority"])
_CACHE_KEYS: Final = st.sampled_from([None, "k"])


@st.composite
def more_turns(draw: st.DrawFn) -> Turn:
    """What Chat and Responses have in common."""
    turn = draw(_MORE_TURNS)
    choice = draw(_MORE_CHOICE)
    logprobs = draw(_LOGPROBS)
    return msgspec.structs.replace(
        turn,
        tools=_MORE_TOOLS,
        tool_choice=choice,
        sampling=msgspec.structs.replace(
            turn.sampling,
            temperature=draw(_MORE_TEMPERATURES),
            max_output_tokens=draw(_MORE_MAXIMA),
            logprobs=logprobs is not None,
            top_logprobs=logprobs,
        ),
        thinking=Thinking(draw(_MORE_EFFORT)),
        format=draw(_MORE_FORMAT),
        verbosity=draw(_VERBOSITIES),
        safety_identifier=draw(_IDENTIFIERS),
        service_tier=draw(_TIERS),
        prompt_cache_key=draw(_CACHE_KEYS),
    )
