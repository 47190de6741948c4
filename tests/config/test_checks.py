from typing import Any

import pytest

from dragoman.config import RESERVED, Layer, check_endpoint, parse
from dragoman.errors import ConfigError
from tests.config.texts import UPSTREAM, fault, load


@pytest.mark.parametrize(
    ("text", "key", "message"),
    [
        ("[server]\nport = -1", "server.port", "-1 is no port"),
        ("[server]\nport = 65536", "server.port", "65536 is no port"),
        ("[server]\nssl_cert = 'a'", "server.ssl_cert", "ssl_cert and ssl_key go together"),
        ("[server]\nssl_key = 'a'", "server.ssl_cert", "ssl_cert and ssl_key go together"),
        ("[server]\nhead_timeout = 0", "server.head_timeout", "must be more than 0"),
        ("[server]\nbody_timeout = -1", "server.body_timeout", "must be more than 0"),
        ("[server]\nmax_body = 0", "server.max_body", "must be more than 0"),
        ("[server]\nmax_alias_body = 0", "server.max_alias_body", "must be more than 0"),
        ("[server]\nmax_upload = 0", "server.max_upload", "must be more than 0"),
        ("[server]\nmax_event = 0", "server.max_event", "must be more than 0"),
        ("[server]\nmax_connections = 0", "server.max_connections", "must be more than 0"),
        ("[server]\nmax_in_flight = 0", "server.max_in_flight", "must be more than 0"),
        ("[server]\nping_interval = 0.0", "server.ping_interval", "must be more than 0"),
        ("[server]\nping_interval = nan", "server.ping_interval", "must be more than 0"),
        ("[server]\nshutdown_delay = -0.1", "server.shutdown_delay", "must not be negative"),
        ("[server]\ndrain = -1", "server.drain", "must not be negative"),
        ("[server]\ndrain = nan", "server.drain", "must not be negative"),
        ("[server]\ndefault_upstream = 'x'", "server.default_upstream", "no upstream 'x'"),
        ("[upstreams.x]\nbase_url = 'ftp://x'", "upstreams.x.base_url", "is not of the form"),
        ("[upstreams.x]\nbase_url = 'http://u:p@x'", "upstreams.x.base_url", "user name or password"),
        (UPSTREAM + "credential = 'sk-canary-123'", "upstreams.openai.credential", "is not one of"),
        (UPSTREAM + "allow_cidrs = ['10.0.0.1/8']", "upstreams.openai.allow_cidrs", "host bits set"),
        (UPSTREAM + "allow_cidrs = ['all']", "upstreams.openai.allow_cidrs", "does not appear"),
        (UPSTREAM + "timeouts = {connect = 0}", "upstreams.openai.timeouts.connect", "must be more than 0"),
        (UPSTREAM + "timeouts = {first_byte = -1}", "upstreams.openai.timeouts.first_byte", "must be more than 0"),
        (UPSTREAM + "timeouts = {idle = nan}", "upstreams.openai.timeouts.idle", "must be more than 0"),
        (UPSTREAM + "timeouts = {total = 0}", "upstreams.openai.timeouts.total", "must be more than 0"),
        (UPSTREAM + "hosts = ['b.test:80']", "upstreams.openai.hosts", "host"),
        (UPSTREAM + "hosts = ['b.test/x']", "upstreams.openai.hosts", "host"),
        (UPSTREAM + "hosts = ['b.test', 'B.test']", "upstreams.openai.hosts", "is there already"),
        (UPSTREAM + "hosts = ['api.openai.com']", "upstreams.openai.hosts", "is there already"),
        (UPSTREAM + f"hosts = {[f'h{n}.test' for n in range(32)]}", "upstreams.openai.hosts", "at most 32"),
        (UPSTREAM + "max_connections = 0", "upstreams.openai.max_connections", "must be more than 0"),
        (UPSTREAM + "keepalive = -1", "upstreams.openai.keepalive", "must not be negative"),
        (UPSTREAM + "[models]\nfast = 'opena'", "models.fast", "no upstream 'opena'"),
        (UPSTREAM + "[models]\nfast = ''", "models.fast", "no upstream ''"),
        (UPSTREAM + "[models]\nfast = 'x/y'", "models.fast", "no upstream 'x'"),
        (UPSTREAM + "[models]\nfast = {upstream = 'x'}", "models.fast.upstream", "no upstream 'x'"),
        (
            UPSTREAM + "[models]\nfast = {upstream = 'openai', fallback = ['x/y']}",
            "models.fast.fallback",
            "no upstream 'x'",
        ),
        (
            UPSTREAM + "credential = 'caller'\n[models]\nfast = {upstream = 'openai', fallback = ['openai/x']}",
            "models.fast.fallback",
            "which goes to one upstream only",
        ),
        (
            UPSTREAM + "[models]\n'gpt-*' = {upstream = 'openai', model = 'x'}",
            "models.gpt-*.model",
            "a pattern hands on the name",
        ),
        (
            UPSTREAM + "[models]\nfast = {upstream = 'openai', timeouts = {idle = 0}}",
            "models.fast.timeouts.idle",
            "must be more than 0",
        ),
        ("[outbound]\nallow_cidrs=['10.0.0.1/8']", "outbound.allow_cidrs", "has host bits set"),
        ("[aliases.x]", "aliases.x", "needs either upstream, base_url or endpoints"),
        ("[aliases.x]\nbase_url='http://x'\nendpoints=[{host='y'}]", "aliases.x", "needs either"),
        ("[aliases.x]\nendpoints=[{host='y'},{host='z',port=1}]", "aliases.x.endpoints[1]", "share scheme, port"),
        (
            "[aliases.x]\nbase_url='http://x'\n[[aliases.x.routes]]\nmatch={methods=['GET']}\ntimeouts={connect=1}",
            "aliases.x.routes[0].timeouts.connect",
            "belong to the upstream",
        ),
        (
            "[aliases.x]\nbase_url='http://x'\nheaders.request.set={host='y'}",
            "aliases.x.headers.request.set",
            "gateway's own",
        ),
        (UPSTREAM + "[aliases.x]\nupstream='openai'\nbase_url='http://x'", "aliases.x", "needs either"),
        (UPSTREAM + "[aliases.x]\nupstream='opena'", "aliases.x.upstream", "no upstream 'opena'"),
        (
            UPSTREAM + "[aliases.x]\nupstream='openai'\nkeepalive=1.0",
            "aliases.x.keepalive",
            "takes its connection settings from",
        ),
        (UPSTREAM + "[aliases.openai]\nbase_url='http://x'", "aliases.openai", "an upstream has this name already"),
        ("[aliases.x]\nbase_url='x'", "aliases.x.base_url", "is not of the form"),
        ("[aliases.x]\nbase_url='http://x'\ncredential='bearer'", "aliases.x.credential", "takes 1 words"),
        ("[aliases.x]\nbase_url='http://x'\nallow_cidrs=['']", "aliases.x.allow_cidrs", "does not appear"),
        ("[aliases.x]\nbase_url='http://x'\ntimeouts={idle=0}", "aliases.x.timeouts.idle", "must be more than 0"),
        ("[aliases.x]\nbase_url='http://x'\nmax_connections=-1", "aliases.x.max_connections", "must be more than 0"),
        ("[aliases.x]\nbase_url='http://x'\nkeepalive=nan", "aliases.x.keepalive", "must not be negative"),
        ("[tenants.a]\nparent='b'", "tenants.a", "there is no tenant 'b' to be its parent"),
        ("[tenants.default]", "tenants.default", "the root is there by itself"),
        ("[store]\nflush_interval = 0", "store.flush_interval", "must be more than 0"),
        ("[store]\nflush_interval = nan", "store.flush_interval", "must be more than 0"),
    ],
)
def test_a_value_that_cannot_stand_is_named(text: str, key: str, message: str) -> None:
    error = fault(text)
    assert error.key == key
    assert message in error.message
    assert str(error).startswith(f"{key}: ")


