from pathlib import Path
from typing import Any

import pytest

from dragoman import errors
from dragoman.errors import GatewayError
from dragoman.plugins.binding import Binder
from dragoman.policy.aliases import Made
from dragoman.policy.resources import Auth, Endpoint, Match, PluginBinding, Plugins, RouteRules, Rules
from tests.outbound import acme

SECRETS = {"env:TOKEN": "t0ken"}


def reveal(reference: str) -> str:
    try:
        return SECRETS[reference]
    except KeyError:
        raise GatewayError(errors.SECRET_NOT_FOUND, "There is no such secret.") from None


def plugins(*items: tuple[str, dict[str, Any]]) -> Plugins:
    return Plugins(items=tuple(PluginBinding(id=name, config=config) for name, config in items))


def made(rules: Rules, *routes: RouteRules) -> Made:
    return Made("a", "u1", (Endpoint(host="h"),), rules, [(f"r{number}", route) for number, route in enumerate(routes)])


def test_guards_and_transforms_are_told_apart_in_their_order() -> None:
    route = RouteRules(match=Match(methods=("GET",)), plugins=plugins(("size_guard", {"max_request": 1})))
    bare = RouteRules(match=Match(methods=("GET",), path="/x"))
    rules = Rules(plugins=plugins(("request_id", {}), ("size_guard", {}), ("json_redaction", {})))
    chains = Binder(reveal).chains(made(rules, route, bare))
    own, below = chains[""], chains["r0"]
    assert own is not None and below is not None and chains.keys() == {"", "r0"}
    assert [bound.id.rpartition("~")[2] for bound in own.transforms] == ["request_id", "json_redaction"]
    assert [bound.id for bound in own.guards] == ["gts.cf.core.oagw.guard_plugin.v1~size_guard"]
    assert own.then(below).guards == (*own.guards, *below.guards)
    assert [bound.reads for bound in own.transforms] == [False, True]
    assert Binder(reveal).chains(made(Rules())) == {"": None}
    assert Binder(reveal).signing(made(Rules()), Auth()) is None


def test_a_secret_is_looked_up_once_and_known_in_every_form(tmp_path: Path) -> None:
    with acme.installing(tmp_path):
        signer = PluginBinding(id="acme_keyed", config={"token_ref": "env:TOKEN"})
        chain = Binder(reveal).signing(made(Rules()), Auth(type="plugin", plugin=signer))
        assert chain is not None and chain.auth is not None and b"t0ken" in chain.auth.secrets
        absent = PluginBinding(id="acme_keyed", config={"token_ref": "env:ABSENT"})
        with pytest.raises(GatewayError) as caught:
            Binder(reveal).signing(made(Rules()), Auth(type="plugin", plugin=absent))
        assert (caught.value.kind, caught.value.param) == (errors.SECRET_NOT_FOUND, "auth.plugin")


def test_what_is_bound_alike_again_is_the_same_plugin_for_as_long_as_it_is_used() -> None:
    binder = Binder(reveal)
    rules = Rules(plugins=plugins(("request_id", {})))
    first = binder.chains(made(rules))[""]
    again = binder.chains(made(rules))[""]
    other = binder.chains(made(Rules(plugins=plugins(("request_id", {"header": "X-Y"})))))[""]
    assert first is not None and again is not None and other is not None
    assert first.transforms[0] is again.transforms[0] is not other.transforms[0]


def test_a_plugin_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(GatewayError) as caught:
        Binder(reveal).chains(made(Rules(plugins=plugins(("request_id", {}), ("absent", {})))))
    assert (caught.value.kind, caught.value.param) == (errors.PLUGIN_NOT_FOUND, "plugins.items[1].id")


def test_a_plugin_that_does_not_take_its_settings_is_a_fault_of_the_configuration(tmp_path: Path) -> None:
    with acme.installing(tmp_path, acme_touchy="tests.plugins.test_binding:Touchy"):
        with pytest.raises(GatewayError) as caught:
            Binder(reveal).chains(made(Rules(plugins=plugins(("acme_touchy", {})))))
        assert (caught.value.kind, caught.value.param) == (errors.INVALID_REQUEST, "plugins.items[0].config")


class Touchy(acme.Stamp):
    def __init__(self, *_: object) -> None:
        raise ValueError("not like this")
