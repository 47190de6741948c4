"""Chat Completions both ways, by way of the neutral vocabulary."""

from typing import Final

import msgspec

from dragoman.dialects.base import Rendered, Setting
from dragoman.dialects.chat import answers, errors, turns
from dragoman.dialects.chat.reader import ChatReader
from dragoman.dialects.chat.writer import ChatWriter
from dragoman.dialects.error_types import openai
from dragoman.dialects.profile import Profile
from dragoman.turn import Answer, Turn
from dragoman.wire import sse
from dragoman.wire.common import ErrorBody, ErrorEnvelope


class ChatCodec:
    """OpenAI's Chat Completions, and what servers of open models make of it."""

    name = "chat"

    def parse(self, body: bytes) -> Turn:
        return turns.parse(body)

    def render(self, turn: Turn, model: str, profile: Profile) -> Rendered:
        return turns.render(turn, model, profile)

    def parse_answer(self, body: bytes) -> Answer:
        return answers.parse(body)

    def render_answer(self, answer: Answer, setting: Setting) -> bytes:
        return answers.render(answer, setting)

    def reader(self, *, max_event: int = sse.MAX_EVENT, profile: Profile) -> ChatReader:
        return ChatReader(max_event)

    def writer(self, setting: Setting) -> ChatWriter:
        return ChatWriter(setting)

    def parse_error(self, body: bytes) -> ErrorBody | None:
        return errors.parse_any(body)

    def render_error(self, error: ErrorBody, status: int) -> bytes:
        return msgspec.json.encode(ErrorEnvelope(openai(error)))


CHAT_CODEC: Final = ChatCodec()
