from dragoman.mocks import prompt_cache
from dragoman.mocks.prompt_cache import PromptCache


def test_a_prefix_is_written_once_and_then_read() -> None:
    cache = PromptCache()
    assert cache.use([(b"a", 7)]) == (7, 0)
    assert cache.use([(b"a", 7)]) == (0, 7)
    assert cache.use([(b"b", 3)]) == (3, 0)
    cache.reset()
    assert cache.use([(b"a", 7)]) == (7, 0)


def test_a_prefix_that_grew_is_read_as_far_as_it_was_seen() -> None:
    cache = PromptCache()
    cache.use([(b"a", 7)])
    assert cache.use([(b"a", 7), (b"b", 2), (b"c", 1)]) == (3, 7)
    assert cache.use([(b"a", 7), (b"b", 2), (b"c", 1)]) == (0, 10)
    assert cache.use([(b"x", 1), (b"a", 7)]) == (8, 0)


def test_no_prefix_costs_nothing() -> None:
    assert PromptCache().use([]) == (0, 0)


def test_the_oldest_is_forgotten() -> None:
    cache = PromptCache()
    for number in range(prompt_cache._MAX_PREFIXES + 1):
        cache.use([(b"%d" % number, 1)])
    assert cache.use([(b"5", 1)]) == (0, 1)
    assert cache.use([(b"0", 1)]) == (1, 0)
