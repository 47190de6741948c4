"""The `/v1` endpoints beside Chat Completions: embeddings, legacy completions, moderations, images, audio, files."""

import base64
import hashlib
import io
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import openai
import pytest
from openai.types import Completion

from dragoman.mocks.audio import WAV
from tests.support.live import Live, running

RANDOM = random.Random(2).randbytes(150_000)
MAX_BODY = 200_000
MAX_UPLOAD = 300_000
BOUNDARY = b"----a-boundary"


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """The demo with names of our own for the models of each endpoint, and low limits."""

    def change(values: dict[str, Any], mock_url: str) -> None:
        values["server"] |= {"max_body": MAX_BODY, "max_upload": MAX_UPLOAD}
        values["upstreams"]["resets"] = {"base_url": f"{mock_url}/scenario/reset/v1", "direct": True}
        values["upstreams"]["own"] = {"base_url": f"{mock_url}/v1", "credential": "caller", "direct": True}
        values["models"] |= {
            "house-vector": "mock-chat/text-embedding-3-small",
            "house-words": "mock-chat/gpt-3.5-turbo-instruct",
            "house-image": "mock-chat/gpt-image-1",
            "house-voice": "mock-chat/tts-1",
            "house-ear": "mock-chat/whisper-1",
            "house-judge": "mock-chat/omni-moderation-latest",
            "e": "mock-chat/whisper-1",
        }

    with running(tmp_path_factory.mktemp("passthrough"), change, timing="instant") as gateway:
        yield gateway


def asked(live: Live) -> dict[str, Any]:
    """The body of the last request that reached the upstream."""
    sent: dict[str, Any] = json.loads(live.entries()[-1].body)
    return sent


# Embeddings


def test_embeddings_answer_under_the_name_asked_for(live: Live, sdk: openai.OpenAI) -> None:
    raw = sdk.embeddings.with_raw_response.create(model="house-vector", input=["one two", "three"])
    answer = raw.parse()
    assert (answer.model, [len(item.embedding) for item in answer.data]) == ("house-vector", [1536, 1536])
    assert asked(live)["model"] == "text-embedding-3-small"
    row = live.booked(raw.headers["x-request-id"])
    assert row.settlement is not None
    assert row.settlement.usage is not None
    assert (row.settlement.usage.input_tokens, row.settlement.usage.output_tokens) == (3, 0)


def test_embeddings_are_the_upstreams_to_the_bit(live: Live, http: httpx2.Client) -> None:
    request = {"model": "text-embedding-3-small", "input": ["a", "b"], "encoding_format": "float"}
    direct = http.post(f"{live.mock_url}/v1/embeddings", json=request)
    assert http.post("/v1/embeddings", json=request).json() == direct.json()


