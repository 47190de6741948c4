"""Speech and transcription: a tenth of a second of silence out, a sentence about the file in."""

import io
import wave
from typing import Annotated, Final

import msgspec

from dragoman.mocks.answer import Answer, Buffered, json_answer, openai_error, text_answer
from dragoman.mocks.chat_request import Text
from dragoman.mocks.multipart import parse_form
from dragoman.mocks.request import Request

_RATE: Final = 8000
_SECONDS: Final = 0.1
_FORMATS: Final = ("json", "text", "srt", "verbose_json", "vtt")


class _Order(msgspec.Struct):
    model: Text
    input: Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]
    voice: Text


def _silence() -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(_RATE)
        sound.writeframes(b"\0\0" * int(_RATE * _SECONDS))
    return file.getvalue()


WAV: Final = _silence()


def speech(request: Request) -> Answer:
    """A WAV file, whatever format was asked for; raises `BadJson`."""
    request.json(_Order)
    return Buffered(200, (("content-type", "audio/wav"),), WAV)


def transcription(request: Request, task: str) -> Answer:
    """Names the file, its size and the model; `task` is `transcribe` or `translate`. Raises `BadForm`."""
    form = parse_form(request)
    file, model = form.get("file"), form.get("model")
    if file is None or file.file_name is None:
        return openai_error(400, "Missing required parameter: 'file'.", "file")
    if model is None or not model.text:
        return openai_error(400, "Missing required parameter: 'model'.", "model")
    verb = "Translation" if task == "translate" else "Transcription"
    text = f"{verb} of {file.file_name} ({len(file.data)} bytes) by {model.text}."
    shape = form["response_format"].text if "response_format" in form else "json"
    match shape:
        case "json":
            return json_answer({"text": text})
        case "verbose_json":
            return json_answer(
                {"task": task, "language": "english", "duration": _SECONDS, "text": text, "segments": []}
            )
        case "text":
            return text_answer(f"{text}\n")
        case "srt":
            return text_answer(f"1\n00:00:00,000 --> 00:00:00,100\n{text}\n\n")
        case "vtt":
            return text_answer(f"WEBVTT\n\n00:00:00.000 --> 00:00:00.100\n{text}\n\n")
        case _:
            return openai_error(400, f"response_format must be one of {', '.join(_FORMATS)}.", "response_format")
