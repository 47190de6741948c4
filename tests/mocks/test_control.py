import httpx2
import pytest

from dragoman.mocks.app import MockApp
from dragoman.mocks.control import MAX_QUEUED, ScenarioQueue
from dragoman.mocks.scenario import ScenarioError


async def test_health(http_client: httpx2.AsyncClient) -> None:
    assert (await http_client.get("/health")).json() == {"status": "healthy", "service": "dragoman-mock"}


async def test_the_journal_is_read_cut_to_its_end_and_forgotten(http_client: httpx2.AsyncClient) -> None:
    for number in range(3):
        await http_client.post("/echo", content=str(number), headers={"x-test": "1"})
    requests = (await http_client.get("/journal")).json()["requests"]
    assert [entry["body"] for entry in requests] == ["0", "1", "2"]
    assert set(requests[0]) >= {"method", "path", "query", "headers", "body"}
    assert ["x-test", "1"] in requests[0]["headers"]
    last = (await http_client.get("/journal?limit=1")).json()["requests"]
    assert [entry["body"] for entry in last] == ["2"]
    assert (await http_client.get("/journal?limit=0")).json() == {"requests": []}
    assert (await http_client.get("/journal?limit=many")).status_code == 400
    assert (await http_client.put("/journal")).status_code == 405
    assert (await http_client.delete("/journal")).status_code == 204
    assert (await http_client.get("/journal")).json() == {"requests": []}


async def test_scenarios_are_queued_for_so_many_requests(http_client: httpx2.AsyncClient, mock: MockApp) -> None:
    made = await http_client.post("/scenario", json={"spec": "status:500", "times": 2})
    assert (made.status_code, made.json()) == (201, {"queued": 2})
    await http_client.post("/scenario", json={"spec": "status:404"})
    assert (await http_client.get("/scenario")).json()["queued"] == ["status:500", "status:500", "status:404"]
    statuses = [(await http_client.get("/weather/current")).status_code for _ in range(4)]
    assert statuses == [500, 500, 404, 200]
    assert [entry.scenario for entry in mock.journal.entries] == ["status:500", "status:500", "status:404", ""]


async def test_a_queue_is_cleared(http_client: httpx2.AsyncClient) -> None:
    await http_client.post("/scenario", json={"spec": "drop"})
    assert (await http_client.delete("/scenario")).status_code == 204
    assert (await http_client.get("/weather/current")).status_code == 200
    assert "cut-after:EVENTS" in (await http_client.get("/scenario")).json()["known"]
    assert (await http_client.put("/scenario")).status_code == 405


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"spec": "nonsense"}, "spec"),
        ({}, "spec"),
        ({"spec": "drop", "times": 0}, "times"),
        ({"spec": "drop", "times": MAX_QUEUED + 1}, "times"),
        ([], None),
    ],
)
async def test_a_bad_order_is_a_400(http_client: httpx2.AsyncClient, body: object, param: str | None) -> None:
    answer = await http_client.post("/scenario", json=body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


def test_a_queue_is_bounded() -> None:
    queue = ScenarioQueue()
    queue.add("drop", MAX_QUEUED)
    with pytest.raises(ScenarioError):
        queue.add("drop")
    assert len(queue) == MAX_QUEUED
    queue.clear()
    assert queue.take() is None
