"""`dragoman.gateway.inside`: what agents call through the gateway, under their caller's key and for their run alone."""

import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from dragoman.client.in_process import AsyncInProcess
from dragoman.ports import LedgerRow
from tests.support.agents import AskingAgent
from tests.support.live import Live, running

AGENT = AskingAgent()
MODEL = "agent/asker"


def change(values: dict[str, Any], mock_url: str) -> None:
    values["upstreams"]["slow"] = {"base_url": f"{mock_url}/scenario/stall/v1"}
    values["models"]["stalled"] = "slow/gpt-4"


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with running(tmp_path_factory.mktemp("inside"), change, timing="instant", agents=[AGENT]) as live:
        yield live


def bid(live: Live, words: str, key: str | None = None, **more: Any) -> httpx2.Response:
    body = {"model": MODEL, "messages": [{"role": "user", "content": words}], **more}
    return httpx2.post(f"{live.url}/v1/chat/completions", json=body, headers=live.headers(key), timeout=20)


def said(answer: httpx2.Response) -> str:
    assert answer.status_code == 200, answer.text
    text: str = answer.json()["choices"][0]["message"]["content"]
    return text


def booked(live: Live, request_id: str, count: int) -> list[LedgerRow]:
    """The rows of one request, its inner calls first, once they are all closed."""
    live.until(lambda: live.gateway.in_flight == 0, "all calls have ended")
    rows = [row for row in live.rows(50) if row.reservation.request_id == request_id]
    assert len(rows) == count
    return rows


def test_a_model_call_is_its_callers_and_names_agent_and_parent(live: Live) -> None:
    answer = bid(live, "ask gpt-4 Hello there")

    assert "Hello there" in said(answer)
    inner, outer = booked(live, answer.headers["x-request-id"], 2)
    assert (inner.reservation.name, outer.reservation.name) == ("gpt-4", MODEL)
    assert inner.reservation.key_id == outer.reservation.key_id
    assert (inner.reservation.agent, inner.reservation.parent) == ("asker", outer.reservation.call_id)
    assert (outer.reservation.agent, outer.reservation.parent) == ("", "")
    assert inner.settlement is not None and inner.settlement.usage is not None
    assert (inner.state, outer.state) == ("settled", "settled")
    live.until(lambda: b'"agent":"asker"' in b"".join(live.log), "the log names the agent")


def test_it_is_streamed_through(live: Live) -> None:
    body = {"model": MODEL, "messages": [{"role": "user", "content": "ask gpt-4 one two three"}], "stream": True}
    with httpx2.stream("POST", f"{live.url}/v1/chat/completions", json=body, headers=live.headers()) as answer:
        pieces = [line for line in answer.iter_lines() if line.startswith("data: {") and '"content":"' in line]

    assert len(pieces) > 3


def test_the_credential_is_none_at_the_socket_and_none_after_the_run(live: Live) -> None:
    bid(live, "ask gpt-4 Hello")
    access = AGENT.asked[-1].access
    assert access is not None
    outside = httpx2.get(f"{live.url}/v1/models", headers=live.headers(access.credential))

    async def late() -> httpx2.Response:
        async with httpx2.AsyncClient(transport=AsyncInProcess(access.app), base_url=access.base_url) as client:
            return await client.get("/models", headers=live.headers(access.credential))

    inside = live.run(late)
    assert (outside.status_code, inside.status_code) == (401, 401)
    assert inside.json()["error"]["code"] == "invalid_api_key"


def test_the_credential_of_a_run_under_way_is_none_at_the_socket(live: Live) -> None:
    before = len(AGENT.asked)
    with pytest.raises(httpx2.ReadTimeout):
        body = {"model": MODEL, "messages": [{"role": "user", "content": "ask stalled Hello"}], "stream": True}
        with httpx2.stream(
            "POST",
            f"{live.url}/v1/chat/completions",
            json=body,
            headers=live.headers(),
            timeout=httpx2.Timeout(20, read=1),
        ) as answer:
            live.until(lambda: len(AGENT.asked) > before, "the run has begun")
            access = AGENT.asked[-1].access
            assert access is not None
            for name in ("authorization", "x-api-key", "x-dragoman-key"):
                value = f"Bearer {access.credential}" if name == "authorization" else access.credential
                assert httpx2.get(f"{live.url}/v1/models", headers={name: value}).status_code == 401
            answer.read()


def test_the_credential_is_in_no_log(live: Live) -> None:
    answer = bid(live, "ask nothing/here Hello")
    access = AGENT.asked[-1].access
    assert access is not None
    request_id = answer.headers["x-request-id"].encode()
    live.until(lambda: b"".join(live.log).count(request_id) == 2, "both calls are logged")

    assert access.credential.encode() not in b"".join(live.log)
    assert access.credential not in repr(AGENT.asked[-1])


@pytest.mark.parametrize(
    "path", ["/admin/keys", "/api/oagw/v1/upstreams", "/v1/responses/resp_1", "/metrics", "/health"]
)
def test_what_is_not_for_agents_is_refused_even_to_those_of_an_admin(live: Live, path: str) -> None:
    assert said(bid(live, f"GET {path}", live.admin_key)).startswith("403")


def test_aliases_and_other_endpoints_are_open_to_it(live: Live) -> None:
    assert said(bid(live, "GET /api/oagw/v1/proxy/weather/current?city=Seattle")).startswith("200")
    embedding = '{"model":"text-embedding-3-small","input":"a"}'
    answer = bid(live, f"POST /v1/embeddings {embedding}")

    assert said(answer).startswith("200")
    assert booked(live, answer.headers["x-request-id"], 2)[0].reservation.agent == "asker"


def test_a_key_for_the_agent_alone_reaches_no_model_through_it(live: Live) -> None:
    key = live.issue(models=(MODEL,))

    assert said(bid(live, "ask gpt-4 Hello", key)) == "403 permission_denied"


def test_a_key_revoked_in_the_middle_ends_its_calls(live: Live) -> None:
    created, token = live.run(lambda: live.gateway.issuer.create("short"))
    assert said(bid(live, "GET /v1/models", token)).startswith("200")
    live.run(lambda: live.gateway.issuer.revoke(created.id))

    # The edge may know the key for a while yet; what asks inside looks each time.
    assert said(bid(live, "GET /v1/models", token)).startswith("401")


def test_agents_that_ask_one_another_come_to_an_end(live: Live) -> None:
    before = len(AGENT.asked)
    question = " ".join([f"ask {MODEL}"] * 20 + ["ask gpt-4 Hello"])

    assert said(bid(live, question)).startswith("508")
    assert [asked.depth for asked in AGENT.asked[before:]] == list(range(8))


def test_nothing_is_left_to_the_background(live: Live) -> None:
    body = json.dumps({"model": MODEL, "input": "GET /v1/models", "background": True})

    assert said(bid(live, f"POST /v1/responses {body}")).startswith("400")


def test_a_caller_that_leaves_ends_the_calls_of_the_run(live: Live) -> None:
    body = {"model": MODEL, "messages": [{"role": "user", "content": "ask stalled Hello"}]}
    headers = {**live.headers(), "x-request-id": "leaves"}
    with pytest.raises(httpx2.ReadTimeout):
        httpx2.post(f"{live.url}/v1/chat/completions", json=body, headers=headers, timeout=0.5)

    inner, outer = booked(live, "leaves", 2)
    assert (inner.state, outer.state) == ("cancelled", "cancelled")
