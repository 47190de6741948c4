"""A model provider that speaks Anthropic's API: messages, token counts, models.

This file dispatches and answers; the request is read in `messages_request`, the answer made in `message_stream`.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

import msgspec

from dragoman.mocks.answer import Answer, Buffered, Frame, Refused, Streamed, json_answer, with_headers
from dragoman.mocks.anthropic_wording import WORDING, anthropic_error
from dragoman.mocks.brain import Decision, decide, prompt_tokens, rate_limited
from dragoman.mocks.chat import PACE
from dragoman.mocks.chat_request import ChatRequest
from dragoman.mocks.message_stream import Ids, Reply, text_delta
from dragoman.mocks.messages_form import COUNT, COUNT_BETA, CREATE, CREATE_BETA
from dragoman.mocks.messages_request import MessagesRequest, cached_prefix, chat_request, read_messages
from dragoman.mocks.prompt_cache import PromptCache
from dragoman.mocks.request import BadJson, Request
from dragoman.mocks.stamps import CREATED, Stamps
from dragoman.mocks.words import TOKENS_PER_MESSAGE

CLAUDE_MODELS: Final = ("claude-opus-4-5", "claude-sonnet-4-5", "claude-haiku-4-5", "claude-sonnet-4-6")
_DATED: Final = re.compile(r"-20\d{6}$")
Endpoint = Callable[[Request], Answer]


class Anthropic:
    """Answers what comes after `/v1`; `models` are further models, `*` meaning any."""

    def __init__(self, stamps: Stamps, models: Sequence[str] = ()) -> None:
        self._stamps = stamps
        self._any = "*" in models
        self._models = (*CLAUDE_MODELS, *(name for name in models if name != "*"))
        self._cache = PromptCache()
        self._posts: Mapping[tuple[str, ...], Endpoint] = {
            ("messages",): self._create,
            ("messages", "count_tokens"): self._count,
        }

    def answer(self, request: Request) -> Answer:
        """Any endpoint's answer, with the request id that the official SDK shows."""
        try:
            answer = self._dispatch(request)
        except BadJson:
            answer = anthropic_error(400, "The request body is not valid JSON.")
        except Refused as refused:
            answer = refused.answer
        request_id = self._stamps.next("req_")
        if isinstance(answer, Buffered) and answer.status >= 400:
            body = {**msgspec.json.decode(answer.body), "request_id": request_id}
            answer = replace(answer, body=msgspec.json.encode(body))
        return with_headers(answer, ("request-id", request_id))

    def reset(self) -> None:
        """Forgets what the prompt cache has seen."""
        self._cache.reset()

    def _dispatch(self, request: Request) -> Answer:
        if request.rest[:1] == ("models",) and request.method in ("GET", "HEAD"):
            return self._list(request.rest[1:])
        endpoint = self._posts.get(request.rest)
        if endpoint is None:
            return anthropic_error(404, "Not Found")
        if request.method != "POST":
            return with_headers(anthropic_error(405, "Method Not Allowed"), ("allow", "POST"))
        return endpoint(request)

    def _create(self, request: Request) -> Answer:
        asked = read_messages(request, CREATE_BETA if request.header("anthropic-beta") else CREATE)
        chat = self._chat(asked)
        if rate_limited(chat):
            return anthropic_error(429, "Rate limit exceeded")
        decision = decide(chat) if asked.max_tokens else Decision(finish="length")
        counted, ids = self._counted(asked, chat), Ids(decision, self._stamps)
        shown = asked.thinking is None or asked.thinking.display != "omitted"

        def reply(more: Sequence[str] = ()) -> Reply:
            said = replace(decision, text="".join(more) + decision.text) if more else decision
            return Reply(asked.model, said, ids, counted, shown=shown)

        def saying(more: Sequence[str]) -> Iterable[Frame]:
            return reply(more).frames()

        if asked.stream:
            return Streamed(tuple(reply().frames()), PACE, text_delta, wording=WORDING, saying=saying)
        return replace(json_answer(reply().whole(), tokens=decision.tokens), wording=WORDING)

    def _count(self, request: Request) -> Answer:
        asked = read_messages(request, COUNT_BETA if request.header("anthropic-beta") else COUNT)
        return replace(json_answer({"input_tokens": prompt_tokens(self._chat(asked))}), wording=WORDING)

    def _chat(self, asked: MessagesRequest) -> ChatRequest:
        if not self._known(asked.model):
            raise Refused(anthropic_error(404, f"model: {asked.model}"))
        return chat_request(asked)

    def _counted(self, asked: MessagesRequest, chat: ChatRequest) -> dict[str, object]:
        """Usage as far as the prompt goes: `input_tokens` are those that the cache had no part in."""
        parts = []
        for message in cached_prefix(asked):
            tokens = prompt_tokens(msgspec.structs.replace(chat, messages=[message]))
            # What a message costs beyond its words is never cached, so that something is always left to count.
            parts.append((msgspec.json.encode(message), tokens - TOKENS_PER_MESSAGE))
        written, read = self._cache.use(parts)
        return {
            "input_tokens": prompt_tokens(chat) - written - read,
            "cache_creation_input_tokens": written,
            "cache_read_input_tokens": read,
            "cache_creation": {"ephemeral_5m_input_tokens": written, "ephemeral_1h_input_tokens": 0},
        }

    def _list(self, rest: tuple[str, ...]) -> Answer:
        name = "/".join(rest)
        if not rest:
            data = [_model(each) for each in self._models]
            ends = {"first_id": self._models[0], "last_id": self._models[-1]}
            return json_answer({"data": data, "has_more": False, **ends})
        return json_answer(_model(name)) if self._known(name) else anthropic_error(404, f"model: {name}")

    def _known(self, name: str) -> bool:
        return self._any or name in self._models or _DATED.sub("", name) in CLAUDE_MODELS


def _model(name: str) -> dict[str, object]:
    created = datetime.fromtimestamp(CREATED, UTC).isoformat().replace("+00:00", "Z")
    return {"type": "model", "id": name, "display_name": name, "created_at": created, "lifecycle": "active"}
