from dragoman.policy.routing import Target, Timeouts
from tests.config.texts import UPSTREAM, fault, load


def test_a_route_gives_its_deadlines_to_its_fallbacks() -> None:
    routes = load(
        '[upstreams.a]\nbase_url="http://a"\n[upstreams.b]\nbase_url="http://b"\n'
        '[models.m]\nupstream="a"\nfallback=["b/x"]\ntimeouts={idle=1}'
    ).routes()
    assert routes["m"].targets == (Target("a", "", Timeouts(idle=1)), Target("b", "x", Timeouts(idle=1)))


def test_an_upstream_that_was_probably_meant_is_suggested() -> None:
    assert fault(UPSTREAM + "[models]\nfast = 'opena'").hint == "did you mean 'openai'?"
    assert fault(UPSTREAM + "[models]\nfast = 'xyz'").hint == "define [upstreams.xyz]"


def test_what_a_route_says_holds_for_what_stands_in_for_it() -> None:
    route = load(UPSTREAM + "[models]\nfast = {upstream = 'openai', allow_unknown = true, fallback = ['openai/x']}")
    assert [target.allow_unknown for target in route.routes()["fast"].targets] == [True, True]
