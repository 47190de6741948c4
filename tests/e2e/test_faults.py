"""Every fault of an upstream, on every surface: what the caller gets, exactly.

    whole      the answer, complete
    CODE       a plain error of ours: its envelope or problem+json with that code
    said N     the upstream's own answer of status N
    +CODE      content, then a typed error event of ours with that code
    +said      content, then the upstream's own error event
    torn       a body that visibly breaks off, as nothing can be said in it any more

No cell may hang, end in silence, or look complete when it is not.
"""

import json
import re
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest

from tests.support.census import Census
from tests.support.live import Live, running

DEADLINE: Final = 15.0
TIMEOUTS: Final = {"connect": 1.0, "first_byte": 1.0, "idle": 1.0}
TEXT: Final = "one two"
EVENTS: Final = 8
"""Events of the whole stream: role, five words, finish, usage."""

# fault: (/v1 buffered, /v1 stream, alias buffered, alias stream)
EXPECTED: Final[dict[str, tuple[str, str, str, str]]] = {
    "refuse": ("downstream_error",) * 4,
    "drop": ("downstream_error",) * 4,
    "reset": ("downstream_error",) * 4,
    "reset-after-headers": ("stream_aborted",) * 4,
    "stall": ("request_timeout",) * 4,
    "stall-after:0": ("idle_timeout", "request_timeout", "idle_timeout", "idle_timeout"),
    "stall-after:3": ("idle_timeout", "+idle_timeout", "idle_timeout", "+idle_timeout"),
    "cut-mid-event": ("stream_aborted", "stream_aborted", "stream_aborted", "+stream_aborted"),
    "cut-mid-event:3": ("stream_aborted", "+stream_aborted", "stream_aborted", "+stream_aborted"),
    "cut-mid-utf8": ("stream_aborted", "stream_aborted", "stream_aborted", "+stream_aborted"),
    "cut-mid-utf8:3": ("stream_aborted", "+stream_aborted", "stream_aborted", "+stream_aborted"),
    "reset-after:3": ("stream_aborted", "+stream_aborted", "stream_aborted", "+stream_aborted"),
    "error-event:0": ("protocol_error", "stream_aborted", "said 200", "+said"),
    "error-event:3": ("protocol_error", "+said", "said 200", "+said"),
    "html-502": ("said 502",) * 4,
    "status:429": ("said 429",) * 4,
    "status:503": ("said 503",) * 4,
    "redirect:http://127.0.0.1:1/": ("protocol_error", "protocol_error", "said 307", "said 307"),
    "wrong-content-type": ("whole", "protocol_error", "whole", "whole"),
    "content-length-lie": ("stream_aborted", "whole", "stream_aborted", "+stream_aborted"),
    "content-length-short": ("protocol_error",) * 4,
    "truncated-gzip": ("protocol_error", "protocol_error", "said 200", "said 200"),
    "empty-200": ("protocol_error", "stream_aborted", "said 200", "stream_aborted"),
    "huge-event:10m": ("whole", "protocol_error", "whole", "whole"),
    "bad-json": ("protocol_error", "protocol_error", "said 200", "whole"),
    "bad-utf8": ("protocol_error", "protocol_error", "said 200", "whole"),
    "no-done": ("whole", "whole", "whole", "said 200"),
    "no-finish": ("whole", "+stream_aborted", "whole", "said 200"),
    "duplicate-done": ("whole",) * 4,
    "double-finish": ("whole",) * 4,
    "crlf": ("whole",) * 4,
    "cr": ("whole", "whole", "whole", "whole"),
    "comments:50": ("whole",) * 4,
    "dribble:7": ("whole",) * 4,
    "split-utf8": ("whole",) * 4,
    "slow-first:300": ("whole",) * 4,
} | {
    f"cut-after:{count}": (
        "stream_aborted",
        "stream_aborted" if count < 2 else "+stream_aborted" if count < EVENTS - 1 else "whole",
        "stream_aborted",
        "stream_aborted" if count == 0 else "+stream_aborted",
    )
    for count in range(EVENTS + 1)
}
COLUMNS: Final = ("/v1 buffered", "/v1 stream", "alias buffered", "alias stream")


def faults(values: dict[str, Any], mock_url: str) -> None:
    for number, fault in enumerate(EXPECTED):
        base = "http://127.0.0.1:1" if fault == "refuse" else f"{mock_url}/scenario/{fault}"
        common = {"base_url": f"{base}/v1", "timeouts": TIMEOUTS, "network": "any"}
        values["upstreams"][f"f{number}"] = {**common, "direct": True}
        values["aliases"][f"a{number}"] = common


