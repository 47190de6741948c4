"""Chat Completions as one dialect: its parts under the names every dialect has."""

from dragoman.dialects import base
from dragoman.dialects.chat import errors, request, response
from dragoman.dialects.chat.stream import ChatRelay
from dragoman.errors import GatewayError
from dragoman.turn import Usage


class Chat:
    name = "chat"
    path = "/chat/completions"

    def parse_request(self, body: bytes) -> request.ChatRequest:
        return request.parse(body)

    def relay_answer(self, body: bytes, model: str) -> tuple[bytes, Usage | None]:
        return response.relay(body, model)

    def relay_stream(self, request: base.Request, *, max_event: int) -> ChatRelay:
        return ChatRelay(request.turn.model, pass_usage=request.asks_usage, max_event=max_event)

    def relay_error(self, body: bytes, otherwise: str) -> bytes:
        return errors.relay(body, otherwise)

    def relay_error_events(self, body: bytes) -> list[bytes]:
        return errors.relay_events(body)

    def render_stream_error(self, error: GatewayError) -> list[bytes]:
        return errors.render_events(errors.body(error))
