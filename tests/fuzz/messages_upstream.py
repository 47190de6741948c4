"""Messages answers as servers of that dialect give them."""

from typing import Final

from hypothesis import strategies as st

from tests.fuzz.upstreams import (
    FLAGS,
    HOW_MANY,
    NAMES,
    OBJECTS,
    PERHAPS,
    SELDOM,
    SIZES,
    TOKENS,
    WORDS_OR_NOTHING,
    WRAPPINGS,
    Json,
    Sent,
    Wrapping,
    in_turns,
    pieces,
)

_REASONS: Final = [
    "end_turn", "end_turn", "tool_use", "max_tokens", "stop_sequence", "refusal", "model_context_window_exceeded",
]  # fmt: skip
_CITATIONS: Final[list[Json]] = [
    {"type": "web_search_result_location", "url": "http://x/", "title": "T", "cited_text": "t", "encrypted_index": "x"},
    {"type": "page_location", "cited_text": "t", "document_index": 0, "document_title": "ä", "start_page_number": 1,
     "end_page_number": 2},
    {"type": "char_location", "cited_text": "t", "document_index": 0, "document_title": None, "file_id": "file_1",
     "start_char_index": 0, "end_char_index": 1},
]  # fmt: skip
_KINDS: Final = ["text", "text", "text", "thinking", "redacted_thinking", "tool_use", "tool_use", "server_tool_use"]
_KIND: Final = st.sampled_from(_KINDS)
_CITED: Final = st.lists(st.sampled_from(_CITATIONS), max_size=2)
_SIGNATURES: Final = st.sampled_from(["sig==", ""])
_REASON: Final = st.sampled_from(_REASONS)
_EARLY: Final[st.SearchStrategy[Json]] = st.sampled_from(
    [{}, {"cache_read_input_tokens": 2, "cache_creation_input_tokens": 3}]
)
_LATE: Final[st.SearchStrategy[Json]] = st.sampled_from(
    [{}, {"input_tokens": 8, "output_tokens_details": {"thinking_tokens": 4}}]
)


@st.composite
def _block(draw: st.DrawFn, number: int) -> Json:
    match draw(_KIND):
        case "text":
            cited = draw(_CITED)
            block = {"type": "text", "text": draw(WORDS_OR_NOTHING)}
            return {**block, "citations": cited} if cited else block
        case "thinking":
            return {
                "type": "thinking",
                "thinking": draw(WORDS_OR_NOTHING),
                "signature": draw(_SIGNATURES),
            }
        case "redacted_thinking":
            return {"type": "redacted_thinking", "data": "zzz"}
        case "tool_use":
            return {"type": "tool_use", "id": f"toolu_{number}", "name": draw(NAMES), "input": draw(OBJECTS)}
        case kind:
            return {"type": kind, "id": f"srvtoolu_{number}", "name": "web_search", "input": {"query": "q"}}


_BLOCKS: Final = [_block(number) for number in range(4)]


def _events(index: int, block: Json, size: int, wrapping: Wrapping, *, early: bool) -> list[Json]:
    """The events of one block; with `early` a call's input comes with its start, as some servers have it."""
    deltas: list[Json] = []
    begun = dict(block)
    match block["type"]:
        case "text":
            begun = {"type": "text", "text": ""}
            deltas = [{"type": "text_delta", "text": one} for one in pieces(block["text"], size)]
            deltas += [{"type": "citations_delta", "citation": one} for one in block.get("citations", [])]
        case "thinking":
            begun |= {"thinking": "", "signature": ""}
            deltas = [{"type": "thinking_delta", "thinking": one} for one in pieces(block["thinking"], size)]
            if block["signature"]:
                deltas.append({"type": "signature_delta", "signature": block["signature"]})
        case "tool_use" | "server_tool_use" if not early:
            begun["input"] = {}
            given = wrapping.text(block["input"]) if block["input"] else ""
            deltas = [{"type": "input_json_delta", "partial_json": one} for one in ["", *pieces(given, size)]]
    return [
        {"type": "content_block_start", "index": index, "content_block": begun},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


@st.composite
def messages_answers(draw: st.DrawFn) -> Sent:
    blocks = [draw(one) for one in _BLOCKS[: draw(HOW_MANY)]]
    reason = draw(_REASON)
    ending: Json = {"stop_reason": reason, "stop_sequence": "###" if reason == "stop_sequence" else None}
    if reason == "refusal":
        words = draw(PERHAPS)
        ending["stop_details"] = {"type": "refusal", "explanation": words, "category": None}
    early: Json = {"input_tokens": draw(TOKENS), "output_tokens": 1, "service_tier": "standard"}
    early |= draw(_EARLY)
    late: Json = {"output_tokens": draw(TOKENS)}
    late |= draw(_LATE)
    head = {"id": "msg_up", "type": "message", "role": "assistant", "model": "up"}
    whole = {**head, "content": blocks, "usage": {**early, **late}, **ending}

    wrapping = draw(WRAPPINGS)
    size, first = draw(SIZES), draw(FLAGS)
    written = [_events(index, block, size, wrapping, early=first) for index, block in enumerate(blocks)]
    events = in_turns(written) if draw(SELDOM) else sum(written, [])
    begun: Json = {**head, "content": [], "stop_reason": None, "stop_sequence": None, "usage": early}
    sent: list[Json] = [{"type": "message_start", "message": begun}]
    for number, event in enumerate(events):
        sent += [event, {"type": "ping"}] if number % 4 == 0 else [event]
    sent.append({"type": "message_delta", "delta": ending, "usage": late})
    frames = [wrapping.frame(event, event["type"]) for event in [*sent, {"type": "message_stop"}]]
    return Sent(tuple(frames), len(sent), wrapping.text(whole).encode())