def test_a_secret_pasted_where_its_reference_belongs_is_not_repeated() -> None:
    for credential in ("sk-canary-123", "bearer sk-canary-123", "basic env:A sk-canary-123"):
        assert "canary" not in str(fault(UPSTREAM + f"credential = '{credential}'"))
    assert "canary" not in str(fault("[upstreams.x]\nbase_url = 'http://u:canary@x'"))


@pytest.mark.parametrize("name", ["a", "a.b", "a_b-c", "0", "a" * 64])
def test_a_name_is_of_plain_characters(name: str) -> None:
    load(f"[upstreams.'{name}']\nbase_url='http://x'\n[aliases.'x{name[1:]}']\nupstream='{name}'")


@pytest.mark.parametrize("name", ["", "A", "a b", "a/b", "a:b", "-a", "a-", ".a", "a.", "ä", "a\n", "a" * 65, "a*"])
def test_any_other_name_is_refused(name: str) -> None:
    for table in ("upstreams", "aliases"):
        with pytest.raises(ConfigError, match="is no name") as caught:
            parse([Layer("file", {table: {name: {"base_url": "http://x"}}})])
        assert caught.value.key == f"{table}.{name}"


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_a_path_of_our_own_is_no_name_for_anything(name: str) -> None:
    for table in ("upstreams", "aliases"):
        error = fault(f"[{table}.'{name}']\nbase_url = 'http://x'")
        assert error.key == f"{table}.{name}"


def test_every_route_of_ours_is_reserved() -> None:
    assert {"v1", "api", "admin", "agent", "health", "status", "healthz", "readyz", "metrics", "version"} <= RESERVED


def test_an_endpoint_may_be_checked_on_its_own() -> None:
    check_endpoint("x", "https://api.example.com", "none", ())
    with pytest.raises(ConfigError) as caught:
        check_endpoint("upstreams.x", "nonsense", "none", ())
    assert caught.value.key == "upstreams.x.base_url"


@pytest.mark.parametrize(
    ("auth", "key"),
    [
        ({"type": "bearer", "secret_ref": "env:K"}, "aliases.a.auth"),
        ({"type": "bearer"}, "aliases.a.auth.secret_ref"),
        ({"typ": "bearer"}, "aliases.a.auth.typ"),
        ({"type": "magic"}, "aliases.a.auth.type"),
    ],
)
def test_an_auth_table_is_checked_and_stands_alone(auth: dict[str, Any], key: str) -> None:
    alias: dict[str, Any] = {"base_url": "https://a.example.com", "auth": auth}
    if key == "aliases.a.auth":
        alias["credential"] = "bearer env:K"
    with pytest.raises(ConfigError) as refused:
        parse([Layer("file", {"aliases": {"a": alias}})])
    assert refused.value.key == key
