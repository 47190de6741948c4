"""Moderations: a text that contains `violence` is flagged as such, no other is."""

from typing import Annotated, Final

import msgspec

from dragoman.mocks.answer import Answer, json_answer
from dragoman.mocks.chat_request import ContentPart, Text
from dragoman.mocks.request import Request
from dragoman.mocks.stamps import Stamps

_CATEGORIES: Final = (
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/instructions",
    "self-harm/intent",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
)


class _Order(msgspec.Struct):
    input: str | Annotated[list[str | ContentPart], msgspec.Meta(min_length=1)]
    model: Text = "omni-moderation-latest"


def answer(request: Request, stamps: Stamps) -> Answer:
    """One result per input; raises `BadJson`."""
    order = request.json(_Order)
    inputs = [order.input] if isinstance(order.input, str) else order.input
    texts = [each if isinstance(each, str) else each.text for each in inputs]
    results = [_result("violence" in text.lower()) for text in texts]
    return json_answer({"id": stamps.next("modr-"), "model": order.model, "results": results})


def _result(flagged: bool) -> dict[str, object]:
    hits = {name: flagged and name == "violence" for name in _CATEGORIES}
    return {
        "flagged": flagged,
        "categories": hits,
        "category_scores": {name: 0.99 if hit else 0.001 for name, hit in hits.items()},
        "category_applied_input_types": {name: ["text"] if hit else [] for name, hit in hits.items()},
    }
