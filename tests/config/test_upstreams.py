import tomllib

import msgspec

from dragoman.config import Layer, parse
from dragoman.dialects.profile import PROFILES
from dragoman.policy.resources import Breaker
from tests.config.texts import UPSTREAM, load


def test_a_breaker_is_on_unless_it_is_switched_off() -> None:
    assert load(UPSTREAM).upstreams["openai"].breaker == Breaker(failures=5, open_for=30, probes=3)
    assert load(UPSTREAM + "breaker = { open_for = 1 }").upstreams["openai"].breaker == Breaker(open_for=1)
    assert load(UPSTREAM + "breaker = false").upstreams["openai"].breaker is False


def test_an_upstream_has_the_quirks_of_its_profile_and_its_own() -> None:
    text = "profile = 'vllm'\nquirks = {tool_images = 'reject', efforts = ['low'], top_k = false}"
    upstream = load(UPSTREAM + text).upstreams["openai"]
    changed = {"tool_images": "reject", "efforts": ("low",), "top_k": False}
    assert upstream.adapted("x") == msgspec.structs.replace(PROFILES["vllm"], **changed)
    assert load(UPSTREAM).upstreams["openai"].adapted("x") is PROFILES["openai"]
    environment = Layer("environment", {"upstreams": {"openai": {"quirks": {"merge_system": "true"}}}}, lax=True)
    both = parse([Layer("file", tomllib.loads(UPSTREAM + text)), environment]).config.upstreams["openai"].adapted("x")
    assert (both.merge_system, both.tool_images) == (True, "reject")
