"""The Responses API: create, retrieve, delete and count. What is stored is kept in memory and bounded."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from dragoman.mocks.answer import (
    OPENAI_WORDING,
    Answer,
    Frame,
    Refused,
    Streamed,
    Wording,
    json_answer,
    not_allowed,
    openai_error,
)
from dragoman.mocks.brain import Decision, decide, prompt_tokens, rate_limited
from dragoman.mocks.chat import PACE, unknown_model
from dragoman.mocks.request import Request
from dragoman.mocks.response_events import Events
from dragoman.mocks.response_object import Ids, ended, failed, output_items, render_response
from dragoman.mocks.responses_form import COUNT, CREATE
from dragoman.mocks.responses_request import (
    JsonObject,
    ResponsesRequest,
    chat_request,
    check_items,
    read_body,
    read_items,
    read_request,
)
from dragoman.mocks.stamps import Stamps

MAX_STORED: Final = 1000


@dataclass(frozen=True, slots=True)
class _Stored:
    response: JsonObject
    items: tuple[JsonObject, ...]
    """What the next response goes on from: the whole input, then the output."""


class Responses:
    """The `/responses` endpoints."""

    def __init__(self, stamps: Stamps, known: Callable[[str], bool]) -> None:
        self._stamps = stamps
        self._known = known
        self._stored: dict[str, _Stored] = {}

    def answer(self, request: Request) -> Answer:
        """Answers what comes after `/responses`; raises `BadJson`."""
        try:
            match request.method, request.rest:
                case "POST", ():
                    return self._create(request)
                case "POST", ("input_tokens",):
                    return self._count(request)
                case _, () | ("input_tokens",):
                    return not_allowed("POST")
                case _, (response_id,):
                    return self._one(request, response_id)
                case _:
                    return openai_error(404, f"Invalid URL ({request.method} {request.path})")
        except Refused as refused:
            return refused.answer

    def reset(self) -> None:
        """Forgets every response."""
        self._stored.clear()

    def _create(self, request: Request) -> Answer:
        body = read_body(request, CREATE)
        asked = read_request(body)
        assert asked.model is not None
        if not self._known(asked.model):
            return unknown_model(asked.model)
        if asked.background:
            raise Refused(openai_error(400, "Background mode is not supported by this mock.", "background"))
        items = self._items(asked, body)
        chat = chat_request(asked, items)
        if rate_limited(chat):
            return openai_error(429, "Rate limit exceeded")
        reply = _Reply(body, asked, decide(chat), prompt_tokens(chat), self._stamps)
        if asked.stored:
            self._store(reply, items)
        if asked.stream:
            return Streamed(tuple(reply.frames()), PACE, reply.sample, wording=reply.wording, saying=reply.frames)
        answer = json_answer(reply.ended, tokens=reply.decision.tokens)
        return replace(answer, wording=reply.wording)

    def _count(self, request: Request) -> Answer:
        body = read_body(request, COUNT)
        asked = read_request(body)
        if asked.model is not None and not self._known(asked.model):
            return unknown_model(asked.model)
        count = prompt_tokens(chat_request(asked, self._items(asked, body)))
        return json_answer({"object": "response.input_tokens", "input_tokens": count})

    def _one(self, request: Request, response_id: str) -> Answer:
        if not response_id.startswith("resp"):
            message = f"Invalid 'response_id': '{response_id}'. Expected an ID that begins with 'resp'."
            return openai_error(400, message, "response_id", "invalid_value")
        stored = self._stored.get(response_id)
        if stored is None:
            return openai_error(404, f"Response with id '{response_id}' not found.")
        if request.method == "DELETE":
            del self._stored[response_id]
            return json_answer({"id": response_id, "object": "response", "deleted": True})
        if request.method not in ("GET", "HEAD"):
            return not_allowed("GET", "DELETE")
        if request.parameter("stream") == "true":
            message = "Only responses that were created with background=true and stream=true can be streamed."
            return openai_error(400, message, "stream")
        return json_answer(stored.response)

    def _items(self, asked: ResponsesRequest, body: JsonObject) -> tuple[JsonObject, ...]:
        """The whole input: what went before, then what came now."""
        before: tuple[JsonObject, ...] = ()
        if asked.conversation is not None:
            raise Refused(openai_error(404, "Conversation not found.", "conversation"))
        if asked.previous_response_id is not None:
            stored = self._stored.get(asked.previous_response_id)
            if stored is None:
                message = f"Previous response with id '{asked.previous_response_id}' not found."
                param = "previous_response_id"
                raise Refused(openai_error(400, message, param, "previous_response_not_found"))
            before = stored.items
        items = (*before, *read_items(body.get("input"), self._item))
        check_items(items)
        return items

    def _item(self, item_id: str) -> JsonObject | None:
        """The item of this id in what is stored."""
        held = (item for stored in self._stored.values() for item in stored.items)
        return next((item for item in held if item.get("id") == item_id), None)

    def _store(self, reply: "_Reply", items: Sequence[JsonObject]) -> None:
        self._stored.pop(reply.id, None)
        self._stored[reply.id] = _Stored(reply.ended, (*items, *reply.items))
        while len(self._stored) > MAX_STORED:
            del self._stored[next(iter(self._stored))]


class _Reply:
    """One response, its ids and time drawn once."""

    def __init__(
        self, body: JsonObject, asked: ResponsesRequest, decision: Decision, prompt: int, stamps: Stamps
    ) -> None:
        self.decision = decision
        self._asked = asked
        self._prompt = prompt
        self._ids = Ids(decision, stamps)
        self._opened = render_response(body, asked, stamps.created(), self._ids.response)
        self.id = self._ids.response
        self.items = output_items(decision, asked, self._ids)
        self.ended = ended(self._opened, self.items, decision, prompt)
        self.wording = Wording(OPENAI_WORDING.refusal, self._broken, self._failed)

    def frames(self, more: Sequence[str] = ()) -> Iterable[Frame]:
        """The events; `more` texts are said before the reply's own."""
        if not more:
            return self._events().frames(self._opened, self.ended)
        decision = replace(self.decision, text="".join(more) + self.decision.text, refusal="")
        items = output_items(decision, self._asked, self._ids)
        return self._events().frames(self._opened, ended(self._opened, items, decision, self._prompt))

    def sample(self, text: str) -> Frame:
        at: JsonObject = {"item_id": self._ids.message, "output_index": 0, "content_index": 0}
        return self._events().delta("output_text", at, text)

    def _events(self, sent: int = 0) -> Events:
        options = self._asked.stream_options
        return Events(obfuscated=options is None or options.include_obfuscation, sent=sent)

    def _broken(self, sent: int, message: str) -> tuple[Frame, ...]:
        return tuple(self._events(sent).broken(failed(self._opened, message), message))

    def _failed(self, message: str) -> bytes:
        return msgspec.json.encode(failed(self._opened, message))