def test_embeddings_of_nothing_are_refused_by_name(sdk: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        sdk.post("/embeddings", body={"model": "house-vector"}, cast_to=object)
    assert caught.value.param == "input"


# Legacy completions


def test_a_legacy_completion(live: Live, sdk: openai.OpenAI) -> None:
    answer = sdk.completions.create(model="house-words", prompt="one two")
    assert answer.model == "house-words"
    assert answer.choices[0].text == "Completion of: one two"
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 4
    assert asked(live)["model"] == "gpt-3.5-turbo-instruct"
    several = sdk.completions.create(model="house-words", prompt=["one", "two"])
    assert [choice.text for choice in several.choices] == ["Completion of: one", "Completion of: two"]


@pytest.mark.parametrize("include_usage", [False, True])
def test_a_streamed_legacy_completion(live: Live, sdk: openai.OpenAI, include_usage: bool) -> None:
    options: Any = {"stream_options": {"include_usage": True}} if include_usage else {}
    chunks: list[Completion] = list(
        sdk.completions.create(model="house-words", prompt=["one", "two"], stream=True, **options)
    )
    assert {chunk.model for chunk in chunks} == {"house-words"}
    assert len({chunk.id for chunk in chunks}) == 1
    assert [bool(chunk.usage) for chunk in chunks] == [
        *[False] * (len(chunks) - include_usage),
        *[True] * include_usage,
    ]
    choices = [choice for chunk in chunks for choice in chunk.choices]
    for index, word in enumerate(("one", "two")):
        mine = [choice for choice in choices if choice.index == index]
        assert "".join(choice.text for choice in mine) == f"Completion of: {word}"
        assert [choice.finish_reason for choice in mine] == [*[None] * (len(mine) - 1), "stop"]
    assert asked(live)["stream_options"] == {"include_usage": True}


def test_a_legacy_completion_fails_as_chat_does(live: Live, sdk: openai.OpenAI) -> None:
    with pytest.raises(openai.RateLimitError):
        sdk.completions.create(model="house-words", prompt="trigger error")
    with pytest.raises(openai.BadRequestError) as caught:
        sdk.post("/completions", body={"model": "house-words"}, cast_to=object)
    assert caught.value.param == "prompt"
    live.mock.queue.add("instant,cut-after:2")
    text = ""
    with pytest.raises(openai.APIError) as broken:
        for chunk in sdk.completions.create(model="house-words", prompt="one two", stream=True):
            text += chunk.choices[0].text
    assert (text, broken.value.code) == ("Completion of: ", "stream_aborted")


# Moderations, images, speech


def test_moderations(live: Live, sdk: openai.OpenAI) -> None:
    answer = sdk.moderations.create(model="house-judge", input=["a kind word", "violence"])
    assert [result.flagged for result in answer.results] == [False, True]
    assert asked(live) == {"model": "omni-moderation-latest", "input": ["a kind word", "violence"]}
    assert not sdk.moderations.create(input="a kind word").results[0].flagged
    assert asked(live) == {"input": "a kind word"}


def test_images(live: Live, sdk: openai.OpenAI) -> None:
    answer = sdk.images.generate(model="house-image", prompt="a dot", n=2)
    assert asked(live)["model"] == "gpt-image-1"
    images = [base64.b64decode(image.b64_json or "") for image in answer.data or []]
    assert len(images) == 2
    assert all(image.startswith(b"\x89PNG\r\n\x1a\n") for image in images)


def test_speech_is_the_upstreams_byte_for_byte(live: Live, sdk: openai.OpenAI) -> None:
    answer = sdk.audio.speech.create(model="house-voice", voice="alloy", input="say it", response_format="wav")
    assert answer.content == WAV
    assert answer.response.headers["content-type"] == "audio/wav"
    assert answer.response.headers["x-oagw-error-source"] == "upstream"
    assert asked(live)["model"] == "tts-1"
    with sdk.audio.speech.with_streaming_response.create(model="house-voice", voice="alloy", input="it") as streamed:
        assert b"".join(streamed.iter_bytes(1000)) == WAV


# Transcriptions: a form, whose model may stand anywhere in it


def form(*fields: tuple[str, bytes] | tuple[str, bytes, str]) -> bytes:
    """A multipart body of fields `(name, value)` and files `(name, value, file name)`, in this order."""
    body = b""
    for name, value, *file_name in fields:
        named = f'; filename="{file_name[0]}"\r\nContent-Type: application/octet-stream' if file_name else ""
        head = f'Content-Disposition: form-data; name="{name}"{named}\r\n\r\n'
        body += b"--" + BOUNDARY + b"\r\n" + head.encode() + value + b"\r\n"
    return body + b"--" + BOUNDARY + b"--\r\n"


def send_form(http: httpx2.Client, path: str, body: bytes | Iterator[bytes]) -> httpx2.Response:
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY.decode()}"}
    return http.post(f"/v1/{path}", content=body, headers=headers)


def transcribe(http: httpx2.Client, body: bytes | Iterator[bytes]) -> httpx2.Response:
    return send_form(http, "audio/transcriptions", body)


def test_transcription_by_the_sdk(live: Live, sdk: openai.OpenAI) -> None:
    file = ("speech.wav", io.BytesIO(WAV), "audio/wav")
    answer = sdk.audio.transcriptions.create(model="house-ear", file=file)
    assert answer.text == f"Transcription of speech.wav ({len(WAV)} bytes) by whisper-1."
    file = ("speech.wav", io.BytesIO(WAV), "audio/wav")
    text = sdk.audio.transcriptions.create(model="house-ear", file=file, response_format="text")
    assert str(text).strip() == answer.text


def test_a_translation_is_another_endpoint(http: httpx2.Client) -> None:
    response = send_form(http, "audio/translations", form(("model", b"house-ear"), ("file", WAV, "a.wav")))
    assert response.json()["text"] == f"Translation of a.wav ({len(WAV)} bytes) by whisper-1."


LOOKALIKE = b"\r\n--not-" + BOUNDARY + b'\r\nContent-Disposition: form-data; name="model"\r\n\r\nforged\r\n'
MODEL_FIRST = (("model", b"MODEL"), ("language", b"en"), ("file", RANDOM + LOOKALIKE, "a.wav"))
MODEL_LAST = (("file", RANDOM + LOOKALIKE, "a.wav"), ("language", b"en"), ("model", b"MODEL"))
MODEL_BETWEEN = (("language", b"en"), ("model", b"MODEL"), ("file", RANDOM + LOOKALIKE, "a.wav"), ("prompt", b"model"))


def whole(body: bytes) -> bytes:
    return body


def in_pieces(size: int) -> Callable[[bytes], Iterator[bytes]]:
    def pieces(body: bytes) -> Iterator[bytes]:
        return (body[start : start + size] for start in range(0, len(body), size))

    return pieces


