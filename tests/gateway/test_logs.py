import json
import logging
import os
import warnings
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
import structlog

from dragoman.gateway import logs
from dragoman.gateway.observe import CallRecord, Observer
from dragoman.policy.redact import Secret
from dragoman.turn import Usage

KEY = "sk-live-abcdefghijklmnop"


class Log:
    """A log in a file, and what has been written to it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
        self.sink = logs.Sink(self._descriptor)

    @property
    def text(self) -> str:
        return self._path.read_text("utf-8")

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]

    def close(self) -> None:
        os.close(self._descriptor)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    """The process's logging is as before afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    log = Log(tmp_path / "log")
    yield log
    log.close()
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)
    structlog.reset_defaults()


def record(**changes: object) -> CallRecord:
    plain = CallRecord(
        timestamp=1_700_000_000.25, level="info", event="call", request_id="req_1", family="chat", status=200,
        source="upstream", duration_ms=12.5, name="gpt-4", upstream="openai",
    )  # fmt: skip
    return msgspec.structs.replace(plain, **changes)


def write(writer: Callable[[bytes], object], *records: CallRecord) -> None:
    observer = Observer(writer)
    for each in records:
        observer.finish(each)
    observer.flush()


def test_an_event_is_json_with_its_time_level_and_logger_first(log: Log) -> None:
    logs.configure(log.sink, level="info")
    structlog.get_logger("dragoman").info("listening", url="http://h", port=1, names=("a", "b"))
    (event,) = log.events
    assert list(event) == ["timestamp", "level", "logger", "event", "url", "port", "names"]
    assert (event["level"], event["logger"], event["event"], event["names"]) == (
        "info", "dragoman", "listening", ["a", "b"]
    )  # fmt: skip
    assert datetime.fromisoformat(event["timestamp"]).utcoffset() is not None


def test_secrets_are_redacted_by_name_shape_and_type(log: Log) -> None:
    logs.configure(log.sink, level="info")
    structlog.get_logger().warning(
        f"failed with {KEY}", token="plain-token", detail={"Authorization": "x", "text": f"Bearer {KEY}"},
        secret_value=Secret("hidden-value"), raw=KEY.encode(), path=Path("/x"), kept="visible",
    )  # fmt: skip
    assert "visible" in log.text and "/x" in log.text
    for secret in (KEY, "plain-token", "hidden-value"):
        assert secret not in log.text


def test_an_exception_is_told_with_its_traceback_and_without_secrets(log: Log) -> None:
    logs.configure(log.sink, level="info")
    try:
        raise ValueError(f"no good: {KEY}")
    except ValueError as error:
        structlog.get_logger().error("call failed", exc_info=error)
    (event,) = log.events
    assert "Traceback" in event["exception"] and "ValueError: no good: [redacted]" in event["exception"]


def test_records_of_the_standard_library_come_the_same_way(log: Log) -> None:
    logs.configure(log.sink, level="info")
    logging.getLogger("uvicorn.error").warning("refused %s with %d", KEY, 3)
    logging.getLogger("asyncio").error("task failed", exc_info=ValueError("x"))
    logging.getLogger("alembic").info("daily work")
    logging.getLogger("x").log(35, "between two levels")
    logging.getLogger("x").warning("%d arguments", "no number")
    first, second, third, fourth = log.events
    assert (first["logger"], first["level"], first["event"]) == (
        "uvicorn.error", "warning", "refused [redacted] with 3"
    )  # fmt: skip
    assert "ValueError: x" in second["exception"]
    assert third["level"] == "warning" and fourth["event"] == "%d arguments"


def test_warnings_come_the_same_way(log: Log) -> None:
    logs.configure(log.sink, level="info")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(True)  # `catch_warnings` has just undone it
        warnings.warn("old hat", DeprecationWarning, stacklevel=1)
        logging.captureWarnings(False)
    (event,) = log.events
    assert event["logger"] == "py.warnings" and "old hat" in event["event"]


