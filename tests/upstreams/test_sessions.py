"""`dragoman.upstreams.sessions`."""

import asyncio
from pathlib import Path

import pytest

from dragoman import errors
from dragoman.errors import GatewayError
from dragoman.ports import Asked
from dragoman.turn import Usage
from dragoman.upstreams.sessions import Session, Sessions, Thread

FIRST = Session("aaaaaaaa-1", spent=Usage(cost_usd=1.0))


class Clock:
    def __init__(self) -> None:
        self.time = 1000.0

    def now(self) -> float:
        return self.time


def sessions(tmp_path: Path, clock: Clock | None = None, age: float = 100.0, max_kept: int = 10) -> Sessions:
    return Sessions(
        tmp_path / "sessions", "claude-cli", {"HOME": str(tmp_path)},
        age=age, now=(clock or Clock()).now, max_waiting=2, max_kept=max_kept,
    )  # fmt: skip


def asked(goes_on_from: str = "", becomes: str = "", key: str = "key") -> Asked:
    return Asked(key, "call_1", "req_1", session=goes_on_from, becomes=becomes)


def ran(store: Sessions, call: Asked, session: Session | None, *, well: bool = True) -> Session | None:
    """What a run went on with, which left `session` behind."""
    thread = store.thread(call)
    thread.take()
    thread.settle(session, well=well)
    thread.leave()
    return thread.session


def found(store: Sessions, call: Asked) -> str:
    thread = store.thread(call)
    thread.take()
    return "" if thread.session is None else thread.session.id


def test_a_name_goes_on_with_the_session_it_has_become(tmp_path: Path) -> None:
    store = sessions(tmp_path)
    assert ran(store, asked(becomes="resp_1"), FIRST) is None
    again = ran(store, asked("resp_1", "resp_2"), Session("aaaaaaaa-1", spent=Usage(cost_usd=3.0)))

    assert again is not None and (again.id, again.spent.cost_usd) == ("aaaaaaaa-1", 1.0)
    assert found(store, asked("resp_1", "resp_3")) == ""  # the session has gone on
    assert found(store, asked("resp_2", "resp_4")) == "aaaaaaaa-1"


def test_it_is_known_after_a_restart_to_its_own_key_only(tmp_path: Path) -> None:
    ran(sessions(tmp_path), asked(becomes="name"), FIRST)
    assert found(sessions(tmp_path), asked("name", "name", key="other")) == ""
    assert found(sessions(tmp_path), asked("name", "name")) == "aaaaaaaa-1"
    heir = Asked("new", "call_1", "req_1", session="name", becomes="name", owner="key")
    assert found(sessions(tmp_path), heir) == "aaaaaaaa-1"


def test_a_session_that_nobody_will_go_on_with_is_not_disturbed_by_a_fork(tmp_path: Path) -> None:
    store = sessions(tmp_path)
    ran(store, asked(becomes="resp_1"), FIRST)
    assert ran(store, asked("resp_1", ""), Session("bbbbbbbb-2")) is None
    assert found(store, asked("resp_1", "resp_2")) == "aaaaaaaa-1"


def test_after_a_failure_one_of_a_chain_begins_anew_and_one_of_a_name_goes_on(tmp_path: Path) -> None:
    store = sessions(tmp_path)
    ran(store, asked(becomes="resp_1"), FIRST)
    ran(store, asked("resp_1", "resp_2"), FIRST, well=False)
    assert found(store, asked("resp_1", "resp_2")) == ""

    ran(store, asked(becomes="name"), FIRST)
    ran(store, asked("name", "name"), None, well=False)
    ran(store, asked("name", "name"), Session("aaaaaaaa-1", spent=Usage(cost_usd=7.0)), well=False)
    thread = store.thread(asked("name", "name"))
    thread.take()
    assert thread.session is not None and thread.session.spent.cost_usd == 7.0


def test_one_that_the_program_does_not_know_any_more_is_lost(tmp_path: Path) -> None:
    store = sessions(tmp_path)
    for becomes in ("name", "next"):
        ran(store, asked(becomes="name"), FIRST)
        thread = store.thread(asked("name", becomes))
        thread.take()
        thread.lose()
        assert thread.session is None
        assert found(store, asked("name", becomes)) == ""
    assert list((tmp_path / "sessions").iterdir()) == []


def test_one_that_was_taken_in_vain_is_still_there(tmp_path: Path) -> None:
    store = sessions(tmp_path)
    ran(store, asked(becomes="resp_1"), FIRST)
    thread = store.thread(asked("resp_1", "resp_2"))
    thread.take()
    thread.restore()
    assert found(store, asked("resp_1", "resp_2")) == "aaaaaaaa-1"


