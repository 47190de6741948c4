import pytest

from dragoman import errors
from dragoman.errors import GatewayError
from dragoman.policy.keys import Key
from dragoman.policy.routing import RETRY_STATUS, Route, RouteTable, Target, Timeouts, is_glob

ANY = Key(id="any", name="any")
MODELS = {
    "fast": Route((Target("vllm", "qwen3-8b", Timeouts(first_byte=5)), Target("openai", "gpt-4o-mini"))),
    "gpt-4o": Route((Target("openai", ""),)),
    "vllm/pinned": Route((Target("openai", "gpt-4.1"),)),
    "gpt-*": Route((Target("openai", ""), Target("azure", ""))),
    "gpt-4*": Route((Target("azure", ""),)),
    "o?": Route((Target("openai", ""),)),
}
TABLE = RouteTable(MODELS, ["vllm"], "openai")


def key(*models: str, admin: bool = False) -> Key:
    return Key(id="key_1", name="test", models=models, admin=admin)


def refused(asked: str, by: Key = ANY) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        TABLE.plan(asked, by)
    return caught.value


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ("fast", ["vllm/qwen3-8b", "openai/gpt-4o-mini"]),
        ("gpt-4o", ["openai/gpt-4o"]),
        ("vllm/pinned", ["openai/gpt-4.1"]),
        ("vllm/org/model:8b", ["vllm/org/model:8b"]),
        ("vllm/gpt-4o", ["vllm/gpt-4o"]),
        ("vllm//", ["vllm//"]),
        ("gpt-3.5-turbo", ["openai/gpt-3.5-turbo", "azure/gpt-3.5-turbo"]),
        ("gpt-4-turbo", ["azure/gpt-4-turbo"]),
        ("gpt-", ["openai/gpt-", "azure/gpt-"]),
        ("o1", ["openai/o1"]),
    ],
)
def test_a_name_resolves_exactly_then_directly_then_by_the_longest_pattern(asked: str, names: list[str]) -> None:
    assert [target.name for target in TABLE.plan(asked, ANY)] == names


def test_a_route_keeps_its_own_deadlines() -> None:
    first, second = TABLE.plan("fast", ANY)
    assert (first.timeouts, second.timeouts) == (Timeouts(first_byte=5), None)


@pytest.mark.parametrize(
    "asked", ["", "fas", "Fast", "o11", "openai/gpt-4o", "vllm", "vllm/", "/x", "xgpt-4", "GPT-4o"]
)
def test_any_other_name_does_not_exist(asked: str) -> None:
    error = refused(asked)
    assert (error.kind, error.param) == (errors.MODEL_NOT_FOUND, "model")
    assert repr(asked) in error.message


def test_a_name_that_was_probably_meant_is_suggested() -> None:
    assert "Did you mean 'fast'?" in refused("fasst").message
    assert "Did you mean" not in refused("llama").message


def test_only_names_that_the_key_may_use_are_suggested() -> None:
    assert "fast" not in refused("gtp-4o", key("gtp-*", "gpt-4o")).message.replace("gtp-4o", "")
    assert "gpt-4o" not in refused("gtp-4o", key("gtp-*")).message


@pytest.mark.parametrize(
    ("models", "asked", "names"),
    [
        # Naming a public model literally grants what it stands for.
        (("fast",), "fast", ["vllm/qwen3-8b", "openai/gpt-4o-mini"]),
        # A pattern grants the name only, and what it stands for must be permitted too.
        (("f*", "qwen*"), "fast", ["vllm/qwen3-8b"]),
        (("f*", "openai/*"), "fast", ["openai/gpt-4o-mini"]),
        (("f*", "vllm/qwen*", "gpt-4o-mini"), "fast", ["vllm/qwen3-8b", "openai/gpt-4o-mini"]),
        (("*",), "fast", ["vllm/qwen3-8b", "openai/gpt-4o-mini"]),
        (("gpt-*",), "gpt-3.5-turbo", ["openai/gpt-3.5-turbo", "azure/gpt-3.5-turbo"]),
        (("vllm/*",), "vllm/qwen3-8b", ["vllm/qwen3-8b"]),
        (("vllm/qwen3-8b",), "vllm/qwen3-8b", ["vllm/qwen3-8b"]),
    ],
)
def test_a_scope_holds_for_the_name_asked_for_and_what_it_stands_for(
    models: tuple[str, ...], asked: str, names: list[str]
) -> None:
    assert [target.name for target in TABLE.plan(asked, key(*models))] == names


@pytest.mark.parametrize(
    ("models", "asked"),
    [
        ((), "fast"),
        (("gpt-*",), "fast"),
        (("qwen*",), "fast"),
        (("vllm/qwen3-8b",), "fast"),
        (("f*",), "fast"),
        (("gpt-4o",), "vllm/gpt-4o"),
        (("vllm/p*",), "vllm/pinned"),
        # Whether a name exists is no business of a key that may not use it.
        (("gpt-*",), "nothing"),
    ],
)
def test_a_key_without_the_scope_is_refused(models: tuple[str, ...], asked: str) -> None:
    error = refused(asked, key(*models))
    assert (error.kind, error.param) == (errors.PERMISSION_DENIED, "model")
    assert "qwen3-8b" not in error.message


def test_an_admin_key_may_use_every_model() -> None:
    assert len(TABLE.plan("fast", key(admin=True))) == 2


def test_an_exact_name_wins_over_a_direct_upstream_and_a_pattern() -> None:
    table = RouteTable({"a/b": Route((Target("x", "m"),)), "a/*": Route((Target("y", ""),))}, ["a"], None)
    assert [table.plan(name, ANY)[0].name for name in ("a/b", "a/c")] == ["x/m", "a/c"]
    assert table.default_upstream is None


def test_a_table_without_routes_knows_no_model() -> None:
    with pytest.raises(GatewayError) as caught:
        RouteTable({}, [], None).plan("x", ANY)
    assert caught.value.message == "The model 'x' does not exist."


def test_a_pattern_is_a_name_with_a_mark() -> None:
    assert [is_glob(name) for name in ("a*", "a?", "[ab]", "a", "a/b:c.d", "")] == [True] * 3 + [False] * 3


def test_another_upstream_is_asked_after_what_is_not_the_requests_fault() -> None:
    assert RETRY_STATUS == {408, 425, 429, 500, 502, 503, 504, 529}