def test_events_below_the_level_are_not_written(log: Log) -> None:
    writer = logs.configure(log.sink, level="warning")
    structlog.get_logger().info("quiet")
    write(writer, record(), record(status=502, level="warning", error="downstream_error"))
    assert [event["status"] for event in log.events] == [502]
    logs.configure(log.sink, level="debug")
    logging.getLogger("alembic").debug("chatter")
    assert log.events[-1]["event"] == "chatter"


def test_call_lines_go_out_as_json_untouched(log: Log) -> None:
    writer = logs.configure(log.sink, level="info")
    write(writer, record(), record(name=KEY))
    first, second = log.events
    assert first["timestamp"] == "2023-11-14T22:13:20.250000Z"
    assert (first["name"], first["upstream"], first["status"]) == ("gpt-4", "openai", 200)
    assert KEY not in str(second)


def test_for_people_a_call_is_a_short_line(log: Log) -> None:
    writer = logs.configure(log.sink, level="info", console=True)
    usage = Usage(input_tokens=9, output_tokens=4)
    write(writer, record(first_token_ms=3.4, usage=usage), record(status=502, error="downstream_error", upstream=""))
    first, second = log.text.splitlines()
    assert first.split() == [
        first[:8], "200", "chat", "gpt-4", "->", "openai", "12", "ms", "first", "3", "ms", "9", "in", "4", "out",
    ]  # fmt: skip
    assert second.split()[1:] == ["502", "chat", "gpt-4", "12", "ms", "downstream_error", "req_1"]


def test_for_people_an_estimate_is_marked(log: Log) -> None:
    writer = logs.configure(log.sink, level="info", console=True)
    write(writer, record(usage=Usage(9, 4, estimated=True)))
    assert "~9 in ~4 out" in log.text


def test_for_people_events_are_lines_too(log: Log) -> None:
    logs.configure(log.sink, level="info", console=True)
    structlog.get_logger("dragoman").info("stopping", in_flight=2, token="t")
    try:
        raise ValueError("odd")
    except ValueError as error:
        structlog.get_logger("dragoman").error("failed", exc_info=error)
    first, *rest = log.text.splitlines()
    assert "stopping" in first and "in_flight=2" in first and "[redacted]" in first and "\x1b" not in first
    assert rest[-1] == "ValueError: odd"


def test_colours_tell_how_a_call_ended(log: Log) -> None:
    writer = logs.configure(log.sink, level="info", console=True, color=True)
    write(writer, record(), record(status=404, error="not_found"), record(status=502, error="downstream_error"))
    assert ["\x1b[32m200" in log.text, "\x1b[33m404" in log.text, "\x1b[31m502" in log.text] == [True] * 3


def test_a_name_cannot_steer_the_terminal(log: Log) -> None:
    writer = logs.configure(log.sink, level="info", console=True)
    write(writer, record(name="a\x1b[2J\nb"))
    assert "\x1b" not in log.text and log.text.count("\n") == 1


def test_lines_that_were_dropped_are_told_in_either_form(log: Log) -> None:
    line = b'{"event":"log_lines_dropped","level":"warning","count":7}\n'
    logs.configure(log.sink, level="info", console=True)(line)
    logs.configure(log.sink, level="error")(line)
    assert log.text == "log_lines_dropped 7\n"


def test_a_reader_that_has_gone_costs_lines_and_no_call() -> None:
    read, descriptor = os.pipe()
    os.close(read)
    sink = logs.Sink(descriptor)
    sink.write(b"lost\n")
    sink.write(b"lost too\n")
    os.close(descriptor)
    assert sink.lost == 2


def test_a_line_longer_than_the_pipe_takes_at_once_is_written_whole(log: Log) -> None:
    log.sink.write(b"x" * 1_000_000 + b"\n")
    assert len(log.text) == 1_000_001 and log.sink.lost == 0
