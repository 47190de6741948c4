"""Every fault as the list of steps it is; what they do to a socket is tested with `delivery`."""

import gzip
import json
from collections.abc import Iterable, Sequence
from dataclasses import replace

import pytest

from dragoman.mocks.answer import Answer, Frame, Streamed, Wording, json_answer, text_answer
from dragoman.mocks.faults import Chunk, Close, End, Head, Raw, Reset, Stall, Step, Wait, plan
from dragoman.mocks.scenario import ITEMS, Scenario
from dragoman.mocks.timing import Timing

FRAMES = (
    Frame("open", part="opening"),
    Frame("a"),
    Frame("b"),
    Frame("end", part="finish"),
    Frame("used", part="usage"),
    Frame("[DONE]", part="done"),
)
ALL = b"".join(frame.encode() for frame in FRAMES)
STREAM = Streamed(FRAMES, 0.0, Frame)
BODY = json_answer({"text": "abcdefgh"}, tokens=10)
KINDS = pytest.mark.parametrize("answer", [STREAM, BODY], ids=["stream", "buffered"])


def steps(answer: Answer, spec: str, timing: Timing | None = None) -> list[Step]:
    scenario = Scenario.parse(spec)
    schedule = scenario.timing.over(timing or Timing()).schedule(getattr(answer, "pace", 0.0))
    return list(plan(answer, scenario, schedule))


def data(taken: Iterable[Step]) -> bytes:
    return b"".join(step.data for step in taken if isinstance(step, Chunk | Raw))


def head(taken: list[Step]) -> Head:
    found = next(step for step in taken if isinstance(step, Head))
    return found


def header(taken: list[Step], name: str) -> str | None:
    return dict(head(taken).headers).get(name)


def test_without_a_fault_each_event_is_one_chunk() -> None:
    taken = steps(STREAM, "")
    assert taken == [Head(200, STREAM.headers), *(Chunk(frame.encode()) for frame in FRAMES), End()]


def test_without_a_fault_a_body_has_its_length() -> None:
    taken = steps(BODY, "")
    assert taken == [Head(200, (*BODY.headers, ("content-length", str(len(BODY.body))))), Chunk(BODY.body), End()]


@KINDS
@pytest.mark.parametrize("spec", sorted(ITEMS))
def test_every_fault_comes_to_exactly_one_end(answer: Answer, spec: str) -> None:
    value = {"url": ":http://x/", "status": ":500"}.get(ITEMS[spec].unit, ":2" if ITEMS[spec].unit else "")
    taken = steps(answer, spec + value)
    ends = [step for step in taken if isinstance(step, End | Close | Reset | Stall)]
    assert ends == taken[-1:]
    assert sum(isinstance(step, Head) for step in taken) <= 1
    assert all(step.data for step in taken if isinstance(step, Chunk))


@KINDS
def test_before_the_head_nothing_is_sent(answer: Answer) -> None:
    assert steps(answer, "drop") == [Close()]
    assert steps(answer, "reset") == [Reset()]
    assert steps(answer, "stall") == [Stall()]


@KINDS
def test_after_the_head_nothing_but_a_reset(answer: Answer) -> None:
    taken = steps(answer, "reset-after-headers")
    assert [type(step) for step in taken] == [Head, Reset]


@pytest.mark.parametrize("count", range(8))
@pytest.mark.parametrize(("name", "end"), [("cut-after", Close()), ("reset-after", Reset()), ("stall-after", Stall())])
def test_a_stream_breaks_after_any_number_of_events(name: str, end: Step, count: int) -> None:
    taken = steps(STREAM, f"{name}:{count}")
    assert data(taken) == b"".join(frame.encode() for frame in FRAMES[:count])
    assert taken[-1] == end