@pytest.mark.parametrize("order", [MODEL_FIRST, MODEL_LAST, MODEL_BETWEEN], ids=["first", "last", "between"])
@pytest.mark.parametrize("send", [whole, in_pieces(1 << 16), in_pieces(997)], ids=["whole", "pieces", "crumbs"])
@pytest.mark.parametrize("model", ["house-ear", "e", "whisper-1"])
def test_only_the_model_of_a_form_changes_on_its_way(
    live: Live, http: httpx2.Client, order: Any, send: Callable[[bytes], bytes | Iterator[bytes]], model: str
) -> None:
    """The name is as long as the upstream's, longer, or shorter; what only looks like a field stays as it is."""
    body = form(*((name, model.encode() if value == b"MODEL" else value, *rest) for name, value, *rest in order))
    response = transcribe(http, send(body))
    assert response.status_code == 200
    size = len(RANDOM + LOOKALIKE)
    assert response.json()["text"] == f"Transcription of a.wav ({size} bytes) by whisper-1."
    expected = form(*((name, b"whisper-1" if value == b"MODEL" else value, *rest) for name, value, *rest in order))
    entry = live.entries()[-1]
    assert (entry.body_length, entry.body_sha256) == (len(expected), hashlib.sha256(expected).hexdigest())
    row = live.booked(response.headers["x-request-id"])
    assert row.settlement is not None
    assert (row.reservation.name, row.settlement.model, row.state) == (model, "whisper-1", "settled")


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        (form(("model", b"house-ear"), ("model", b"other"), ("file", b"x", "a.wav")), 400, "model"),
        (form(("model", b"nothing-like-it"), ("file", b"x", "a.wav")), 404, "model"),
        (form(("model", b""), ("file", b"x", "a.wav")), 400, "model"),
        (form(("model", b"house-ear", "model.txt"), ("file", b"x", "a.wav")), 400, "model"),
        (form(("model", b"house-ear" * 100), ("file", b"x", "a.wav")), 400, "model"),
        (form(("file", b"x", "a.wav"))[:-20], 400, None),
        (b"no form at all", 400, None),
    ],
)  # fmt: skip
def test_a_form_that_cannot_be_routed_is_refused(
    live: Live, http: httpx2.Client, body: bytes, status: int, param: str | None
) -> None:
    before = [entry for entry in live.entries() if entry.complete]
    response = transcribe(http, body)
    assert response.status_code == status
    assert response.headers["x-oagw-error-source"] == "gateway"
    error = response.json()["error"]
    assert error["type"] == "invalid_request_error"
    if param is not None:
        assert error["param"] == param
    assert len([entry for entry in live.entries() if entry.complete]) == len(before)


# Files


def test_files_live_at_the_upstream(live: Live, sdk: openai.OpenAI) -> None:
    created = sdk.files.create(file=("data.bin", RANDOM), purpose="user_data")
    assert (created.bytes, created.filename, created.purpose) == (len(RANDOM), "data.bin", "user_data")
    assert created.id in [file.id for file in sdk.files.list(purpose="user_data")]
    assert live.entries()[-1].query == "purpose=user_data"
    assert created.id not in [file.id for file in sdk.files.list(purpose="batch")]
    assert sdk.files.retrieve(created.id).id == created.id
    content = sdk.files.content(created.id)
    assert content.content == RANDOM
    assert sdk.files.delete(created.id).deleted
    for call in (sdk.files.retrieve, sdk.files.content, sdk.files.delete):
        with pytest.raises(openai.NotFoundError) as caught:
            call(created.id)
        assert caught.value.response.headers["x-oagw-error-source"] == "upstream"


async def test_files_and_audio_by_the_async_client(async_sdk: openai.AsyncOpenAI) -> None:
    created = await async_sdk.files.create(file=("data.bin", RANDOM), purpose="user_data")
    assert (await async_sdk.files.content(created.id)).content == RANDOM
    speech = await async_sdk.audio.speech.create(model="house-voice", voice="alloy", input="say it")
    assert speech.content == WAV
    assert (await async_sdk.audio.transcriptions.create(model="house-ear", file=("a.wav", WAV))).text


# Scopes, limits and faults


