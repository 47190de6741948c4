"""Who follows a job hears of it, and of no other."""

import asyncio

from dragoman.stores.jobs.news import News


async def test_those_who_follow_a_job_are_told_and_nobody_else() -> None:
    news = News()
    news.tell("a")
    with news.of("a") as first, news.of("a") as second, news.of("b") as other:
        assert sorted(news.followed()) == ["a", "b"]
        news.tell("a")
        await asyncio.gather(first.wait(), second.wait())
        assert not other.is_set()


async def test_who_leaves_is_forgotten() -> None:
    news = News()
    with news.of("a"):
        with news.of("a"):
            pass
        assert news.followed() == ["a"]

    assert news.followed() == []
