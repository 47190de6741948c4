"""A model provider that speaks Google's Gemini API, as far as its command-line agent and SDKs use it to hold a talk.

    POST /v1beta/models/{model}:generateContent          also :streamGenerateContent (`?alt=sse`) and :countTokens
    GET  /v1beta/models[/{model}]

Shapes after the API reference of the Generative Language API, `GenerateContentRequest` and `Candidate`. Unknown
members are allowed and ignored, as in Google's own JSON mapping when it is lax.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

import msgspec

from dragoman.mocks.answer import RETRY_AFTER, Answer, Buffered, Frame, Refused, Streamed, Wording, json_answer
from dragoman.mocks.answer import Part as Place
from dragoman.mocks.brain import Decision, decide, prompt_tokens, rate_limited
from dragoman.mocks.chat import PACE
from dragoman.mocks.chat_request import (
    ChatRequest,
    ContentPart,
    Function,
    JsonSchema,
    Message,
    ResponseFormat,
    Schema,
    Tool,
)
from dragoman.mocks.request import Json, Request
from dragoman.mocks.stamps import Stamps
from dragoman.mocks.words import words

GEMINI_MODELS: Final = ("gemini-2.5-pro", "gemini-2.5-flash", "gemini-2.5-flash-lite", "gemini-3-pro-preview")
_STATUSES: Final = {
    400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED", 503: "UNAVAILABLE",
}  # fmt: skip
_FINISHES: Final = {"stop": "STOP", "length": "MAX_TOKENS", "tool_calls": "STOP"}


class FunctionCall(msgspec.Struct):
    name: str
    args: dict[str, Json] = {}


class FunctionResponse(msgspec.Struct):
    name: str
    response: Json = None


class Part(msgspec.Struct, rename="camel"):
    text: str | None = None
    thought: bool = False
    inline_data: Json = None
    function_call: FunctionCall | None = None
    function_response: FunctionResponse | None = None


class Content(msgspec.Struct):
    parts: list[Part] = []
    role: str = "user"


class Declaration(msgspec.Struct, rename="camel"):
    name: str
    parameters: Schema | None = None
    parameters_json_schema: Schema | None = None


class Tools(msgspec.Struct, rename="camel"):
    function_declarations: list[Declaration] = []


class Generation(msgspec.Struct, rename="camel"):
    max_output_tokens: int | None = None
    stop_sequences: list[str] = []
    response_mime_type: str | None = None
    response_json_schema: Schema | None = None


class Asked(msgspec.Struct, rename="camel"):
    """The members that change the answer."""

    contents: list[Content]
    system_instruction: Content | None = None
    tools: list[Tools] = []
    generation_config: Generation = msgspec.field(default_factory=Generation)


class Gemini:
    """Answers what comes after `/v1beta`; `models` are further models, `*` meaning any."""

    def __init__(self, stamps: Stamps, models: Sequence[str] = ()) -> None:
        self._stamps = stamps
        self._any = "*" in models
        self._models = (*GEMINI_MODELS, *(name for name in models if name != "*"))

    def answer(self, request: Request) -> Answer:
        match request.rest:
            case ("models",) if request.method == "GET":
                return json_answer({"models": [_model(name) for name in self._models]})
            case ("models", name) if request.method == "GET" and self._known(name):
                return json_answer(_model(name))
            case ("models", called) if request.method == "POST" and ":" in called:
                try:
                    return self._generate(request, *called.split(":", 1))
                except Refused as refused:
                    return refused.answer
            case _:
                return gemini_error(404, "Requested entity was not found.")

    def _generate(self, request: Request, model: str, method: str) -> Answer:
        if not self._known(model) or method not in ("generateContent", "streamGenerateContent", "countTokens"):
            return gemini_error(404, f"models/{model} is not found, or does not support {method}.")
        chat = _chat(model, _read(request.body))
        if method == "countTokens":
            return json_answer({"totalTokens": prompt_tokens(chat)})
        if rate_limited(chat):
            return gemini_error(429, "Resource has been exhausted (e.g. check quota).")
        chat.stream = method == "streamGenerateContent"
        decision, response_id, prompt = decide(chat), self._stamps.next(""), prompt_tokens(chat)

        def answer(parts: list[Json], *, last: bool) -> dict[str, Json]:
            candidate: dict[str, Json] = {"content": {"role": "model", "parts": parts}, "index": 0}
            if last:
                candidate["finishReason"] = "SAFETY" if decision.refusal else _FINISHES[decision.finish]
            used = _usage(prompt, decision)
            return {"candidates": [candidate], "usageMetadata": used, "modelVersion": model, "responseId": response_id}

        if not chat.stream:
            body = json_answer(answer(list(_parts(decision)), last=True), tokens=decision.tokens)
            return replace(body, wording=WORDING)
        frames = [_frame(answer([part], last=False)) for part in _pieces(decision)]
        return Streamed((*frames, _frame(answer([], last=True), "finish")), PACE, _sample, wording=WORDING)

    def _known(self, name: str) -> bool:
        return self._any or name in self._models


def gemini_error(status: int, message: str) -> Buffered:
    """An error in Google's envelope, with `Retry-After` where a repeat can help."""
    retry = (("retry-after", RETRY_AFTER),) if status in (429, 503) else ()
    return json_answer(_envelope(status, message), status, retry)


