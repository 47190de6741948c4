import asyncio
import logging
import ssl

import httpx2
import pytest
import trustme
import uvloop

from dragoman.mocks.app import MockApp, app
from dragoman.mocks.server import MockServer
from tests.mocks.client import chat, connect, http, make_abrupt, read, talk

STREAM = http("POST", "/v1/chat/completions", chat(stream=True))
SLOW = http("POST", "/scenario/delay:600000/v1/chat/completions", chat(stream=True))
STALL = http("GET", "/scenario/stall/weather/current")


async def test_a_port_is_found_or_taken_as_given() -> None:
    async with MockServer(app()) as first:
        assert first.url == f"http://127.0.0.1:{first.port}"
        with pytest.raises(OSError, match=str(first.port)):
            await MockServer(app(), port=first.port).open()
    async with MockServer(app(), port=first.port) as second:
        assert second.port == first.port


async def test_a_server_can_be_opened_again_and_closed_twice() -> None:
    server = MockServer(app())
    for _ in range(2):
        await server.open()
        assert (await talk(server.port, http("GET", "/health"))).status == 200
        await server.close()
        await server.close()


async def test_closing_breaks_open_streams_at_once_and_leaves_no_task() -> None:
    before = len(asyncio.all_tasks())
    mock = app()
    async with MockServer(mock) as server:
        kinds = (b"", b"GET / HTTP/1.1\r\n", SLOW, STALL)
        clients = [await connect(server.port, data) for _ in range(5) for data in kinds]
        await mock.journal.reached(10)
        assert (server.connections, server.in_flight) == (20, 10)
    assert len(asyncio.all_tasks()) == before
    assert (server.connections, server.in_flight, mock.active) == (0, 0, 0)
    for client in clients:
        with client:
            assert (await read(client)).ending in ("eof", "reset")


@pytest.mark.parametrize("abrupt", [True, False], ids=["reset", "fin"])
async def test_two_hundred_aborted_streams_leave_no_task_and_no_connection(
    server: MockServer, mock: MockApp, abrupt: bool
) -> None:
    before = len(asyncio.all_tasks())

    async def leave(number: int) -> None:
        with await connect(server.port, (SLOW, STALL, STREAM)[number % 3]) as client:
            if number % 3 == 0:
                await asyncio.get_running_loop().sock_recv(client, 1000)
            if abrupt:
                make_abrupt(client)

    async with asyncio.timeout(20):
        async with asyncio.TaskGroup() as group:
            for number in range(200):
                group.create_task(leave(number))
        await server.quiet()
        await mock.idle()
    assert len(asyncio.all_tasks()) == before
    assert (server.in_flight, mock.active) == (0, 0)
    assert mock.departed >= 67  # those that were in the middle of a slow stream
    assert (await talk(server.port, http("GET", "/health"))).status == 200


async def test_connections_can_be_broken_while_it_goes_on_serving(server: MockServer, mock: MockApp) -> None:
    async with httpx2.AsyncClient(base_url=server.url, trust_env=False) as client:
        await client.get("/health")
        assert server.connections == 1
        server.disconnect()
        await server.quiet()
        assert (await client.get("/health")).status_code == 200


def test_it_runs_on_uvloop_with_every_way_a_connection_can_end() -> None:
    async def main() -> None:
        async with MockServer(app(timing="instant")) as server:
            for spec, ending in (("ok", "eof"), ("drop", "eof"), ("reset", "reset"), ("cut-after:2", "eof")):
                answer = await talk(
                    server.port, http("POST", f"/scenario/{spec}/v1/chat/completions", chat(stream=True))
                )
                assert answer.ending == ending
            answer = await talk(server.port, http("GET", "/scenario/reset-after:2/stream-test/events"))
            assert (len(answer.events), answer.ending) == (2, "reset")
            stalled = await connect(server.port, STALL)
        stalled.close()

    uvloop.run(main())


async def test_it_speaks_tls() -> None:
    authority = trustme.CA()
    ours, theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.issue_cert("127.0.0.1").configure_cert(ours)
    authority.configure_trust(theirs)
    async with MockServer(app(timing="instant"), tls=ours) as server:
        assert server.url.startswith("https://")
        async with httpx2.AsyncClient(base_url=server.url, verify=theirs, trust_env=False) as client:
            assert (await client.get("/health")).status_code == 200
            for spec in ("drop", "reset", "cut-after:1"):
                with pytest.raises(httpx2.TransportError):
                    await client.get(f"/scenario/{spec}/stream-test/events")


async def test_bad_http_is_a_400_and_uvicorns_loggers_are_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    def settings() -> list[object]:
        loggers = [logging.getLogger(f"uvicorn.{name}") for name in ("access", "error")]
        return [(logger.level, logger.propagate, list(logger.handlers)) for logger in loggers]

    before = settings()  # whoever else runs uvicorn in this process may have set them
    async with MockServer(app(timing="instant")) as server:
        assert (await talk(server.port, b"nonsense\r\n\r\n")).status == 400
    assert {record.name for record in caplog.records} <= {"dragoman.mocks.server"}
    assert settings() == before


def test_a_host_of_version_six_is_bracketed() -> None:
    assert MockServer(app(), host="::1", port=1).url == "http://[::1]:1"
