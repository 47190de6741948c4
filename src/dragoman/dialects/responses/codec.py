"""Responses both ways, by way of the neutral vocabulary."""

from typing import Final

import msgspec

from dragoman.dialects.base import Rendered, Setting
from dragoman.dialects.profile import Profile
from dragoman.dialects.responses import errors, request, response
from dragoman.dialects.responses.stream import ResponsesReader, ResponsesWriter
from dragoman.turn import Answer, Turn
from dragoman.wire import sse
from dragoman.wire.common import ErrorBody
from dragoman.wire.responses import InputTokens


class ResponsesCodec:
    """OpenAI's Responses API and, where it does not contradict that, the Open Responses specification."""

    name = "responses"
    path = "/responses"

    def parse(self, body: bytes) -> Turn:
        return request.parse(body)

    def parse_count(self, body: bytes) -> Turn:
        """A request to `input_tokens`, which is one for an answer."""
        return request.parse(body)

    def render(self, turn: Turn, model: str, profile: Profile) -> Rendered:
        return request.render(turn, model, profile)

    def parse_answer(self, body: bytes) -> Answer:
        return response.parse(body)

    def render_answer(self, answer: Answer, setting: Setting) -> bytes:
        return response.render(answer, setting)

    def render_count(self, input_tokens: int) -> bytes:
        return msgspec.json.encode(InputTokens(input_tokens))

    def reader(self, *, max_event: int = sse.MAX_EVENT, profile: Profile) -> ResponsesReader:
        return ResponsesReader(max_event)

    def writer(self, setting: Setting) -> ResponsesWriter:
        return ResponsesWriter(setting)

    def parse_error(self, body: bytes) -> ErrorBody | None:
        return errors.parse(body)

    def render_error(self, error: ErrorBody, status: int) -> bytes:
        return errors.render(error)


RESPONSES: Final = ResponsesCodec()