def _envelope(status: int, message: str) -> dict[str, Json]:
    named = _STATUSES.get(status, "INTERNAL" if status >= 500 else "INVALID_ARGUMENT")
    return {"error": {"code": status, "message": message, "status": named}}


def _sample(text: str) -> Frame:
    return _frame({"candidates": [{"content": {"role": "model", "parts": [{"text": text}]}, "index": 0}]})


WORDING: Final = Wording(
    refusal=gemini_error,
    events=lambda _, message: (Frame(msgspec.json.encode(_envelope(500, message)).decode()),),
    body=lambda message: msgspec.json.encode(_envelope(500, message)),
)


def _read(body: bytes) -> Asked:
    try:
        return msgspec.json.decode(body, type=Asked)
    except msgspec.DecodeError as error:
        raise Refused(gemini_error(400, f"Invalid JSON payload received. {error}")) from None


def _chat(model: str, asked: Asked) -> ChatRequest:
    """What the brain is asked."""
    messages = [message for content in asked.contents for message in _messages(content)]
    if not messages:
        raise Refused(gemini_error(400, "contents is not specified"))
    if asked.system_instruction is not None:
        messages.insert(0, Message("system", _said(asked.system_instruction.parts)))
    declared = [declaration for tools in asked.tools for declaration in tools.function_declarations]
    config = asked.generation_config
    form = None
    if config.response_mime_type == "application/json":
        form = ResponseFormat("json_object")
        if config.response_json_schema is not None:
            form = ResponseFormat("json_schema", JsonSchema("output", config.response_json_schema))
    return ChatRequest(
        model=model,
        messages=messages,
        max_tokens=config.max_output_tokens,
        stop=config.stop_sequences or None,
        tools=[Tool("function", Function(one.name, parameters=one.parameters_json_schema or one.parameters))
               for one in declared] or None,
        response_format=form,
    )  # fmt: skip


def _messages(content: Content) -> Iterator[Message]:
    said = [part for part in content.parts if part.function_response is None]
    if said:
        yield Message("assistant" if content.role == "model" else "user", _said(said))
    for part in content.parts:
        if part.function_response is not None:
            yield Message("tool", _result(part.function_response.response))


def _said(parts: Sequence[Part]) -> str | list[ContentPart]:
    return [
        ContentPart("image_url" if part.inline_data is not None else "text", part.text or "")
        for part in parts
        if not part.thought
    ]


def _result(response: Json) -> str:
    """What a function gave; Google's clients wrap a text as `output`."""
    if isinstance(response, dict) and isinstance(response.get("output"), str):
        return str(response["output"])
    return msgspec.json.encode(response).decode()


def _parts(decision: Decision) -> Iterable[Json]:
    if decision.text:
        yield {"text": decision.text}
    for call in decision.calls:
        yield {"functionCall": {"name": call.name, "args": msgspec.json.decode(call.payload)}}


def _pieces(decision: Decision) -> Iterable[Json]:
    """The parts as a stream has them: texts in tokens, calls whole."""
    for part in _parts(decision):
        if isinstance(part, dict) and "text" in part:
            yield from ({"text": word} for word in words(str(part["text"])))
        else:
            yield part


def _usage(prompt: int, decision: Decision) -> dict[str, Json]:
    return {
        "promptTokenCount": prompt, "candidatesTokenCount": decision.tokens,
        "totalTokenCount": prompt + decision.tokens,
    }  # fmt: skip


def _frame(value: Json, part: Place = "content") -> Frame:
    return Frame(msgspec.json.encode(value).decode(), part=part)


def _model(name: str) -> dict[str, Json]:
    methods: list[Json] = ["generateContent", "streamGenerateContent", "countTokens"]
    return {"name": f"models/{name}", "displayName": name, "supportedGenerationMethods": methods}