@pytest.mark.parametrize(("name", "end"), [("cut-after", Close()), ("reset-after", Reset()), ("stall-after", Stall())])
def test_a_body_breaks_at_its_half_or_at_its_beginning(name: str, end: Step) -> None:
    taken = steps(BODY, f"{name}:3")
    assert data(taken) == BODY.body[: len(BODY.body) // 2]
    assert header(taken, "content-length") == str(len(BODY.body))
    assert taken[-1] == end
    assert data(steps(BODY, f"{name}:0")) == b""


def test_a_cut_in_an_event_leaves_half_of_it() -> None:
    assert data(steps(STREAM, "cut-mid-event:2")) == FRAMES[0].encode() + FRAMES[1].encode() + b"data"
    assert data(steps(STREAM, "cut-mid-event:99")) == ALL


@KINDS
def test_a_cut_in_a_character_leaves_bytes_that_are_no_text(answer: Answer) -> None:
    taken = steps(answer, "cut-mid-utf8")
    with pytest.raises(UnicodeDecodeError, match="unexpected end of data"):
        data(taken).decode()
    assert data(taken)[:-2].decode()
    assert taken[-1] == Close()


def test_an_error_event_ends_a_stream_cleanly_and_replaces_a_body() -> None:
    taken = steps(STREAM, "error-event:2")
    sent = data(taken).split(b"\n\n")
    assert sent[:2] == [b"data: open", b"data: a"]
    assert json.loads(sent[2].removeprefix(b"data: "))["error"]["code"] == "server_error"
    assert taken[-1] == End()
    assert json.loads(data(steps(BODY, "error-event")))["error"]["type"] == "server_error"


def test_errors_are_in_the_words_of_the_service() -> None:
    wording = Wording(
        lambda status, _: text_answer("own", status),
        lambda sent, message: (Frame(f"{sent} {message}"), Frame("end")),
        lambda message: message.encode(),
    )
    stream, body = replace(STREAM, wording=wording), replace(BODY, wording=wording)
    for answer in (stream, body):
        assert data(steps(answer, "status:529")) == b"own"
    assert data(steps(stream, "error-event:1")).endswith(
        b"data: 1 Mock scenario: the model broke off.\n\ndata: end\n\n"
    )
    assert data(steps(stream, "error-event:99")).endswith(
        b"data: 6 Mock scenario: the model broke off.\n\ndata: end\n\n"
    )
    assert data(steps(body, "error-event")) == b"Mock scenario: the model broke off."


def test_a_service_that_repeats_its_text_says_more_of_it_itself() -> None:
    def saying(texts: Sequence[str]) -> list[Frame]:
        return [Frame("open", part="opening"), Frame(f"said {'/'.join(texts)}"), Frame("end", part="finish")]

    stream = replace(STREAM, saying=saying)
    assert data(steps(stream, "")) == ALL
    assert data(steps(stream, "huge-event:3")) == b"data: open\n\ndata: said xxx\n\ndata: end\n\n"
    assert data(steps(stream, "bad-utf8,no-finish")) == b"data: open\n\ndata: said \xff\xfe\n\n"


def test_what_is_put_in_comes_after_all_that_opens() -> None:
    opening = (Frame("o1", "open", part="opening"), Frame("o2", part="opening"))
    stream = Streamed((*opening, Frame("a"), Frame("z", part="closing")), 0.0, lambda text: Frame(text, "said"))
    sent = data(steps(stream, "huge-event:2,bad-json")).split(b"\n\n")
    assert sent[2].startswith(b"event: said\ndata: {")
    assert sent[3:5] == [b"event: said\ndata: xx", b"data: a"]


@KINDS
def test_other_answers_take_the_place_of_the_service_s(answer: Answer) -> None:
    limited = steps(answer, "status:429")
    assert (head(limited).status, header(limited, "retry-after")) == (429, "1")
    assert json.loads(data(limited))["error"]["type"] == "rate_limit_error"
    assert head(steps(answer, "status:529")).status == 529
    nothing = steps(answer, "status:204")
    assert (head(nothing).status, header(nothing, "content-length"), data(nothing)) == (204, None, b"")
    gateway = steps(answer, "html-502")
    assert (head(gateway).status, header(gateway, "content-type")) == (502, "text/html")
    moved = steps(answer, "redirect:http://169.254.169.254/")
    assert (head(moved).status, header(moved, "location")) == (307, "http://169.254.169.254/")
    empty = steps(answer, "empty-200")
    assert (head(empty).status, header(empty, "content-length"), data(empty)) == (200, "0", b"")
    assert header(empty, "content-type") == dict(answer.headers)["content-type"]


@KINDS
def test_a_body_is_not_what_its_head_says(answer: Answer) -> None:
    whole = ALL if isinstance(answer, Streamed) else BODY.body
    lie = steps(answer, "content-length-lie")
    assert (header(lie, "content-length"), data(lie), lie[-1]) == (str(len(whole) + 64), whole, Close())
    short = steps(answer, "content-length-short")
    assert (header(short, "content-length"), short[1:]) == (str(len(whole) // 2), [Raw(whole), Close()])
    packed = steps(answer, "truncated-gzip")
    assert header(packed, "content-encoding") == "gzip"
    assert header(packed, "content-length") == str(len(data(packed)))
    with pytest.raises(EOFError):
        gzip.decompress(data(packed))
    assert packed[-1] == End()


@KINDS
def test_the_content_type_can_be_wrong_and_the_body_right(answer: Answer) -> None:
    taken = steps(answer, "wrong-content-type")
    assert header(taken, "content-type") == "text/html"
    assert data(taken) == (ALL if isinstance(answer, Streamed) else BODY.body)


def test_events_are_left_out_or_doubled() -> None:
    def sent(spec: str) -> list[bytes]:
        return [event.removeprefix(b"data: ") for event in data(steps(STREAM, spec)).split(b"\n\n")[:-1]]

    assert sent("no-done") == [b"open", b"a", b"b", b"end", b"used"]
    assert sent("no-finish") == [b"open", b"a", b"b", b"used", b"[DONE]"]
    assert sent("no-done,no-finish") == [b"open", b"a", b"b", b"used"]
    assert sent("duplicate-done")[-2:] == [b"[DONE]", b"[DONE]"]
    assert sent("double-finish")[3:5] == [b"end", b"end"]
    assert sent("huge-event:5")[1] == b"xxxxx"
    assert sent("bad-utf8")[1] == b"\xff\xfe"
    with pytest.raises(json.JSONDecodeError):
        json.loads(sent("bad-json")[1])
    assert sent("bad-json")[2:] == sent("")[1:]


def test_a_body_is_misshapen_where_that_makes_sense() -> None:
    assert data(steps(BODY, "bad-json")) == BODY.body[: len(BODY.body) // 2]
    with pytest.raises(UnicodeDecodeError, match="invalid start byte"):
        data(steps(BODY, "bad-utf8")).decode()
    huge = data(steps(BODY, "huge-event:1k"))
    assert len(huge) == len(BODY.body) + 1024
    assert json.loads(huge) == {"text": "abcdefgh"}
    for spec in ("no-done", "no-finish", "duplicate-done", "double-finish", "crlf", "cr", "comments:3", "delay:5"):
        assert data(steps(BODY, spec)) == BODY.body


def test_line_ends_and_comments() -> None:
    assert data(steps(STREAM, "crlf")) == ALL.replace(b"\n", b"\r\n")
    assert data(steps(STREAM, "cr")) == ALL.replace(b"\n", b"\r")
    taken = steps(STREAM, "comments:2500")
    assert data(taken) == b": comment\n\n" * 2500 + ALL
    assert len(taken) == 2 + 3 + len(FRAMES)


@KINDS
def test_a_dribble_is_so_many_bytes_at_a_time(answer: Answer) -> None:
    taken = steps(answer, "dribble:3")
    sizes = {len(step.data) for step in taken if isinstance(step, Chunk)}
    assert max(sizes) == 3
    assert data(taken) == (ALL if isinstance(answer, Streamed) else BODY.body)


def test_events_are_split_within_characters_and_at_a_moving_place() -> None:
    taken = [step.data for step in steps(STREAM, "split-utf8") if isinstance(step, Chunk)]
    assert len(taken) == 2 * (len(FRAMES) + 1)
    with pytest.raises(UnicodeDecodeError):
        taken[2].decode()
    assert (taken[2] + taken[3]).decode()
    assert [len(first) for first in taken[::2]][2:] == [3, 4, 5, 6, 7]
    assert len([step for step in steps(BODY, "split-utf8") if isinstance(step, Chunk)]) == 2


def test_waits_come_where_the_items_say() -> None:
    paced = Streamed(FRAMES, 0.05, Frame)

    def shape(answer: Answer, spec: str) -> list[object]:
        return [step.seconds if isinstance(step, Wait) else type(step).__name__ for step in steps(answer, spec)]

    tail = ["Chunk", "Chunk", "Chunk", "End"]
    assert shape(paced, "") == ["Head", "Chunk", "Chunk", 0.05, "Chunk", 0.05, *tail]
    assert shape(paced, "delay:20") == ["Head", "Chunk", "Chunk", 0.02, "Chunk", 0.02, *tail]
    assert shape(paced, "delay:0") == ["Head", "Chunk", "Chunk", "Chunk", *tail]
    assert shape(paced, "ttft:300,tps:10")[:5] == ["Head", 0.3, "Chunk", "Chunk", 0.1]
    assert shape(paced, "instant,slow-first:500")[:3] == ["Head", 0.5, "Chunk"]
    assert shape(paced, "slow-head:500")[:2] == [0.5, "Head"]
    assert shape(BODY, "ttft:300,tps:10") == [1.3, "Head", "Chunk", "End"]
    assert shape(BODY, "slow-first:500") == ["Head", 0.5, "Chunk", "End"]


def test_shapes_and_an_ending_go_together() -> None:
    taken = steps(STREAM, "crlf,cut-after:2,slow-head:10")
    assert data(taken) == b"data: open\r\n\r\ndata: a\r\n\r\n"
    assert [taken[0], taken[-1]] == [Wait(0.01), Close()]
