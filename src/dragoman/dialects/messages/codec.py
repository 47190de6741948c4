"""Messages both ways, by way of the neutral vocabulary."""

from typing import Final

import msgspec

from dragoman.dialects.base import Rendered, Setting
from dragoman.dialects.messages import errors, request, response
from dragoman.dialects.messages.stream import MessagesReader
from dragoman.dialects.messages.writer import MessagesWriter
from dragoman.dialects.profile import Profile
from dragoman.turn import Answer, Turn
from dragoman.wire.common import ErrorBody
from dragoman.wire.messages import TokenCount


class MessagesCodec:
    name = "messages"
    path = "/messages"

    def parse(self, body: bytes) -> Turn:
        return request.parse(body)

    def parse_count(self, body: bytes) -> Turn:
        """A request to `count_tokens`, which is one for an answer without its limit."""
        return request.parse_count(body)

    def render(self, turn: Turn, model: str, profile: Profile) -> Rendered:
        return request.render(turn, model, profile)

    def parse_answer(self, body: bytes) -> Answer:
        return response.parse(body)

    def render_answer(self, answer: Answer, setting: Setting) -> bytes:
        return response.render(answer, setting)

    def render_count(self, input_tokens: int) -> bytes:
        return msgspec.json.encode(TokenCount(input_tokens))

    def reader(self, *, max_event: int, profile: Profile) -> MessagesReader:
        return MessagesReader(max_event)

    def writer(self, setting: Setting) -> MessagesWriter:
        return MessagesWriter(setting)

    def parse_error(self, body: bytes) -> ErrorBody | None:
        return errors.parse(body)

    def render_error(self, error: ErrorBody, status: int) -> bytes:
        return errors.render(error, status)


MESSAGES: Final = MessagesCodec()
