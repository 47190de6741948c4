"""Chat Completions as one dialect: its parts under the names every dialect has."""

from typing import Final

from dragoman.dialects import base
from dragoman.dialects.chat import errors, request, response
from dragoman.dialects.chat.stream import ChatRelay
from dragoman.errors import GatewayError
from dragoman.turn import Usage


class Chat:
    """Chat Completions, or one of the two endpoints that have its frame and less in it."""

    family = "chat"

    def __init__(self, name: str, path: str, *, requires: str, answers: str) -> None:
        """`requires` is the member a request must have beside the model, `answers` the one an answer must have."""
        self.name = name
        self.path = path
        self._requires = requires
        self._answers = answers

    def parse_request(self, body: bytes) -> request.ChatRequest:
        return request.parse(body, requires=self._requires)

    def relay_answer(self, body: bytes, model: str) -> tuple[bytes, Usage | None]:
        return response.relay(body, model, needs=self._answers)

    def relay_stream(self, request: base.Request, *, max_event: int) -> ChatRelay:
        return ChatRelay(request.turn.model, pass_usage=request.asks_usage, max_event=max_event)

    def relay_error(self, body: bytes, otherwise: str) -> bytes:
        return errors.relay(body, otherwise)

    def relay_error_events(self, body: bytes) -> list[bytes]:
        return errors.relay_events(body)

    def render_stream_error(self, error: GatewayError) -> list[bytes]:
        return errors.render_events(errors.body(error))


CHAT: Final = Chat("chat", "/chat/completions", requires="messages", answers="choices")
COMPLETIONS: Final = Chat("completions", "/completions", requires="prompt", answers="choices")
EMBEDDINGS: Final = Chat("embeddings", "/embeddings", requires="input", answers="data")
