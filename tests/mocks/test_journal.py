import asyncio

import httpx2
import pytest

from dragoman.mocks import journal as module
from dragoman.mocks.app import MockApp
from dragoman.mocks.journal import MAX_ENTRIES, MAX_TEXT, Journal
from dragoman.mocks.server import MockServer
from tests.mocks.client import connect, http, request, talk


async def test_what_was_received_is_recorded(http_client: httpx2.AsyncClient, mock: MockApp) -> None:
    await http_client.post("/echo/a%2Fb?x=%20", content="ä", headers={"authorization": "Bearer k"})
    (entry,) = mock.journal.entries
    assert (entry.method, entry.path, entry.query) == ("POST", "/echo/a%2Fb", "x=%20")
    assert (entry.body, entry.body_length, entry.complete, entry.scenario) == ("ä", 2, True, "")
    assert ("authorization", "Bearer k") in entry.headers


async def test_a_request_is_recorded_whatever_becomes_of_it(server: MockServer, mock: MockApp) -> None:
    for path in ("/scenario/drop/v1/models", "/scenario/nonsense/v1/models", "/nowhere"):
        await talk(server.port, http("GET", path))
    assert [(entry.path, entry.scenario) for entry in mock.journal.entries] == [
        ("/scenario/drop/v1/models", "drop"),
        ("/scenario/nonsense/v1/models", ""),
        ("/nowhere", ""),
    ]


async def test_a_client_that_leaves_in_its_body_is_recorded_as_incomplete(server: MockServer, mock: MockApp) -> None:
    head = b"POST /echo HTTP/1.1\r\nhost: mock\r\ncontent-length: 10\r\n\r\n"
    with await connect(server.port, head + b"abc"):
        pass
    await mock.journal.reached(1)
    await mock.idle()
    (entry,) = mock.journal.entries
    assert (entry.path, entry.complete) == ("/echo", False)
    assert mock.departed == 1


def test_the_oldest_entries_go_first() -> None:
    journal = Journal()
    for number in range(MAX_ENTRIES + 5):
        journal.record(request("GET", f"/{number}"))
    assert len(journal.entries) == MAX_ENTRIES
    assert journal.entries[0].path == "/5"
    assert journal.received == MAX_ENTRIES + 5
    journal.forget()
    assert (journal.entries, journal.received) == ((), MAX_ENTRIES + 5)


def test_text_is_bounded_for_one_and_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MAX_TEXT_IN_ALL", 3 * MAX_TEXT)
    journal = Journal()
    for _ in range(5):
        journal.record(request("POST", "/", "ä".encode() * (MAX_TEXT + 10)))
    assert [len(entry.body) for entry in journal.entries] == [MAX_TEXT] * 3
    assert journal.entries[0].body_length == 2 * (MAX_TEXT + 10)


def test_a_body_that_is_not_text_is_recorded_with_replacements() -> None:
    journal = Journal()
    journal.record(request("POST", "/", b"a\xff"))
    assert journal.entries[0].body == "a\N{REPLACEMENT CHARACTER}"


async def test_several_can_wait_for_a_request() -> None:
    journal = Journal()
    async with asyncio.TaskGroup() as group:
        for count in (1, 2, 2):
            group.create_task(journal.reached(count))
        await asyncio.sleep(0)
        journal.record(request("GET", "/"))
        await asyncio.sleep(0)
        journal.record(request("GET", "/"))
    await journal.reached(2)
