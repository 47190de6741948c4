"""A model provider that speaks OpenAI's API: chat, responses, completions, models, embeddings, images, audio, files.

This file dispatches and words the errors; each endpoint has its own.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from dragoman.mocks import audio, embeddings, images, moderations
from dragoman.mocks.answer import Answer, json_answer, not_allowed, openai_error, plain_error, with_headers
from dragoman.mocks.chat import Chat, unknown_model
from dragoman.mocks.completions import INSTRUCT_MODEL, Completions
from dragoman.mocks.files import Files
from dragoman.mocks.multipart import BadForm
from dragoman.mocks.request import BadJson, Request
from dragoman.mocks.responses import Responses
from dragoman.mocks.stamps import CREATED, Stamps

CHAT_MODELS: Final = ("gpt-4o-mini", "gpt-4", "gpt-3.5-turbo", "deepseek-reasoner")
OTHER_MODELS: Final = (embeddings.MODEL, "whisper-1", "tts-1")
Endpoint = Callable[[Request], Answer]


class OpenAI:
    """Answers what comes after `/v1`; `models` are further chat models, `*` meaning any."""

    def __init__(self, stamps: Stamps, models: Sequence[str] = ()) -> None:
        self._stamps = stamps
        self._any = "*" in models
        self._chat_models = (*CHAT_MODELS, *(name for name in models if name != "*"))
        self._files = Files(stamps)
        self._responses = Responses(stamps, self._is_chat_model)
        self._posts: Mapping[tuple[str, ...], Endpoint] = {
            ("chat", "completions"): Chat(stamps, self._is_chat_model).answer,
            ("completions",): Completions(stamps, self._is_text_model).answer,
            ("embeddings",): embeddings.answer,
            ("moderations",): lambda request: moderations.answer(request, stamps),
            ("images", "generations"): lambda request: images.generate(request, stamps),
            ("audio", "speech"): audio.speech,
            ("audio", "transcriptions"): lambda request: audio.transcription(request, "transcribe"),
            ("audio", "translations"): lambda request: audio.transcription(request, "translate"),
        }

    def answer(self, request: Request) -> Answer:
        """Any endpoint's answer, with the request id that the official SDK shows."""
        try:
            answer = self._dispatch(request)
        except BadJson as error:
            message = f"{error}."
            answer = openai_error(400, message[0].upper() + message[1:], error.path, "invalid_value")
        except BadForm as error:
            answer = openai_error(400, f"Invalid form: {error}.")
        return with_headers(answer, ("x-request-id", self._stamps.next("req_")))

    def reset(self) -> None:
        """Forgets the responses that were stored."""
        self._responses.reset()

    def _dispatch(self, request: Request) -> Answer:
        if request.rest[:1] == ("models",):
            return self._models(request.rest[1:])
        if request.rest[:1] == ("files",):
            return self._files.answer(request.below(1))
        if request.rest[:1] == ("responses",):
            return self._responses.answer(request.below(1))
        endpoint = self._posts.get(request.rest)
        if endpoint is None:
            return plain_error(404, "Not found")
        return endpoint(request) if request.method == "POST" else not_allowed("POST")

    def _models(self, rest: tuple[str, ...]) -> Answer:
        names = (*self._chat_models, *OTHER_MODELS)
        if not rest:
            return json_answer({"object": "list", "data": [_model(name) for name in names]})
        name = "/".join(rest)
        return json_answer(_model(name)) if name in names else unknown_model(name)

    def _is_chat_model(self, name: str) -> bool:
        return self._any or name in self._chat_models

    def _is_text_model(self, name: str) -> bool:
        return name == INSTRUCT_MODEL or self._is_chat_model(name)


def _model(name: str) -> dict[str, object]:
    return {"id": name, "object": "model", "created": CREATED, "owned_by": "openai"}
