"""`/v1/responses` as a WebSocket: its calls, what a connection remembers, and its end; over mock upstreams."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.support.census import Census
from tests.support.live import Live, running

CHAT, RESPONSES, MESSAGES = "mock-chat/gpt-4", "mock-responses/gpt-4", "mock-messages/claude-sonnet-4-5"
MODELS = pytest.mark.parametrize("model", [CHAT, RESPONSES, MESSAGES], ids=["chat", "responses", "messages"])
LAST = ("response.completed", "response.incomplete", "response.failed")
WAIT = 10.0
FAULTS = {
    "busy": "status:429", "failing": "status:500", "cut": "cut-after:4", "stalling": "stall-after:4",
    "slow": "delay:60",
}  # fmt: skip

Event = dict[str, Any]


def change(values: dict[str, Any], mock_url: str) -> None:
    for name, spec in FAULTS.items():
        values["upstreams"][name] = {"base_url": f"{mock_url}/scenario/{spec}/v1", "direct": True}
    values["models"]["after-busy"] = {"upstream": "busy", "model": "gpt-4", "fallback": [CHAT]}


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with running(tmp_path_factory.mktemp("websocket"), change, timing="instant") as live:
        yield live


def dial(live: Live, *, key: str | None = None, path: str = "/v1/responses", **headers: str) -> ClientConnection:
    client: ClientConnection = connect(
        f"ws://127.0.0.1:{live.port}{path}", proxy=None, additional_headers={**live.headers(key), **headers}
    )
    return client


def create(client: ClientConnection, model: str = CHAT, said: Any = "hello", **members: Any) -> None:
    client.send(json.dumps({"type": "response.create", "model": model, "input": said, **members}))


def receive(client: ClientConnection) -> Event:
    event: Event = json.loads(client.recv(timeout=WAIT))
    return event


def events(client: ClientConnection) -> list[Event]:
    """Everything up to the end of the response that is made."""
    found = []
    while True:
        event = receive(client)
        found.append(event)
        if event["type"] in LAST or "status" in event:
            return found


def made(client: ClientConnection, model: str = CHAT, said: Any = "hello", **members: Any) -> Event:
    """A response that is made to its end."""
    create(client, model, said, **members)
    last = events(client)[-1]
    assert last["type"] == "response.completed", last
    response: Event = last["response"]
    return response


def refused(client: ClientConnection, model: str = CHAT, said: Any = "hello", **members: Any) -> tuple[int, str, str]:
    create(client, model, said, **members)
    return as_refusal(events(client))


def as_refusal(found: list[Event]) -> tuple[int, str, str]:
    [event] = found
    assert event["type"] == "error"
    return event["status"], event["error"]["code"], event["error"]["param"]


def asked(live: Live) -> Event:
    """The newest request that reached an upstream."""
    body: Event = json.loads(live.entries(live.received - 1)[0].body)
    return body


NOT_FOUND = (400, "previous_response_not_found", "previous_response_id")


# the handshake


@pytest.mark.parametrize(("key", "status"), [("", 401), ("drg_wrong", 401)])
def test_a_key_is_asked_for_before_the_answer(live: Live, key: str, status: int) -> None:
    url = f"ws://127.0.0.1:{live.port}/v1/responses"
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    with pytest.raises(InvalidStatus) as refusal, connect(url, proxy=None, additional_headers=headers):
        pass
    response = refusal.value.response
    assert response.status_code == status
    assert response.headers["x-oagw-error-source"] == "gateway"
    assert json.loads(response.body or b"")["error"]["type"] == "authentication_error"


@pytest.mark.parametrize(
    ("path", "status"),
    [("/v1/chat/completions", 405), ("/v1/messages", 405), ("/v1/responses/resp_1", 404), ("/healthz", 200)],
)
def test_no_other_path_is_a_websocket(live: Live, path: str, status: int) -> None:
    with pytest.raises(InvalidStatus) as refusal, dial(live, path=path):
        pass
    assert refusal.value.response.status_code == status


def test_a_get_that_asks_for_no_websocket_is_refused_as_ever(live: Live) -> None:
    answer = httpx2.get(f"{live.url}/v1/responses", headers=live.headers())
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


def test_an_open_connection_counts_as_in_flight_and_is_logged_when_it_ends(live: Live) -> None:
    with dial(live, **{"X-Request-ID": "counted"}) as client:
        assert live.gateway.in_flight == 1
        made(client)
    live.until(lambda: live.gateway.in_flight == 0, "the connection is no longer in flight")
    live.run(flush(live))
    lines = [json.loads(line) for line in b"".join(live.log).splitlines()]
    [line] = [line for line in lines if line["request_id"] == "counted"]
    assert (line["family"], line["status"], line.get("error")) == ("websocket", 101, None)


def flush(live: Live) -> Callable[[], Any]:
    async def work() -> None:
        live.gateway._observer.flush()

    return work


# responses


@MODELS
def test_the_events_are_those_of_a_post(live: Live, model: str) -> None:
    with dial(live) as client:
        create(client, model)
        told = events(client)
    body = {"model": model, "input": "hello", "stream": True}
    text = httpx2.post(f"{live.url}/v1/responses", json=body, headers=live.headers()).text
    posted = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: {")]
    assert [event["type"] for event in told] == [event["type"] for event in posted]
    assert [event["sequence_number"] for event in told] == list(range(len(told)))
    assert told[-1]["response"]["output"][0]["content"] == posted[-1]["response"]["output"][0]["content"]


def test_each_response_has_a_row_of_its_own_in_the_ledger(live: Live) -> None:
    with dial(live, **{"X-Request-ID": "booked"}) as client:
        made(client)
        made(client, RESPONSES)
    first, second = live.booked("booked.1"), live.booked("booked.2")
    for row, upstream in ((first, "mock-chat"), (second, "mock-responses")):
        assert row.settlement is not None and row.settlement.usage is not None
        assert (row.state, row.settlement.status, row.settlement.upstream) == ("settled", 200, upstream)
        assert row.settlement.usage.output_tokens > 0


def test_messages_that_come_at_once_are_answered_one_after_the_other(live: Live) -> None:
    with dial(live) as client:
        create(client, CHAT, "one", metadata={"n": "1"})
        create(client, RESPONSES, "two", metadata={"n": "2"})
        create(client, MESSAGES, "three", metadata={"n": "3"})
        found = [events(client) for _ in range(3)]
    assert [answer[-1]["response"]["metadata"]["n"] for answer in found] == ["1", "2", "3"]
    for answer in found:
        assert len({event["response"]["id"] for event in answer if "response" in event}) == 1


@pytest.mark.parametrize(
    ("members", "refusal"),
    [
        ({"model": "nobody"}, (404, "model_not_found", "model")),
        ({"type": "response.steer"}, (400, "invalid_request", "type")),
        ({"background": True}, (400, "unsupported_parameter", "background")),
        ({"stream": False}, (400, "unsupported_parameter", "stream")),
        ({"temperature": "hot"}, (400, "invalid_request", "temperature")),
        ({"store": "yes"}, (400, "invalid_request", "store")),
        ({"previous_response_id": "resp_none"}, NOT_FOUND),
        ({"previous_response_id": "resp_none", "store": False}, NOT_FOUND),
        ({"conversation": "conv_none"}, (404, "conversation_not_found", "conversation")),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_is_wrong_is_one_message_and_the_connection_goes_on(
    live: Live, members: dict[str, Any], refusal: tuple[int, str, str]
) -> None:
    with dial(live) as client:
        client.send(json.dumps({"type": "response.create", "model": CHAT, "input": "hello", **members}))
        assert as_refusal(events(client)) == refusal
        made(client)


def test_a_message_that_is_no_json_is_refused(live: Live) -> None:
    with dial(live) as client:
        client.send("hello")
        assert as_refusal(events(client))[:2] == (400, "invalid_json")
        made(client)


def test_an_upstreams_refusal_says_when_to_come_again(live: Live) -> None:
    with dial(live) as client:
        create(client, "busy/gpt-4")
        event = receive(client)
    assert (event["type"], event["status"]) == ("error", 429)
    assert int(event["error"]["headers"]["retry-after"]) > 0


def test_another_upstream_is_asked_as_for_a_post(live: Live) -> None:
    with dial(live) as client:
        assert made(client, "after-busy")["model"] == "after-busy"


def test_a_stream_that_breaks_ends_in_an_error_and_a_failed_response(live: Live) -> None:
    with dial(live) as client:
        create(client, "cut/gpt-4", "a b c d e")
        found = events(client)
        assert [event["type"] for event in found[-2:]] == ["error", "response.failed"]
        made(client)


def test_a_key_that_is_revoked_is_of_no_use_on_an_open_connection(live: Live) -> None:
    key, token = live.run(lambda: live.gateway.issuer.create("short-lived"))
    with dial(live, key=token) as client:
        made(client)

        async def revoke() -> None:
            await live.gateway.issuer.revoke(key.id)
            live.gateway.keyring.forget()

        live.run(revoke)
        assert refused(client)[:2] == (401, "invalid_api_key")


def test_a_message_that_is_too_large_ends_the_connection(tmp_path: Path) -> None:
    with at(tmp_path, server={"max_body": 1000}) as live, dial(live) as client:
        create(client, said="x" * 1000)
        with pytest.raises(ConnectionClosed):
            client.recv(timeout=WAIT)
        assert client.close_code == 1009


# what the connection remembers


@MODELS
def test_a_response_that_nobody_stores_can_be_gone_on_from(live: Live, model: str) -> None:
    with dial(live) as client:
        first = made(client, model, "one", store=False)
        second = made(client, model, "two", store=False, previous_response_id=first["id"])
        assert second["previous_response_id"] == first["id"]
        third = made(client, model, "three", store=False, previous_response_id=second["id"])
        assert third["id"] not in (first["id"], second["id"])
    said = json.dumps(asked(live))
    places = [said.index(text) for text in ('"one"', "to: one", '"two"', "to: two", '"three"')]
    assert places == sorted(places)
    assert "previous_response_id" not in said
    stored = httpx2.get(f"{live.url}/v1/responses/{first['id']}", headers=live.headers())
    assert stored.status_code == 404


def test_a_provider_gets_its_reasoning_back_though_the_caller_has_not_seen_it(live: Live) -> None:
    with dial(live) as client:
        create(client, MESSAGES, "think", store=False, reasoning={"effort": "high"})
        found = events(client)
        assert "encrypted_content" not in json.dumps(found)
        assert found[-1]["response"]["output"][0]["type"] == "reasoning"
        previous = found[-1]["response"]["id"]
        made(client, MESSAGES, "more", store=False, reasoning={"effort": "high"}, previous_response_id=previous)
    assert json.dumps(asked(live)).count('"type": "thinking"') == 1


def test_only_the_latest_response_is_remembered(live: Live) -> None:
    with dial(live) as client:
        first = made(client, store=False)
        made(client, store=False)
        assert refused(client, store=False, previous_response_id=first["id"]) == NOT_FOUND
    with dial(live) as client:
        latest = made(client, store=False)
    with dial(live) as client:
        assert refused(client, store=False, previous_response_id=latest["id"]) == NOT_FOUND


@pytest.mark.parametrize("model", ["failing/gpt-4", "nobody", "cut/gpt-4"])
def test_a_response_that_could_not_be_gone_on_from_is_forgotten(live: Live, model: str) -> None:
    with dial(live) as client:
        first = made(client, store=False)
        create(client, model, "a b c d e", store=False, previous_response_id=first["id"])
        assert events(client)[-1]["type"] in ("error", "response.failed")
        assert refused(client, store=False, previous_response_id=first["id"]) == NOT_FOUND


def test_a_failure_that_goes_on_from_nothing_forgets_nothing(live: Live) -> None:
    with dial(live) as client:
        first = made(client, store=False)
        assert refused(client, "nobody")[0] == 404
        made(client, store=False, previous_response_id=first["id"])


def test_a_stored_response_is_gone_on_from_over_either_transport(live: Live) -> None:
    with dial(live) as client:
        first = made(client, said="one")
        assert first["store"] is True
        body = {"model": CHAT, "input": "two", "previous_response_id": first["id"]}
        second = httpx2.post(f"{live.url}/v1/responses", json=body, headers=live.headers()).json()
        third = made(client, said="three", previous_response_id=second["id"])
        assert third["previous_response_id"] == second["id"]
        items = httpx2.get(
            f"{live.url}/v1/responses/{third['id']}/input_items?order=asc", headers=live.headers()
        ).json()
    assert [item["role"] for item in items["data"]] == ["user", "assistant", "user", "assistant", "user"]
    assert [item["content"][0]["text"] for item in items["data"][::2]] == ["one", "two", "three"]


def test_a_chain_may_change_between_stored_and_not(live: Live) -> None:
    posted = httpx2.post(
        f"{live.url}/v1/responses", json={"model": CHAT, "input": "one"}, headers=live.headers()
    ).json()
    with dial(live) as client:
        second = made(client, said="two", store=False, previous_response_id=posted["id"])
        third = made(client, said="three", store=False, previous_response_id=second["id"])
        fourth = made(client, said="four", previous_response_id=third["id"])
        assert fourth["previous_response_id"] == third["id"]
    said = json.dumps(asked(live))
    assert all(f'"{text}"' in said for text in ("one", "two", "three", "four"))
    body = {"model": CHAT, "input": "five", "previous_response_id": fourth["id"]}
    assert httpx2.post(f"{live.url}/v1/responses", json=body, headers=live.headers()).status_code == 200
    assert all(f'"{text}"' in json.dumps(asked(live)) for text in ("one", "two", "three", "four", "five"))


def test_another_keys_response_does_not_exist(live: Live) -> None:
    with dial(live) as client:
        theirs = made(client)
    with dial(live, key=live.issue()) as client:
        assert refused(client, store=False, previous_response_id=theirs["id"]) == NOT_FOUND


def test_a_connection_remembers_where_the_gateway_keeps_nothing(tmp_path: Path) -> None:
    with at(tmp_path, store={"keep_responses": 0}) as live, dial(live) as client:
        first = made(client, said="one")
        made(client, said="two", previous_response_id=first["id"])
        assert '"one"' in json.dumps(asked(live))
        assert refused(client, store=False, previous_response_id=first["id"]) == NOT_FOUND


# the end


@pytest.mark.parametrize("farewell", ["cut", "closed"])
def test_a_caller_that_leaves_ends_the_upstream_call_and_is_booked(live: Live, farewell: str) -> None:
    census = Census(live)
    before = live.mock.departed
    with dial(live, **{"X-Request-ID": f"leaves-{farewell}"}) as client:
        create(client, "stalling/gpt-4", "a b c d e")
        assert receive(client)["type"] == "response.created"
        left = time.monotonic()
        if farewell == "cut":
            client.socket.shutdown(socket.SHUT_RDWR)
        else:
            client.close()
        live.until(lambda: live.mock.departed > before, "the upstream call ends")
        assert time.monotonic() - left < 1.0  # four times the contract's bound, for a busy machine
    assert live.booked(f"leaves-{farewell}.1").state == "cancelled"
    census.check()


def test_a_connection_may_only_get_so_old(tmp_path: Path) -> None:
    with at(tmp_path, server={"websocket_lifetime": 0.4}) as live:
        with dial(live) as idle:
            told = as_refusal(events(idle))
            assert told[:2] == (400, "websocket_connection_limit_reached")
            with pytest.raises(ConnectionClosed):
                idle.recv(timeout=WAIT)
            assert idle.close_code == 1000
        with dial(live) as busy:
            made(busy, "slow/gpt-4", "a b c d e f g")
            assert as_refusal(events(busy))[1] == "websocket_connection_limit_reached"


@contextmanager
def stopping(tmp_path: Path, model: str, drain: float) -> Iterator[tuple[Live, ClientConnection]]:
    """A gateway that begins to stop while a response is made."""
    with running(tmp_path, change, timing="instant", drain=drain) as live, dial(live) as client:
        create(client, model, "a b c d")
        assert receive(client)["type"] == "response.created"
        live.stop()
        yield live, client


def test_a_gateway_that_stops_lets_a_response_finish_and_says_goodbye(tmp_path: Path) -> None:
    with stopping(tmp_path, "slow/gpt-4", 20.0) as (_, client):
        assert events(client)[-1]["type"] == "response.completed"
        with pytest.raises(ConnectionClosed):
            client.recv(timeout=WAIT)
        assert client.close_code == 1001


def test_a_drain_deadline_ends_a_response_in_an_error(tmp_path: Path) -> None:
    with stopping(tmp_path, "stalling/gpt-4", 0.2) as (_, client):
        found = events(client)
        assert found[-2]["error"]["code"] == "shutting_down"
        assert found[-1]["type"] == "response.failed"
        with pytest.raises(ConnectionClosed):
            client.recv(timeout=WAIT)
        assert client.close_code == 1001


def test_an_idle_connection_is_told_at_once_that_the_gateway_stops(tmp_path: Path) -> None:
    with running(tmp_path, timing="instant", drain=0.0) as live, dial(live) as client:
        made(client)
        live.stop()
        with pytest.raises(ConnectionClosed):
            client.recv(timeout=WAIT)
        assert client.close_code == 1001


@contextmanager
def at(tmp_path: Path, **sections: dict[str, Any]) -> Iterator[Live]:
    def configure(values: dict[str, Any], mock_url: str) -> None:
        change(values, mock_url)
        for name, settings in sections.items():
            values[name] = {**values.get(name, {}), **settings}

    with running(tmp_path, configure, timing="instant") as live:
        yield live