def test_places_are_used_again_once_their_sessions_are_gone(tmp_path: Path) -> None:
    clock = Clock()
    store = sessions(tmp_path, clock)
    places = [store.begin_place() for _ in range(3)]
    ran(store, asked(becomes="name"), Session("aaaaaaaa-1", place=places[1]))
    for place in places:
        store.end_place(place)
    assert [store.begin_place(), store.begin_place()] == ["s0", "s2"]
    again = sessions(tmp_path, clock)
    assert [again.begin_place(), again.begin_place()] == ["s0", "s2"]
    clock.time += 200
    assert again.sweep() == 1
    assert again.begin_place() == "s1"


def test_none_are_kept_where_none_may_be(tmp_path: Path) -> None:
    store = sessions(tmp_path, age=0)
    thread = store.thread(asked("name", "name"))
    assert not thread.keeps
    ran(store, asked("name", "name"), FIRST)
    assert found(store, asked("name", "name")) == ""


def trace(tmp_path: Path, session: str) -> Path:
    path = tmp_path / ".claude" / "projects" / "p" / f"{session}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def test_what_is_too_old_is_forgotten_with_what_the_program_kept_of_it(tmp_path: Path) -> None:
    clock = Clock()
    store = sessions(tmp_path, clock)
    old, new = trace(tmp_path, "aaaaaaaa-1"), trace(tmp_path, "bbbbbbbb-2")
    ran(store, asked(becomes="old"), FIRST)
    clock.time += 60
    ran(store, asked(becomes="new"), Session("bbbbbbbb-2"))
    assert store.sweep() == 0
    clock.time += 60

    assert store.sweep() == 1
    assert (old.exists(), new.exists()) == (False, True)
    assert found(store, asked("old", "old")) == ""
    assert found(store, asked("new", "new")) == "bbbbbbbb-2"


def test_so_is_what_is_too_much_and_what_nobody_can_go_on_with(tmp_path: Path) -> None:
    clock = Clock()
    store = sessions(tmp_path, clock, max_kept=2)
    for number in range(4):
        clock.time += 1
        ran(store, asked(becomes=f"resp_{number}"), Session(f"aaaaaaaa-{number}"))
    once = trace(tmp_path, "cccccccc-9")
    ran(store, asked(), Session("cccccccc-9"))
    (tmp_path / "sessions" / "broken.json").write_bytes(b"{")

    assert store.sweep() == 3
    assert not once.exists()
    assert [found(store, asked(f"resp_{n}", "x")) for n in range(4)] == ["", "", "aaaaaaaa-2", "aaaaaaaa-3"]


async def entered(store: Sessions) -> Thread:
    thread = store.thread(asked("name", "name"))
    await thread.enter()
    return thread


async def test_one_writes_at_a_time_and_the_others_wait_in_order(tmp_path: Path) -> None:
    store = sessions(tmp_path)
    first = await entered(store)
    order: list[int] = []

    async def follow(number: int) -> None:
        thread = await entered(store)
        order.append(number)
        thread.leave()

    followers = [asyncio.ensure_future(follow(number)) for number in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(GatewayError) as caught:
        await entered(store)
    assert caught.value.kind is errors.QUEUE_FULL
    other = store.thread(asked("name", "name", key="other"))
    await other.enter()
    assert order == []
    first.leave()
    first.leave()
    await asyncio.gather(*followers)
    assert order == [0, 1]


async def test_what_a_run_becomes_is_waited_for(tmp_path: Path) -> None:
    store = sessions(tmp_path)
    first = store.thread(asked(becomes="resp_1"))
    await first.enter()
    first.take()
    second, third = (store.thread(asked("resp_1", becomes)) for becomes in ("resp_2", "resp_3"))
    entering = [asyncio.ensure_future(second.enter()), asyncio.ensure_future(third.enter())]
    await asyncio.sleep(0)
    assert not entering[0].done()
    first.settle(FIRST, well=True)
    first.leave()
    await entering[0]
    second.take()
    assert second.session is not None
    await entering[1]  # though the second still runs: it has the session alone
    third.take()
    assert third.session is None
    second.leave()
    third.leave()


async def test_whoever_stops_waiting_keeps_nobody_waiting(tmp_path: Path) -> None:
    store = sessions(tmp_path)
    first = await entered(store)
    waiting = [asyncio.ensure_future(entered(store)) for _ in range(2)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    first.leave()
    second = await waiting[1]

    called_and_gone = asyncio.ensure_future(entered(store))
    await asyncio.sleep(0)
    second.leave()
    called_and_gone.cancel()
    await asyncio.gather(called_and_gone, return_exceptions=True)
    (await entered(store)).leave()


def test_a_session_in_use_is_not_swept(tmp_path: Path) -> None:
    clock = Clock()
    store = sessions(tmp_path, clock)
    ran(store, asked(becomes="name"), FIRST)
    clock.time += 200
    thread = store.thread(asked("name", "name"))
    asyncio.run(thread.enter())
    assert store.sweep() == 0
    thread.leave()
    assert store.sweep() == 1
