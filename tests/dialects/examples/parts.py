"""Examples of parts: what one message or one tool's output is made of."""

import base64
from typing import Final

from dragoman.dialects import fields as f
from tests.dialects.examples.example import Example, Json, example

PIXEL: Final = "data:image/png;base64,AA=="
LINK: Final = "https://x.org/a.png"
PDF: Final = "data:application/pdf;base64,JVBERi0="
MARKDOWN: Final = "data:text/markdown;base64," + base64.b64encode(b"# a").decode()
TIFF: Final = "data:image/tiff;base64,AA=="
PLAIN_URL: Final = "data:image/png,abc"
EPHEMERAL: Final = {"type": "ephemeral"}
EXPLICIT: Final = {"mode": "explicit"}
HI: Final = {"role": "user", "content": "Hi"}
TOLD: Final = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]}


def said(*parts: object, role: str = "user") -> Json:
    """One message of Chat or of Messages."""
    return {"messages": [{"role": role, "content": list(parts)}]}


def given(*parts: object) -> Json:
    """One message of Responses, as a caller says it."""
    return {"input": [{"role": "user", "content": list(parts)}]}


def sent(*parts: object) -> Json:
    """The same as an upstream gets it."""
    return {"input": [{"type": "message", "role": "user", "content": list(parts)}]}


def text(words: str = "a", **more: object) -> Json:
    return {"type": "text", "text": words, **more}


def input_text(words: str = "a", **more: object) -> Json:
    return {"type": "input_text", "text": words, **more}


def image(url: str = PIXEL, detail: str = "auto") -> Json:
    return {"type": "image_url", "image_url": {"url": url, "detail": detail}}


def input_image(url: str = PIXEL, detail: str = "auto") -> Json:
    return {"type": "input_image", "image_url": url, "detail": detail}


def block(source: Json, kind: str = "image", **more: object) -> Json:
    return {"type": kind, "source": source, **more}


def file(**members: object) -> Json:
    return {"type": "file", "file": members}


def input_file(**members: object) -> Json:
    return {"type": "input_file", **members}


BYTES: Final[Json] = {"type": "base64", "media_type": "image/png", "data": "AA=="}
STORED: Final[Json] = {"type": "file", "file_id": "f"}
PDF_BYTES: Final[Json] = {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}
WORDS: Final[Json] = {"type": "text", "media_type": "text/plain", "data": "# a"}
SOUND: Final = {"data": "AA==", "format": "wav"}
DOCUMENT: Final = block(PDF_BYTES, "document", title="a.pdf")
CITED: Final[Json] = {
    "type": "web_search_result_location", "url": LINK, "title": "t", "cited_text": "c", "encrypted_index": "e",
}  # fmt: skip
FLAT_LINK: Final[Json] = {"type": "url_citation", "start_index": 0, "end_index": 2, "title": "t", "url": LINK}
NESTED_LINK: Final[Json] = {
    "type": "url_citation", "url_citation": {"start_index": 0, "end_index": 2, "title": "t", "url": LINK},
}  # fmt: skip
FOUND: Final = {"type": "tool_reference", "tool_name": "g"}


def reply(**more: object) -> Json:
    return {"role": "assistant", "content": "Ho", **more}


def spoken(**more: object) -> Json:
    return {"role": "assistant", "content": [{"type": "output_text", "text": "Ho", "annotations": [], **more}]}


def spoken_sent(**more: object) -> Json:
    return {"type": "message", "id": "msg_1", "status": "completed", **spoken(**more)}


def replied(**more: object) -> Json:
    return {"role": "assistant", "content": [{"type": "text", "text": "Ho", **more}]}


def found(result: object) -> list[Json]:
    use = {"type": "tool_use", "id": "a", "name": "n", "input": {}}
    answer = {"type": "tool_result", "tool_use_id": "a", "content": [result]}
    return [HI, {"role": "assistant", "content": [use]}, {"role": "user", "content": [answer]}]


