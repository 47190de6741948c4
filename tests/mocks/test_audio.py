import io
import wave

import httpx2
import openai
import pytest


async def test_speech_is_a_valid_wav(sdk: openai.AsyncOpenAI) -> None:
    answer = await sdk.audio.speech.create(model="tts-1", voice="alloy", input="hi")
    assert answer.response.headers["content-type"] == "audio/wav"
    with wave.open(io.BytesIO(answer.content)) as sound:
        assert (sound.getframerate(), sound.getnframes()) == (8000, 800)


async def test_speech_needs_an_input(sdk: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as bad:
        await sdk.audio.speech.create(model="tts-1", voice="alloy", input="")
    assert bad.value.param == "input"


async def test_a_transcription_names_file_size_and_model(sdk: openai.AsyncOpenAI) -> None:
    file = ("talk.wav", b"x" * 1234)
    transcription = await sdk.audio.transcriptions.create(model="whisper-1", file=file)
    assert transcription.text == "Transcription of talk.wav (1234 bytes) by whisper-1."
    with pytest.warns(DeprecationWarning):  # the SDK's own: OpenAI lets translations go
        translation = await sdk.audio.translations.create(model="whisper-1", file=file)
    assert translation.text == "Translation of talk.wav (1234 bytes) by whisper-1."


async def test_every_response_format(sdk: openai.AsyncOpenAI) -> None:
    file = ("a.wav", b"x")
    verbose = await sdk.audio.transcriptions.create(model="whisper-1", file=file, response_format="verbose_json")
    assert verbose.language == "english"
    text = await sdk.audio.transcriptions.create(model="whisper-1", file=file, response_format="text")
    assert str(text).startswith("Transcription of a.wav")
    srt = await sdk.audio.transcriptions.create(model="whisper-1", file=file, response_format="srt")
    assert "-->" in str(srt)
    vtt = await sdk.audio.transcriptions.create(model="whisper-1", file=file, response_format="vtt")
    assert str(vtt).startswith("WEBVTT")


@pytest.mark.parametrize(
    ("data", "files", "param"),
    [
        ({"model": "whisper-1"}, {"other": ("a", b"x")}, "file"),
        ({}, {"file": ("a", b"x")}, "model"),
        ({"model": "whisper-1", "response_format": "pdf"}, {"file": ("a", b"x")}, "response_format"),
    ],
)
async def test_what_is_missing_is_named(
    http_client: httpx2.AsyncClient, data: dict[str, str], files: dict[str, tuple[str, bytes]], param: str
) -> None:
    answer = await http_client.post("/v1/audio/transcriptions", data=data, files=files)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


async def test_json_is_not_a_form(http_client: httpx2.AsyncClient) -> None:
    answer = await http_client.post("/v1/audio/transcriptions", json={"model": "whisper-1"})
    assert answer.status_code == 400
    assert "multipart/form-data" in answer.json()["error"]["message"]
