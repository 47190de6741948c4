import pytest
from msgspec import Raw

from dragoman.dialects.responses import parts
from dragoman.turn import Audio, File, Image, Text
from tests.dialects.responses.samples import Body, parse, plain, raw, render

PIXEL = "data:image/png;base64,iVBORw0KGgo="


def content(*given: Body) -> object:
    return plain(parse(input=[{"role": "user", "content": list(given)}]).items[0])["parts"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"type": "text", "text": "a"}, Text("a")),
        ({"type": "output_text", "text": "a", "logprobs": [{"odd": 1}]}, Text("a")),
        ({"type": "input_audio", "input_audio": {"data": "x", "format": "mp3"}}, Audio("x", "mp3")),
        ({"type": "input_image", "image_url": PIXEL, "detail": None}, Image(PIXEL)),
        (
            {"type": "input_file", "file_data": "YQ==", "filename": "A.PDF"},
            File("data:application/pdf;base64,YQ==", filename="A.PDF"),
        ),
        ({"type": "input_file", "file_data": "YQ=="}, File("data:application/octet-stream;base64,YQ==")),
    ],
)
def test_a_part_in_neutral_form(given: Body, expected: Text) -> None:
    assert content(given) == plain([expected])


def test_a_refusal_given_to_a_model_is_its_text() -> None:
    turn = parse(input=[{"role": "user", "content": [{"type": "refusal", "refusal": "no"}]}])
    assert render(turn)["input"][0]["content"] == [{"type": "input_text", "text": "no"}]


def output(text: str) -> object:
    (item,) = parse(input=[{"type": "function_call_output", "call_id": "c", "output": text}]).items
    return plain(item)["parts"]


@pytest.mark.parametrize(
    "listed",
    [
        [{"type": "input_image", "image_url": PIXEL}],
        [{"type": "input_text", "text": "see"}, {"type": "input_image", "image_url": PIXEL, "detail": "high"}],
    ],
)
def test_an_image_in_a_string_of_json_is_an_image(listed: list[Body]) -> None:
    text = bytes(raw(listed)).decode()
    assert output(text) == content(*listed)


@pytest.mark.parametrize(
    "text",
    [
        '[1, "input_image"]',
        '["input_image"]',
        '[{"type":"input_image"',
        '[{"type":"input_image","image_url":"u"},{"type":"other"}]',
        'see "input_image"',
        '[{"type":"input_text","text":"a"}]',
    ],
)
def test_a_text_that_only_looks_like_parts_stays_a_text(text: str) -> None:
    assert output(text) == plain([Text(text)])


def test_annotations_of_a_history_are_kept() -> None:
    annotation = {"type": "file_path", "file_id": "f", "index": 3}
    said = {"type": "output_text", "text": "a", "annotations": [annotation]}
    turn = parse(input=[{"role": "assistant", "content": [said]}])
    assert render(turn)["input"][0]["content"] == [said]


def test_a_log_probability_has_two_forms() -> None:
    given = raw({"token": "a", "logprob": -1, "top_logprobs": [{"token": "b", "logprob": -2}]})
    neutral = {
        "token": "a",
        "logprob": -1.0,
        "bytes": None,
        "top_logprobs": [{"token": "b", "logprob": -2.0, "bytes": None}],
    }
    assert plain(parts.neutral_logprob(given)) == neutral
    native = {**neutral, "bytes": [], "top_logprobs": [{"token": "b", "logprob": -2.0, "bytes": []}]}
    assert plain(parts.native_logprobs((given,))) == [native]
    assert plain(parts.neutral_logprob(raw({"token": "a", "logprob": -1, "bytes": [97]}))) == {
        "token": "a",
        "logprob": -1.0,
        "bytes": [97],
        "top_logprobs": [],
    }


def test_what_is_no_log_probability_is_left_out() -> None:
    given = raw({"token": "a", "logprob": -1})
    odd = [{"token": "a", "logprob": "x"}, {"logprob": -1}, 7, None, {"token": "a", "logprob": -1, "bytes": "a"}]
    deep = Raw(b'{"token":"a","logprob":-1,"x":' + b"[" * 3000 + b"]" * 3000 + b"}")
    assert len(parts.native_logprobs((*map(raw, odd), deep, given))) == 1
