"""The citations of a text, and the annotations that other dialects have in their place.

citation here                   annotation, in Responses form
------------------------------  -------------------------------------------------------------
web_search_result_location      url_citation, over the whole text of its block
a location in a document that   file_citation
has a `file_id`
any other location              the same object: no other dialect has a type for it

Back, an address comes without the proof that the model saw it (`encrypted_index`) and without the words it
read there; a file citation names no place in a document and has no form here.
"""

from typing import Final

import msgspec

from dragoman.dialects.messages.members import Body
from dragoman.wire import messages_answer as wire
from dragoman.wire.messages import Kind

_OURS: Final = frozenset(("char_location", "page_location", "content_block_location", "search_result_location"))
_WEB: Final = "web_search_result_location"


class _Web(msgspec.Struct, frozen=True):
    """A `url_citation`."""

    url: str = ""
    title: str | None = None


def annotation(citation: msgspec.Raw, start: int, end: int) -> msgspec.Raw:
    """The annotation of the text from `start` to `end`. Raises `msgspec.DecodeError` for what is no citation."""
    kind = msgspec.json.decode(citation, type=Kind).type
    if kind == _WEB:
        web = msgspec.json.decode(citation, type=wire.WebCitation)
        return _raw(
            {"type": "url_citation", "start_index": start, "end_index": end, "title": web.title or "", "url": web.url}
        )
    file = msgspec.json.decode(citation, type=wire.FileCitation)
    if file.file_id:
        name = file.document_title or ""
        return _raw({"type": "file_citation", "file_id": file.file_id, "filename": name, "index": file.document_index})
    # Decoded and encoded again: a raw value is not known to be UTF-8, and it goes on to a caller.
    return _raw(msgspec.json.decode(citation))


def citation(annotation: msgspec.Raw) -> Body | None:
    """The reverse; None for what has no form here."""
    try:
        kind = msgspec.json.decode(annotation, type=Kind).type
        if kind == "url_citation":
            web = msgspec.json.decode(annotation, type=_Web)
            return {"type": _WEB, "url": web.url, "title": web.title or None, "cited_text": "", "encrypted_index": ""}
        body: Body = msgspec.json.decode(annotation)
    except (msgspec.DecodeError, RecursionError):
        return None  # other dialects pass what is no annotation at all
    return body if kind in _OURS else None


def _raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))