EXAMPLES: Final[list[Example]] = [
    *example(f.TEXT, "mapped", "c>r m>r", said(text()), sent(input_text())),
    *example(f.TEXT, "mapped", "c>m m>c", said(text()), {"messages": [{"role": "user", "content": "a"}]}),
    *example(f.TEXT, "mapped", "r>c r>m", given(input_text()), {"messages": [{"role": "user", "content": "a"}]}),
    *example(f.IMAGE, "mapped", "c>r", said(image()), sent(input_image())),
    *example(f.IMAGE, "mapped", "c>m", said(image()), said(block(BYTES))),
    *example(f.IMAGE, "mapped", "r>c", given(input_image(LINK)), said(image(LINK))),
    *example(f.IMAGE, "mapped", "r>m", given(input_image(LINK)), said(block({"type": "url", "url": LINK}))),
    *example(f.IMAGE, "mapped", "m>c", said(block(BYTES)), said(image())),
    *example(f.IMAGE, "mapped", "m>r", said(block(BYTES)), sent(input_image())),
    *example(f.IMAGE, "refused", "c>m", said(image(PLAIN_URL)), param="messages[0].content[0].image_url.url"),
    *example(f.IMAGE, "refused", "r>m", given(input_image(PLAIN_URL)), param="input[0].content[0].image_url"),
    *example(f.IMAGE_FILE, "refused", "r>c", given({"type": "input_image", "file_id": "f"}), param="input[0].content[0].file_id"),
    *example(f.IMAGE_FILE, "refused", "m>c", said(block(STORED)), param="messages[0].content[0].source"),
    *example(f.IMAGE_FILE, "mapped", "r>m", given({"type": "input_image", "file_id": "f"}), said(block(STORED))),
    *example(f.IMAGE_FILE, "mapped", "m>r", said(block(STORED)), sent({"type": "input_image", "file_id": "f", "detail": "auto"})),
    *example(f.DETAIL, "mapped", "c>r", said(image(detail="low")), sent(input_image(detail="low"))),
    *example(f.DETAIL, "mapped", "r>c", given(input_image(detail="low")), said(image(detail="low"))),
    *example(f.DETAIL, "dropped", "c>m", said(image(detail="low")), said(block(BYTES)), param="messages[0].content[0].image_url.detail"),
    *example(f.DETAIL, "dropped", "r>m", given(input_image(detail="low")), said(block(BYTES)), param="input[0].content[0].detail"),
    *example(f.AUDIO_PART, "refused", "c>r c>m", said({"type": "input_audio", "input_audio": SOUND}), param="messages[0].content[0].input_audio"),
    *example(f.AUDIO_PART, "refused", "r>m", given({"type": "input_audio", "input_audio": SOUND}), param="input[0].content[0].input_audio"),
    *example(
        f.AUDIO_PART, "mapped", "r>c", given({"type": "input_audio", "input_audio": SOUND}),
        said({"type": "input_audio", "input_audio": SOUND}),
    ),
    *example(
        f.AUDIO_CACHE, "refused", "c>r c>m", said({"type": "input_audio", "input_audio": SOUND, "prompt_cache_breakpoint": EXPLICIT}),
        param="messages[0].content[0].prompt_cache_breakpoint",
    ),
    *example(f.FILE, "mapped", "c>r", said(file(file_data=PDF)), sent(input_file(file_data=PDF))),
    *example(f.FILE, "mapped", "c>m", said(file(file_data=PDF)), said(block(PDF_BYTES, "document")), row="="),
    *example(f.FILE, "mapped", "r>c", given(input_file(file_data=PDF)), said(file(file_data=PDF))),
    *example(f.FILE, "mapped", "r>m", given(input_file(file_data=PDF)), said(block(PDF_BYTES, "document")), row="="),
    *example(f.FILE, "mapped", "m>c", said(DOCUMENT), said(file(file_data=PDF, filename="a.pdf"))),
    *example(f.FILE, "mapped", "m>r", said(DOCUMENT), sent(input_file(file_data=PDF, filename="a.pdf"))),
    *example(
        f.FILE, "mapped", "c>m", said(file(file_data=MARKDOWN)), said(block(WORDS, "document")),
        param="messages[0].content[0].file.file_data", row="plain text",
    ),
    *example(
        f.FILE, "mapped", "r>m", given(input_file(file_data=MARKDOWN)), said(block(WORDS, "document")),
        param="input[0].content[0].file_data", row="plain text",
    ),
    *example(f.FILE, "refused", "c>m", said(file(file_data=TIFF)), param="messages[0].content[0].file.file_data", row="neither"),
    *example(f.FILE, "refused", "r>m", given(input_file(file_data=TIFF)), param="input[0].content[0].file_data", row="neither"),
    *example(f.FILE, "refused", "c>m", said(file(file_data="data:text/plain,a")), param="messages[0].content[0].file.file_data", row="base64"),
    *example(f.FILE, "refused", "r>m", given(input_file(file_data="data:text/plain,a")), param="input[0].content[0].file_data", row="base64"),
    *example(f.FILE_ID, "mapped", "c>r", said(file(file_id="f")), sent(input_file(file_id="f"))),
    *example(f.FILE_ID, "mapped", "c>m", said(file(file_id="f")), said(block(STORED, "document"))),
    *example(f.FILE_ID, "mapped", "r>c", given(input_file(file_id="f")), said(file(file_id="f"))),
    *example(f.FILE_ID, "mapped", "r>m", given(input_file(file_id="f")), said(block(STORED, "document"))),
    *example(f.FILE_ID, "mapped", "m>c", said(block(STORED, "document")), said(file(file_id="f"))),
    *example(f.FILE_ID, "mapped", "m>r", said(block(STORED, "document")), sent(input_file(file_id="f"))),
    *example(f.FILE_URL, "refused", "r>c", given(input_file(file_url=LINK)), param="input[0].content[0].file_url"),
    *example(f.FILE_URL, "refused", "m>c", said(block({"type": "url", "url": LINK}, "document")), param="messages[0].content[0].source"),
    *example(f.FILE_URL, "mapped", "r>m", given(input_file(file_url=LINK)), said(block({"type": "url", "url": LINK}, "document"))),
    *example(f.FILE_URL, "mapped", "m>r", said(block({"type": "url", "url": LINK}, "document")), sent(input_file(file_url=LINK))),
    *example(f.FILE_NAME, "mapped", "c>r", said(file(file_data=PDF, filename="b")), sent(input_file(file_data=PDF, filename="b"))),
    *example(f.FILE_NAME, "mapped", "c>m", said(file(file_data=PDF, filename="b")), said(block(PDF_BYTES, "document", title="b"))),
    *example(f.FILE_NAME, "mapped", "r>c", given(input_file(file_data=PDF, filename="b")), said(file(file_data=PDF, filename="b"))),
    *example(f.FILE_NAME, "mapped", "r>m", given(input_file(file_data=PDF, filename="b")), said(block(PDF_BYTES, "document", title="b"))),
    *example(f.FILE_NAME, "mapped", "m>c", said(block(PDF_BYTES, "document", title="b")), said(file(file_data=PDF, filename="b"))),
    *example(f.FILE_NAME, "mapped", "m>r", said(block(PDF_BYTES, "document", title="b")), sent(input_file(file_data=PDF, filename="b"))),
    *example(f.FILE_DETAIL, "vacuous", "r>c r>m", given(input_file(file_data=PDF, detail="auto")), beside=given(input_file(file_data=PDF))),
    *example(f.FILE_DETAIL, "refused", "r>c r>m", given(input_file(file_data=PDF, detail="low")), param="input[0].content[0].detail"),
    *example(
        f.DOCUMENT_BLOCKS, "refused", "m>c m>r", said(block({"type": "content", "content": [text()]}, "document")),
        param="messages[0].content[0].source.content",
    ),
    *example(f.DOCUMENT_CONTEXT, "refused", "m>c m>r", said({**DOCUMENT, "context": "c"}), param="messages[0].content[0].context"),
    *example(f.CITES, "vacuous", "m>c m>r", said({**DOCUMENT, "citations": {"enabled": False}}), beside=said(DOCUMENT)),
    *example(f.CITES, "refused", "m>c m>r", said({**DOCUMENT, "citations": {"enabled": True}}), param="messages[0].content[0].citations"),
    *example(
        f.TRANSFORMATIONS, "vacuous", "m>c m>r", said(block(BYTES, transformations={"oversized_image": "downsize"})),
        beside=said(block(BYTES)),
    ),
    *example(
        f.TRANSFORMATIONS, "refused", "m>c m>r", said(block(BYTES, transformations={"oversized_image": "reject"})),
        param="messages[0].content[0].transformations",
    ),
    *example(
        f.TOOL_REFERENCE, "mapped", "m>c m>r", {"messages": found(FOUND)},
        beside={"messages": found(text("The tool g can be called now."))},
    ),
    *example(
        f.RESULT_BLOCK, "refused", "m>c m>r", {"messages": found({"type": "search_result", "title": "t"})},
        param="messages[2].content[0].content[0].type",
    ),
    *example(
        f.ANNOTATIONS, "mapped", "c>r", {"messages": [HI, reply(annotations=[NESTED_LINK])]},
        {"input": [TOLD, spoken_sent(annotations=[FLAT_LINK])]},
    ),
    *example(
        f.ANNOTATIONS, "mapped", "m>r", {"messages": [HI, replied(citations=[CITED])]},
        {"input": [TOLD, spoken_sent(annotations=[FLAT_LINK])]},
    ),
    *example(
        f.ANNOTATIONS, "dropped", "c>m", {"messages": [HI, reply(annotations=[NESTED_LINK])]}, {"messages": [HI, reply()]},
        param="messages[1].annotations",
    ),
    *example(
        f.ANNOTATIONS, "dropped", "r>c r>m", {"input": [HI, spoken(annotations=[FLAT_LINK])]}, {"messages": [HI, reply()]},
        param="input[1].content[0].annotations",
    ),
    *example(
        f.ANNOTATIONS, "dropped", "m>c", {"messages": [HI, replied(citations=[CITED])]}, {"messages": [HI, reply()]},
        param="messages[1].content[0].citations",
    ),
    *example(
        f.SAID_LOGPROBS, "vacuous", "r>c r>m", {"input": [HI, spoken(logprobs=[{"token": "Ho", "logprob": 0}])]},
        beside={"input": [HI, spoken()]},
    ),
    *example(
        f.BREAKPOINT, "mapped", "c>r", said(text(prompt_cache_breakpoint=EXPLICIT)), sent(input_text(prompt_cache_breakpoint=EXPLICIT))
    ),
    *example(
        f.BREAKPOINT, "mapped", "r>c", given(input_text(prompt_cache_breakpoint=EXPLICIT)), said(text(prompt_cache_breakpoint=EXPLICIT))
    ),
    *example(
        f.BREAKPOINT, "mapped", "c>m", said(text(prompt_cache_breakpoint=EXPLICIT)), said(text(cache_control=EPHEMERAL)),
        param="messages[0].content[0].prompt_cache_breakpoint",
    ),
    *example(
        f.BREAKPOINT, "mapped", "r>m", given(input_text(prompt_cache_breakpoint=EXPLICIT)), said(text(cache_control=EPHEMERAL)),
        param="input[0].content[0].prompt_cache_breakpoint",
    ),
    *example(
        f.BREAKPOINT, "dropped", "m>c", said(text(cache_control=EPHEMERAL)), {"messages": [{"role": "user", "content": "a"}]},
        param="messages[0].content[0].cache_control",
    ),
    *example(
        f.BREAKPOINT, "dropped", "m>r", said(text(cache_control=EPHEMERAL)), sent(input_text()),
        param="messages[0].content[0].cache_control", row="caches by itself",
    ),
    *example(
        f.BREAKPOINT, "dropped", "m>r", {"system": [text(cache_control=EPHEMERAL)]}, {"instructions": "a"},
        param="system[0].cache_control", row="instructions",
    ),
    *example(
        f.BREAKPOINT, "dropped", "c>r", {"messages": [HI, replied(prompt_cache_breakpoint=EXPLICIT)]},
        {"input": [TOLD, spoken_sent()]}, param="messages[1].content[0].prompt_cache_breakpoint",
        row="what an assistant",
    ),
    *example(
        f.BREAKPOINT, "dropped", "r>c",
        {"input": [HI, {"role": "system", "content": [input_text(prompt_cache_breakpoint=EXPLICIT)]}]},
        param="input", row="merged", quirks={"merge_system": True}, beside={"input": [HI, {"role": "system", "content": "a"}]},
    ),
    *example(
        f.SAID_BREAKPOINT, "dropped", "r>c",
        {"input": [HI, {"role": "assistant", "content": [input_text(prompt_cache_breakpoint=EXPLICIT)]}]},
        {"messages": [HI, {"role": "assistant", "content": "a"}]}, param="input[1].content[0].prompt_cache_breakpoint",
    ),
    *example(
        f.SAID_BREAKPOINT, "mapped", "r>m",
        {"input": [HI, {"role": "assistant", "content": [input_text(prompt_cache_breakpoint=EXPLICIT)]}]},
        {"messages": [HI, replied(text="a", cache_control=EPHEMERAL)]}, param="input[1].content[0].prompt_cache_breakpoint",
    ),
]  # fmt: skip