@pytest.mark.timeout(300)
def test_every_fault_ends_well_on_every_surface(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with running(tmp_path, faults, timing="instant") as live, httpx2.Client(timeout=DEADLINE) as client:
        census = Census(live)
        found = {fault: row(client, live, number) for number, fault in enumerate(EXPECTED)}
        client.close()
        census.check()
    with capsys.disabled():
        print(table(found))
    wrong = {fault: (cells, EXPECTED[fault]) for fault, cells in found.items() if cells != EXPECTED[fault]}
    assert not wrong


def row(client: httpx2.Client, live: Live, number: int) -> tuple[str, str, str, str]:
    v1 = (f"{live.url}/v1/chat/completions", f"f{number}/gpt-4o-mini")
    alias = (f"{live.url}/api/oagw/v1/proxy/a{number}/chat/completions", "gpt-4o-mini")
    cells = [(*v1, False), (*v1, True), (*alias, False), (*alias, True)]
    one, two, three, four = (name(client, live, url, model, stream=stream) for url, model, stream in cells)
    return one, two, three, four


def name(client: httpx2.Client, live: Live, url: str, model: str, *, stream: bool) -> str:
    try:
        return ask(client, live, url, model, stream=stream)
    except (AssertionError, httpx2.HTTPError, KeyError, ValueError) as error:
        return f"{type(error).__name__}: {str(error)[:60]}"


def ask(client: httpx2.Client, live: Live, url: str, model: str, *, stream: bool) -> str:
    body: dict[str, Any] = {"model": model, "stream": stream, "messages": [{"role": "user", "content": TEXT}]}
    if "/proxy/" in url and stream:
        body["stream_options"] = {"include_usage": True}
    torn = False
    data = b""
    with client.stream("POST", url, json=body, headers={**live.headers(), "Accept-Encoding": "identity"}) as response:
        try:
            for part in response.iter_raw():
                data += part
        except httpx2.RemoteProtocolError:
            torn = True
    assert response.headers["x-request-id"]
    source = response.headers["x-oagw-error-source"]
    if response.headers.get("content-type", "").startswith("text/event-stream"):
        return name_stream(data, torn, response.status_code, alias="/proxy/" in url)
    if torn:
        return "torn"
    if source == "gateway":
        return name_error(response, data)
    return name_answer(response.status_code, data, stream=stream, alias="/proxy/" in url)


def name_error(response: httpx2.Response, data: bytes) -> str:
    said = json.loads(data)
    if response.headers["content-type"] == "application/problem+json":
        assert said["status"] == response.status_code and said["source"] == "gateway" and said["error"]
        assert said["retriable"] == ("retry-after" in response.headers)
        return str(said["code"])
    assert set(said["error"]) == {"message", "type", "param", "code"}
    assert response.status_code >= 500
    return str(said["error"]["code"])


def name_answer(status: int, data: bytes, *, stream: bool, alias: bool) -> str:
    try:
        answer = json.loads(data)
    except ValueError:
        assert alias, "the model surface answers in JSON only"
        complete = stream and data.rstrip().endswith(b"[DONE]")
        return "whole" if complete else f"said {status}"
    if status == 200 and answer.get("choices") and answer["choices"][0]["finish_reason"]:
        return "whole"
    assert alias or set(answer["error"]) >= {"message", "type"}
    return f"said {status}"


def name_stream(data: bytes, torn: bool, status: int, *, alias: bool) -> str:
    assert status == 200
    text = data.decode("utf-8", "replace")
    events = [event for event in re.split(r"\r\n\r\n|\n\n|\r\r", text) if event and not event.startswith(":")]
    payloads = ["".join(re.findall(r"data: ?([^\r\n]*)", event)) for event in events]
    assert payloads, "never an empty 200 stream"
    if alias and events[-1].startswith("event: error"):
        assert torn, "an alias stream that failed must not end like a whole one"
        return "+" + str(json.loads(payloads[-1])["code"])
    assert not torn
    errors = [payload for payload in payloads if '"error"' in payload and "choices" not in payload]
    if errors:
        assert alias or payloads[-2:] == [errors[0], "[DONE]"]
        code = json.loads(errors[0])["error"]["code"]
        return f"+{code}" if code in ("stream_aborted", "idle_timeout", "protocol_error") else "+said"
    finished = payloads[-1] == "[DONE]" and any('"finish_reason":"stop"' in payload for payload in payloads)
    if not finished:
        assert alias, "the model surface ends every stream in a finish reason or an error"
        return f"said {status}"
    return "whole"


def table(found: dict[str, tuple[str, str, str, str]]) -> str:
    rows = [("fault", *COLUMNS), *((fault, *cells) for fault, cells in found.items())]
    widths = [max(len(line[column]) for line in rows) for column in range(5)]
    return "\n" + "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in rows
    )
