import msgspec

from dragoman.gateway.observe import MAX_LINES, MAX_LOSSES, MAX_PARAM, CallRecord, Observer, shown
from dragoman.turn import Loss, Usage


def record(**changes: object) -> CallRecord:
    plain = CallRecord(
        timestamp=1.0, level="info", event="call", request_id="r", family="chat", status=200, source="upstream",
        duration_ms=12.5,
    )  # fmt: skip
    return msgspec.structs.replace(plain, **changes)


def test_calls_are_counted_by_family_status_and_source() -> None:
    observer = Observer(None)
    observer.finish(record())
    observer.finish(record())
    observer.finish(record(status=502, source="gateway", error="downstream_error"))
    text = observer.metrics().decode()
    assert 'dragoman_requests_total{family="chat",source="upstream",status="200"} 2.0' in text
    assert 'dragoman_requests_total{family="chat",source="gateway",status="502"} 1.0' in text
    assert 'dragoman_errors_total{code="downstream_error",family="chat",source="gateway"} 1.0' in text
    assert 'dragoman_request_duration_seconds_count{family="chat"} 3.0' in text


def test_tokens_and_first_tokens_are_counted_where_known() -> None:
    observer = Observer(None)
    observer.finish(record(usage=Usage(input_tokens=3, output_tokens=4), first_token_ms=20.0))
    observer.finish(record())
    text = observer.metrics().decode()
    assert 'dragoman_tokens_total{direction="input"} 3.0' in text
    assert 'dragoman_tokens_total{direction="output"} 4.0' in text
    assert 'dragoman_time_to_first_token_seconds_count{family="chat"} 1.0' in text


def test_lines_are_written_together_and_only_by_flush() -> None:
    written: list[bytes] = []
    observer = Observer(written.append)
    observer.finish(record(name="gpt-4", upstream="u"))
    observer.finish(record())
    assert written == []
    observer.flush()
    observer.flush()
    assert len(written) == 1
    first, second = (msgspec.json.decode(line) for line in written[0].splitlines())
    assert first["name"] == "gpt-4" and first["status"] == 200 and "name" not in second


def test_a_name_that_looks_like_a_secret_is_not_written() -> None:
    written: list[bytes] = []
    observer = Observer(written.append)
    observer.finish(record(name="sk-proj-abcdefghijklmnop"))
    observer.flush()
    assert b"abcdefghijklmnop" not in written[0]


def test_losses_are_listed_without_their_notes_or_secrets() -> None:
    written: list[bytes] = []
    observer = Observer(written.append)
    observer.finish(
        record(losses=(Loss("tools[0].name", "mapped", "x"), Loss("sk-proj-abcdefghijklmnop", "dropped", "y")))
    )
    observer.finish(record())
    observer.flush()
    first, second = (msgspec.json.decode(line) for line in written[0].splitlines())
    assert first["losses"] == ["tools[0].name;mapped", "[redacted];dropped"]
    assert "losses" not in second


def test_a_loss_is_shown_in_one_printable_line() -> None:
    odd = shown((Loss("a\r\nb", "dropped", ""), Loss("\u00fc" * 999, "dropped", "")))
    assert odd[0] == "a\\r\\nb;dropped"
    assert len(odd[1]) == MAX_PARAM + len("...;dropped")
    assert len(shown((Loss("a", "dropped", ""),) * 99)) == MAX_LOSSES


def test_a_writer_that_falls_behind_loses_lines_and_says_so() -> None:
    written: list[bytes] = []
    observer = Observer(written.append)
    for _ in range(MAX_LINES + 3):
        observer.finish(record())
    observer.flush()
    lines = written[0].splitlines()
    assert len(lines) == MAX_LINES + 1
    assert msgspec.json.decode(lines[-1]) == {"event": "log_lines_dropped", "level": "warning", "count": 3}
