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
from tests.fuzz.upstreams import OBJECTS, WORDS

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


@st.composite
def _exchanges(draw: st.DrawFn) -> tuple[Item, ...]:
    """What an assistant said and called, the results, and what the user said then."""
    items: list[Item] = []
    number = draw(st.integers(0, 2))
    if number == 0 or draw(st.booleans()):
        items.append(Message("assistant", (draw(_TEXTS),)))
    ids = [f"call_{draw(st.integers(0, 10**9))}_{at}" for at in range(number)]
    names = draw(st.lists(st.sampled_from(["f", "look"]), min_size=number, max_size=number))
    items += [
        ToolCall(identity, name, json.dumps(draw(OBJECTS), separators=(",", ":"), ensure_ascii=False))
        for identity, name in zip(ids, names, strict=True)
    ]
    items += [ToolResult(identity, (draw(_TEXTS),)) for identity in ids]
    if not ids or draw(st.booleans()):
        items.append(draw(_USER))
    return tuple(items)


@st.composite
def _items(draw: st.DrawFn) -> tuple[Item, ...]:
    system: list[Item] = [Message("system", (draw(_TEXTS),))] if draw(st.booleans()) else []
    rest = draw(st.lists(_exchanges(), max_size=2))
    return (*system, draw(_USER), *(item for exchange in rest for item in exchange))


_CONVERSATION: Final = _items()
_TOOLS: Final = (
    Tool("f", "What f does", raw(_SCHEMA), strict=True),
    Tool("look", None, raw({"type": "object"}), strict=False),
)
_CHOICES: Final = [ToolChoice("auto"), ToolChoice("none"), ToolChoice("required"), ToolChoice("named", ("look",))]
_FORMATS: Final = [None, Format("json_schema", "output", None, raw(_SCHEMA), True)]
_EFFORTS: Final = [None, "none", "low", "medium", "high", "max"]


@st.composite
def turns(draw: st.DrawFn, conversation: st.SearchStrategy[tuple[Item, ...]] = _CONVERSATION) -> Turn:
    """What all three dialects have."""
    tools = draw(st.sampled_from([_TOOLS, _TOOLS, ()]))
    choice = draw(st.sampled_from([None, *_CHOICES])) if tools else None
    forced = choice is not None and choice.mode in ("required", "named")
    many = tools and choice is not None and choice.mode != "none"
    return Turn(
        model="m",
        stream=draw(st.booleans()),
        items=draw(conversation),
        tools=tools,
        tool_choice=choice,
        parallel_tool_calls=draw(st.sampled_from([None, True, False])) if many else None,
        sampling=Sampling(
            temperature=draw(st.sampled_from([None, 0.0, 0.5, 1.0])),
            top_p=draw(st.sampled_from([None, 0.0, 0.5, 1.0])),
            max_output_tokens=draw(st.integers(16, 9999)),
        ),
        thinking=Thinking(None if forced else draw(st.sampled_from(_EFFORTS))),
        format=draw(st.sampled_from(_FORMATS)),
        user=draw(st.sampled_from([None, "u"])),
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


@st.composite
def _more_items(draw: st.DrawFn) -> tuple[Item, ...]:
    items = list(draw(_items()))
    for item in draw(
        st.lists(
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
                    st.integers(0, 10**9), WORDS, _TEXTS,
                ),
            ),
            max_size=2,
        )
    ):  # fmt: skip
        items += [*item, draw(_USER)]
    return tuple(items)


@st.composite
def more_turns(draw: st.DrawFn) -> Turn:
    """What Chat and Responses have in common."""
    turn = draw(turns(_more_items()))
    choice = draw(st.sampled_from([None, *_MORE_CHOICES]))
    logprobs = draw(st.sampled_from([None, None, 0, 3]))
    return msgspec.structs.replace(
        turn,
        tools=_MORE_TOOLS,
        tool_choice=choice,
        sampling=msgspec.structs.replace(
            turn.sampling,
            temperature=draw(st.sampled_from([None, 0.0, 2.0])),
            max_output_tokens=draw(st.none() | st.integers(16, 9999)),
            logprobs=logprobs is not None,
            top_logprobs=logprobs,
        ),
        thinking=Thinking(draw(st.sampled_from([*_EFFORTS, "minimal", "xhigh"]))),
        format=draw(st.sampled_from(_MORE_FORMATS)),
        verbosity=draw(st.sampled_from([None, "low", "high"])),
        safety_identifier=draw(st.sampled_from([None, "s"])),
        service_tier=draw(st.sampled_from([None, "auto", "flex", "priority"])),
        prompt_cache_key=draw(st.sampled_from([None, "k"])),
    )
