"""Plugins of aliases: scenarios N10.4, P11.1 to N11.8, and what the built-in ones do."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from dragoman.config import Layer, parse
from dragoman.errors import ConfigError
from dragoman.gateway.compose import Composer
from dragoman.gateway.settings import Settings
from tests.outbound.acme import installing
from tests.outbound.api import problem
from tests.support.live import Live, running

PROXY = "/api/oagw/v1/proxy"
SECRET = "s3cret-of-the-vault"


def bound(*items: dict[str, Any]) -> dict[str, Any]:
    return {"plugins": {"items": list(items)}}


def stamp(word: str) -> dict[str, Any]:
    return {"id": "acme_stamp", "config": {"word": word}}


def change(values: dict[str, Any], mock_url: str) -> None:
    echo = {"base_url": f"{mock_url}/echo"}
    blank_out = {"id": "json_redaction", "config": {"request": ["password"], "max_body": 2000}}
    blank = {"id": "json_redaction", "config": {"response": ["Card", "body"], "max_body": 2000}}
    needs = {"request": ["X-Tenant"]}
    at_root = {"base_url": mock_url}
    everything: dict[str, Any] = {"passthrough": "all"}
    values["aliases"] |= {
        "needs": {
            **echo, "headers": {"request": everything}, **bound({"id": "required_headers", "config": needs}),
        },
        "lacks": {**echo, **bound({"id": "required_headers", "config": {"response": ["Content-Type", "Age"]}})},
        "small": {**at_root, **bound({"id": "size_guard", "config": {"max_request": 10, "max_response": 600}})},
        "correlated": {**echo, **bound({"id": "request_id", "config": {"header": "X-Trace-Me"}})},
        "blanked": {**at_root, **bound(blank)},
        "blanked-out": {**echo, **bound(blank_out)},
        "ordered": {
            **echo, **bound(stamp("U1"), stamp("U2")),
            "routes": [
                {"match": {"methods": ["GET"], "path": "/r"}, **bound(stamp("R1"), stamp("R2"))},
                {"match": {"methods": ["GET"], "path": "/plain"}},
            ],
        },
        "moved": {**echo, **bound({"id": "acme_elsewhere", "config": {"path": "/new/place", "query": "a=1"}})},
        "talks": {**echo, "headers": {"request": everything}, **bound({"id": "acme_answers"})},
        "gone": {
            "base_url": "http://127.0.0.1:1", "headers": {"request": everything}, "breaker": False,
            **bound({"id": "acme_answers"}, stamp("E")),
        },
        "late-and-stamped": {**echo, **bound({"id": "acme_faulty", "config": {"word": "raises late"}}, stamp("E"))},
        "late": {**echo, **bound({"id": "acme_faulty", "config": {"word": "raises late"}})},
        "signed": {
            **at_root, "headers": {"request": everything},
            "auth": {"type": "plugin", "plugin": {"id": "acme_keyed", "config": {"token_ref": "env:ACME_TOKEN"}}},
            **bound(stamp("after auth")),
        },
        "socket": {**at_root, **bound({"id": "required_headers", "config": needs})},
    }  # fmt: skip
    for word in ("raises", "hangs", "babbles", "rejects with 200"):
        item = {"id": "acme_faulty", "config": {"word": word}, "timeout": 0.05}
        values["aliases"][word.replace(" ", "-")] = {**echo, **bound(item)}
    for number, word in enumerate(TRESPASSES):
        values["aliases"][f"trespass-{number}"] = {**echo, **bound({"id": "acme_trespasser", "config": {"word": word}})}


TRESPASSES = (
    "method", "traversal", "relative", "host=evil", "x-oagw-target-host=evil", "authorization=Bearer x",
    "transfer-encoding=chunked", "x=a\r\nb: c", "x y=z", "content-length=3",
)  # fmt: skip


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    path = tmp_path_factory.mktemp("plugins")
    with (
        installing(path / "site"),
        running(path, change, timing="instant", environ={"ACME_TOKEN": SECRET}) as live,
    ):
        yield live


@pytest.fixture(scope="module")
def http(live: Live) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=live.url + PROXY, headers=live.headers(), timeout=20, trust_env=False) as client:
        yield client


def echoed(answer: httpx2.Response) -> dict[str, str]:
    """The headers as they came in at the mock."""
    assert answer.status_code == 200, answer.text
    return {name.lower(): value for name, value in answer.json()["headers"]}


def reason(answer: httpx2.Response) -> tuple[int, str, str]:
    status, code = problem(answer)
    return status, code, answer.json().get("reason", "")


def test_n10_4_a_call_without_a_required_header_is_a_400_and_never_sent(live: Live, http: httpx2.Client) -> None:
    before = live.received
    assert reason(http.get("/needs/x")) == (400, "invalid_request", "REQUIRED_HEADER_MISSING")
    assert live.received == before
    assert echoed(http.get("/needs/x", headers={"X-Tenant": "t"}))["x-tenant"] == "t"


def test_n10_4_an_answer_without_a_required_header_is_a_502(live: Live, http: httpx2.Client) -> None:
    before = live.received
    assert reason(http.get("/lacks/x")) == (502, "protocol_error", "REQUIRED_HEADER_MISSING")
    assert live.received == before + 1


def test_n10_4_a_body_that_is_too_long_is_a_413_announced_or_not(live: Live, http: httpx2.Client) -> None:
    before = live.received
    long = [b"12345", b"67890", b"1"]
    assert reason(http.post("/small/echo", content=b"".join(long))) == (413, "payload_too_large", "BODY_TOO_LARGE")
    assert reason(http.post("/small/echo", content=iter(long))) == (413, "payload_too_large", "BODY_TOO_LARGE")
    assert live.received == before
    assert http.post("/small/echo", content=iter(long[:2]), headers={"Accept": "x"}).json()["body"] == "1234567890"


def test_n10_4_an_answer_that_is_too_long_is_a_502(http: httpx2.Client) -> None:
    answer = http.get("/small/echo", headers={"Accept": "x" * 600})
    assert reason(answer) == (502, "protocol_error", "BODY_TOO_LARGE")


def test_p11_1_and_p11_2_a_transform_changes_path_and_query(http: httpx2.Client) -> None:
    answer = http.get("/moved/old/place?b=2").json()
    assert (answer["path"], answer["query"]) == ("/echo/new/place", "a=1")


def test_p11_3_a_transform_changes_headers_out_and_back(http: httpx2.Client) -> None:
    answer = http.get("/correlated/x", headers={"X-Request-ID": "r-1"})
    assert echoed(answer)["x-trace-me"] == answer.headers["x-trace-me"] == answer.headers["x-request-id"] == "r-1"


def test_p11_4_members_of_json_are_blanked_out_at_any_depth(http: httpx2.Client) -> None:
    sent = {"user": "u", "deep": [{"Password": {"a": 1}}], "password": "p"}
    answer = http.post("/blanked-out/x", json=sent).json()
    assert json.loads(answer["body"]) == {
        "user": "u", "deep": [{"Password": "[REDACTED]"}], "password": "[REDACTED]"
    }  # fmt: skip
    answer = http.post("/blanked/echo", content=b"12345", headers={"content-type": "text/plain"})
    assert answer.json()["body"] == "[REDACTED]" and answer.json()["body_length"] == 5
    assert int(answer.headers["content-length"]) == len(answer.content)


def test_p11_4_what_has_nothing_to_blank_out_passes_byte_for_byte(http: httpx2.Client) -> None:
    for content in (b'{ "a" : 1.50 }', b""):
        answer = http.post("/blanked-out/x", content=content, headers={"content-type": "application/json"}).json()
        assert answer["body"].encode() == content
    text = http.post("/blanked-out/x", content=b'{"password": 1}', headers={"content-type": "text/plain"}).json()
    assert text["body"] == '{"password": 1}'


@pytest.mark.parametrize("content", [b'{"password": ', b'{"password": "' + b"x" * 2000 + b'"}', b"[" * 1900])
def test_p11_4_json_that_cannot_be_read_is_not_passed_on(live: Live, http: httpx2.Client, content: bytes) -> None:
    before = live.received
    headers = {"content-type": "application/json; charset=utf-8"}
    refused = http.post("/blanked-out/x", content=content, headers=headers)
    assert reason(refused) == (413, "payload_too_large", "BODY_NOT_READABLE")
    packed = http.post("/blanked-out/x", content=b"{}", headers={**headers, "content-encoding": "gzip"})
    assert reason(packed) == (413, "payload_too_large", "BODY_NOT_READABLE")
    assert live.received == before


def test_p11_4_an_answer_that_cannot_be_read_is_a_502_and_is_asked_for_unencoded(http: httpx2.Client) -> None:
    answer = http.post("/blanked/echo", content=b"x" * 1800, headers={"Accept-Encoding": "gzip"})
    assert reason(answer) == (502, "protocol_error", "BODY_NOT_READABLE")
    answer = http.get("/blanked/echo", headers={"Accept-Encoding": "gzip"})
    assert "accept-encoding" not in echoed(answer)


def test_p11_4_an_event_stream_passes_a_plugin_that_reads_bodies(http: httpx2.Client) -> None:
    body = {"model": "gpt-4", "stream": True, "messages": [{"role": "user", "content": "one two"}]}
    answer = http.post("/blanked/v1/chat/completions", json=body)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.text.endswith("data: [DONE]\n\n")


def test_p11_5_a_transform_words_an_error_or_answers_instead(live: Live, http: httpx2.Client) -> None:
    answer = http.get("/gone/x")
    assert reason(answer) == (502, "protocol_error", "STAMPED")
    assert answer.json()["detail"] == "E: downstream_error"
    kept = http.get("/gone/x", headers={"X-Say": "fall back"})
    assert (kept.status_code, kept.content, kept.headers["x-stale"]) == (200, b"kept", "1")
    assert kept.headers["x-oagw-error-source"] == "gateway"
    assert live.booked(kept.headers["x-request-id"]).state == "failed"


def test_p11_6_those_of_the_upstream_come_before_those_of_the_route(http: httpx2.Client) -> None:
    answer = http.get("/ordered/r")
    assert echoed(answer)["x-stamps"] == answer.headers["x-stamps"] == "U1U2R1R2"
    answer = http.get("/ordered/plain")
    assert echoed(answer)["x-stamps"] == answer.headers["x-stamps"] == "U1U2"


def test_p11_7_next_reject_and_respond(live: Live, http: httpx2.Client) -> None:
    assert echoed(http.get("/talks/x"))["x-request-id"]
    before = live.received
    rejected = http.get("/talks/x", headers={"X-Say": "reject"})
    assert reason(rejected) == (418, "plugin_rejected", "NO_COFFEE")
    assert rejected.json()["detail"] == "There is no coffee." and rejected.json()["plugin"].endswith("~acme_answers")
    said = http.get("/talks/x", headers={"X-Say": "respond"})
    assert (said.status_code, said.text, said.headers["x-mine"]) == (203, "by the plugin", "yes")
    assert said.headers["x-oagw-error-source"] == "gateway" and said.headers["x-request-id"]
    assert live.received == before
    later = http.get("/talks/x", headers={"X-Say": "respond-later"})
    assert (later.status_code, later.text) == (200, "later")
    assert live.received == before + 1


@pytest.mark.parametrize("word", ["raises", "hangs", "babbles", "rejects-with-200"])
def test_n11_8_a_guard_that_fails_lets_nothing_pass(live: Live, http: httpx2.Client, word: str) -> None:
    before = live.received
    answer = http.get(f"/{word}/x")
    assert reason(answer) == (500, "plugin_failed", "PLUGIN_FAILED")
    assert "secret of the plugin" not in answer.text
    assert live.received == before


def test_n11_8_a_guard_that_fails_late_lets_no_answer_pass(live: Live, http: httpx2.Client) -> None:
    before = live.received
    assert reason(http.get("/late/x")) == (500, "plugin_failed", "PLUGIN_FAILED")
    assert live.received == before + 1


def test_p11_5_what_is_said_of_an_answer_is_no_error_to_be_worded_anew(http: httpx2.Client) -> None:
    assert reason(http.get("/late-and-stamped/x")) == (500, "plugin_failed", "PLUGIN_FAILED")


@pytest.mark.parametrize("number", range(len(TRESPASSES)), ids=TRESPASSES)
def test_n11_8_a_transform_writes_no_more_than_is_its_to_write(live: Live, http: httpx2.Client, number: int) -> None:
    before = live.received
    assert reason(http.get(f"/trespass-{number}/x")) == (500, "plugin_failed", "PLUGIN_FAILED")
    assert live.received == before


def test_an_auth_plugin_adds_a_credential_that_no_other_plugin_sees(live: Live, http: httpx2.Client) -> None:
    answer = http.get("/signed/echo", headers={"X-Api-Key": "mine"})
    headers = echoed(answer)
    assert (headers["authorization"], headers["x-stamps"]) == (f"Acme {SECRET}", "after auth")
    assert "x-api-key" not in headers
    before = live.received
    assert reason(http.get("/signed/echo", headers={"X-Say": "deny"})) == (401, "auth_failed", "NOBODY")
    assert reason(http.get("/signed/echo", headers={"X-Say": "crash"})) == (401, "auth_failed", "PLUGIN_FAILED")
    assert live.received == before


def test_what_an_auth_plugin_adds_is_blanked_out_of_an_echoed_error(http: httpx2.Client) -> None:
    answer = http.get("/signed/status/400/echo")
    assert answer.status_code == 400 and SECRET not in answer.text and "[redacted]" in answer.text


def test_a_websocket_passes_its_plugins_on_the_way_out(live: Live) -> None:
    key = live.headers()["Authorization"]
    head = (
        f"GET {PROXY}/socket/ws/echo HTTP/1.1\r\nHost: x\r\nAuthorization: {key}\r\nConnection: Upgrade\r\n"
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    assert b"REQUIRED_HEADER_MISSING" in live.raw(head.encode())


def test_the_plugin_of_the_documentation_is_found_and_asked(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs/howto/plugins.md").read_text()
    code = page.partition("```python\n")[2].partition("```")[0]
    (tmp_path / "site").mkdir()
    (tmp_path / "site/acme_documented.py").write_text(code.partition("\nguard = ")[0])

    def closing(values: dict[str, Any], mock_url: str) -> None:
        office = {"id": "office_hours", "config": {"closes": 17}}
        passing = {"headers": {"request": {"passthrough": "all"}}}
        values["aliases"]["office"] = {"base_url": f"{mock_url}/echo", **passing, **bound(office)}

    with (
        installing(tmp_path / "site", office_hours="acme_documented:OfficeHours"),
        running(tmp_path, closing, timing="instant") as live,
    ):
        url = f"{live.url}{PROXY}/office/x"
        open_ = httpx2.get(url, headers={**live.headers(), "X-Hour": "16"}, timeout=20)
        closed = httpx2.get(url, headers={**live.headers(), "X-Hour": "17"}, timeout=20)
    assert open_.status_code == 200
    assert reason(closed) == (403, "permission_denied", "CLOSED")


def faulty(**members: Any) -> ConfigError:
    values = {"aliases": {"a": {"base_url": "https://a.example.com", **members}}}
    config = parse([Layer("test", values)]).config
    with pytest.raises(ConfigError) as caught:
        Composer(Settings({})).build(config)
    return caught.value


@pytest.mark.usefixtures("live")
@pytest.mark.parametrize(
    ("item", "key"),
    [
        ({"id": "never_heard_of"}, "id"),
        ({"id": "acme_nothing"}, "id"),
        ({"id": "acme_keyed", "config": {"token_ref": "env:ACME_TOKEN"}}, "id"),
        ({"id": "gts.cf.core.oagw.transform_plugin.v1~size_guard"}, "id"),
        ({"id": "size_guard", "config": {"max": 1}}, "config"),
        ({"id": "size_guard", "config": {"max_request": "1"}}, "config.max_request"),
        ({"id": "size_guard", "config": {"any_ref": "the secret itself"}}, "config.any_ref"),
    ],
)
def test_n4_4_what_cannot_be_bound_keeps_the_gateway_from_starting(item: dict[str, Any], key: str) -> None:
    error = faulty(**bound(item))
    assert error.key == f"aliases.a.plugins.items[0].{key}"
    assert "the secret itself" not in str(error)
    route = {"match": {"methods": ["GET"]}, **bound({"id": "size_guard"}, item)}
    assert faulty(routes=[route]).key == f"aliases.a.routes[0].plugins.items[1].{key}"


@pytest.mark.usefixtures("live")
def test_n4_4_a_guard_is_no_credential() -> None:
    assert faulty(auth={"type": "plugin", "plugin": {"id": "size_guard"}}).key == "aliases.a.auth.plugin.id"