def test_what_belongs_to_the_whole_account_takes_a_key_for_every_model(live: Live, sdk: openai.OpenAI) -> None:
    before = live.received
    scoped = sdk.with_options(api_key=live.issue(models=("house-*", "whisper-1")))
    calls: list[Callable[[], object]] = [
        lambda: scoped.files.create(file=("data.bin", b"x"), purpose="user_data"),
        lambda: scoped.files.list(),
        lambda: scoped.files.retrieve("file-1"),
        lambda: scoped.files.content("file-1"),
        lambda: scoped.files.delete("file-1"),
        lambda: scoped.moderations.create(input="a kind word"),
        lambda: scoped.audio.speech.create(model="tts-1", voice="alloy", input="x"),
        lambda: scoped.audio.speech.create(model="house-voice", voice="alloy", input="x"),
        lambda: scoped.audio.transcriptions.create(model="e", file=("a.wav", WAV)),
    ]
    for call in calls:
        with pytest.raises(openai.PermissionDeniedError):
            call()
    assert not [entry for entry in live.entries(before) if entry.complete]
    assert scoped.audio.transcriptions.create(model="house-ear", file=("a.wav", WAV)).text
    unlimited = sdk.with_options(api_key=live.admin_key)
    assert unlimited.moderations.create(input="a kind word").id


@pytest.mark.parametrize(
    "path",
    ["/embeddings", "/completions", "/moderations", "/images/generations", "/audio/speech", "/files", "/files/x"],
)
def test_every_endpoint_takes_a_key(live: Live, anonymous: httpx2.Client, path: str) -> None:
    before = live.received
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        response = anonymous.post(f"/v1{path}", json={"model": "house-vector"}, headers=headers)
        assert response.status_code == 401
        assert response.json()["error"]["type"] == "authentication_error"
    assert live.received == before


@pytest.mark.parametrize(
    "path", ["chat/completions", "embeddings", "completions", "moderations", "images/generations", "audio/speech"]
)
def test_a_json_body_over_its_limit_is_refused(live: Live, sdk: openai.OpenAI, http: httpx2.Client, path: str) -> None:
    before = live.received
    with pytest.raises(openai.APIStatusError) as caught:
        sdk.post(f"/{path}", body={"model": "house-vector", "input": "x" * MAX_BODY}, cast_to=object)
    assert (caught.value.status_code, caught.value.code) == (413, "payload_too_large")
    headers = {"Content-Type": "application/json"}
    response = http.post(f"/v1/{path}", content=iter([b'{"model":"', b"x" * MAX_BODY, b'"}']), headers=headers)
    assert (response.status_code, response.json()["error"]["code"]) == (413, "payload_too_large")
    assert live.received == before


def test_an_upload_over_its_limit_is_refused_and_never_whole_upstream(live: Live, http: httpx2.Client) -> None:
    before = live.received
    for path in ("files", "audio/transcriptions"):
        body = form(("model", b"house-ear"), ("purpose", b"user_data"), ("file", RANDOM * 2 + b"x", "a.wav"))
        for content in (body, in_pieces(1 << 14)(body)):
            response = send_form(http, path, content)
            assert (response.status_code, response.json()["error"]["code"]) == (413, "payload_too_large")
    assert not [entry for entry in live.entries(before) if entry.complete]


def test_an_upload_just_at_its_limit_passes(http: httpx2.Client) -> None:
    empty = len(form(("purpose", b"user_data"), ("file", b"", "a.wav")))
    body = form(("purpose", b"user_data"), ("file", b"x" * (MAX_UPLOAD - empty), "a.wav"))
    assert len(body) == MAX_UPLOAD
    assert send_form(http, "files", body).json()["bytes"] == MAX_UPLOAD - empty


def test_an_upstreams_error_and_its_failure_are_told_apart(sdk: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as said:
        sdk.audio.speech.create(model="house-voice", voice="alloy", input="")
    assert said.value.response.headers["x-oagw-error-source"] == "upstream"
    for model, kind in (("resets/tts-1", openai.InternalServerError), ("nothing-like-it", openai.NotFoundError)):
        with pytest.raises(kind) as caught:
            sdk.audio.speech.create(model=model, voice="alloy", input="x")
        assert caught.value.response.headers["x-oagw-error-source"] == "gateway"


@pytest.mark.parametrize(
    ("path", "request_body"),
    [
        ("chat/completions", {"model": "own/gpt-4", "messages": [{"role": "user", "content": "hello"}]}),
        ("embeddings", {"model": "own/text-embedding-3-small", "input": "x"}),
        ("audio/speech", {"model": "own/tts-1", "voice": "alloy", "input": "x"}),
    ],
)
def test_an_upstream_that_takes_the_callers_credential_gets_it_from_every_endpoint(
    live: Live, anonymous: httpx2.Client, path: str, request_body: dict[str, object]
) -> None:
    headers = {"X-Dragoman-Key": live.key, "Authorization": "Bearer the-callers-own"}
    response = anonymous.post(f"/v1/{path}", json=request_body, headers=headers)
    assert response.status_code == 200
    sent = dict(live.entries()[-1].headers)
    assert sent.get("authorization") == "Bearer the-callers-own"
    assert "x-dragoman-key" not in sent
    before = live.received
    alone = anonymous.post(f"/v1/{path}", json=request_body, headers=live.headers())
    assert alone.status_code == 401
    assert live.received == before
