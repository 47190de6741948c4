"""Who follows a job hears of it, and of no other; what was just stored need not be looked up."""

import asyncio

from dragoman.stores.jobs.news import News
from dragoman.stores.jobs.table import Batch


async def test_those_who_follow_a_job_are_told_and_nobody_else() -> None:
    news = News()
    batch = Batch(1, 1, 0, [b"x"])
    news.tell("a")
    with news.of("a") as first, news.of("a") as second, news.of("b") as other:
        assert sorted(news.followed()) == ["a", "b"]
        assert [ear.take() for ear in (first, second, other)] == [([], True)] * 3  # who begins looks up
        news.tell("a", batch)
        await asyncio.gather(first.wait(), second.wait())
        assert first.take() == second.take() == ([batch], False)
        assert other.take() == ([], False)
        news.tell("a")
        assert first.take() == ([], True)


async def test_who_does_not_keep_up_looks_up() -> None:
    news = News()
    with news.of("a") as ear:
        ear.take()
        for number in range(100):
            news.tell("a", Batch(1, 1, number, [bytes(10_000)]))

        batches, stale = ear.take()

        assert stale
        assert len(batches) < 30


async def test_who_leaves_is_forgotten() -> None:
    news = News()
    with news.of("a"):
        with news.of("a"):
            pass
        assert news.followed() == ["a"]

    assert news.followed() == []
