import tomllib
from typing import Any

import msgspec
import pytest

from dragoman.config import RESERVED, Config, Layer, check_endpoint, parse, schema
from dragoman.dialects.profile import PROFILES
from dragoman.errors import ConfigError
from dragoman.policy.resources import Breaker
from dragoman.policy.routing import Route, Target, Timeouts

EXAMPLE = """
[server]
host = "0.0.0.0"
port = 9000
ping_interval = 5
default_upstream = "vllm"

[upstreams.openai]
base_url = "https://api.openai.com/v1"
dialects = ["chat"]
credential = "bearer env:OPENAI_API_KEY"
timeouts = { connect = 5, first_byte = 120.5, idle = 120 }

[upstreams.vllm]
base_url = "http://10.0.0.5:8000/v1"
direct = true
network = "private"
allow_cidrs = ["10.0.0.0/8", "fd00::/8"]
include_usage = false

[models]
"gpt-*" = "openai"
mini = "openai/gpt-4o-mini"
fast = { upstream = "vllm", model = "qwen3-8b", fallback = ["openai/gpt-4o-mini", "openai"] }

[models.slow]
upstream = "vllm"
timeouts = { total = 600 }

[aliases.github]
base_url = "https://api.github.com"
credential = "bearer env:GITHUB_TOKEN"
headers.request = { passthrough = "allowlist", passthrough_allowlist = ["accept", "x-github-*"] }

[aliases.openai]
upstream = "openai"

[store]
url = "postgresql://localhost/dragoman"
strict = true

[log]
level = "debug"
format = "json"
"""


def load(text: str) -> Config:
    return parse([Layer("file", tomllib.loads(text))]).config


def fault(text: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load(text)
    return caught.value


def test_the_example_means_what_it_says() -> None:
    loaded = load(EXAMPLE)
    assert (loaded.server.host, loaded.server.port, loaded.server.ping_interval) == ("0.0.0.0", 9000, 5)
    openai, vllm = loaded.upstreams["openai"], loaded.upstreams["vllm"]
    assert (openai.base_url, openai.credential) == ("https://api.openai.com/v1", "bearer env:OPENAI_API_KEY")
    assert openai.timeouts.parts() == Timeouts(5, 120.5, 120, None)
    assert (vllm.direct, vllm.network, vllm.include_usage) == (True, "private", False)
    assert vllm.allow_cidrs == ("10.0.0.0/8", "fd00::/8")
    assert loaded.aliases["github"].headers.request.passthrough_allowlist == ("accept", "x-github-*")
    assert loaded.aliases["openai"].upstream == "openai"
    assert (loaded.store.strict, loaded.log.level) == (True, "debug")
    assert loaded.routes() == {
        "gpt-*": Route((Target("openai", ""),)),
        "mini": Route((Target("openai", "gpt-4o-mini"),)),
        "fast": Route((Target("vllm", "qwen3-8b"), Target("openai", "gpt-4o-mini"), Target("openai", ""))),
        "slow": Route((Target("vllm", "", Timeouts(total=600)),)),
    }


def test_nothing_is_a_configuration_too() -> None:
    loaded = parse([])
    assert loaded.config == load("") == Config()
    assert loaded.origins == {}
    assert (loaded.config.server.host, loaded.config.server.port) == ("127.0.0.1", 8088)
    assert loaded.config.server.max_body == 32 * 1024 * 1024


def test_a_route_gives_its_deadlines_to_its_fallbacks() -> None:
    routes = load(
        '[upstreams.a]\nbase_url="http://a"\n[upstreams.b]\nbase_url="http://b"\n'
        '[models.m]\nupstream="a"\nfallback=["b/x"]\ntimeouts={idle=1}'
    ).routes()
    assert routes["m"].targets == (Target("a", "", Timeouts(idle=1)), Target("b", "x", Timeouts(idle=1)))


QUIRKS = '[upstreams.openai]\nbase_url = "https://api.openai.com/v1"\nquirks = '


def test_a_breaker_is_on_unless_it_is_switched_off() -> None:
    assert load(UPSTREAM).upstreams["openai"].breaker == Breaker(failures=5, open_for=30, probes=3)
    assert load(UPSTREAM + "breaker = { open_for = 1 }").upstreams["openai"].breaker == Breaker(open_for=1)
    assert load(UPSTREAM + "breaker = false").upstreams["openai"].breaker is False


UPSTREAM = '[upstreams.openai]\nbase_url = "https://api.openai.com/v1"\n'


@pytest.mark.parametrize(
    ("text", "key", "hint"),
    [
        ("prot = 1", "prot", "known here: aliases, jobs, log, models, outbound, server, store, upstreams"),
        ("[servers]\nport = 1", "servers", "did you mean 'server'?"),
        ("[server]\nprot = 1", "server.prot", "did you mean 'port'?"),
        ("[server]\nzzz = 1", "server.zzz", "known here: body_timeout, "),
        ("[upstreams.openai]\nbaseurl = 'x'", "upstreams.openai.baseurl", "did you mean 'base_url'?"),
        ("[upstreams.openai.timeouts]\nfirst = 1", "upstreams.openai.timeouts.first", "did you mean 'first_byte'?"),
        ("[upstreams.openai.breaker]\nopen = 1", "upstreams.openai.breaker.open", "did you mean 'open_for'?"),
        ("[models.fast]\nfallbacks = []", "models.fast.fallbacks", "did you mean 'fallback'?"),
        ("[models.'gpt-*'.timeouts]\nidel = 1", "models.gpt-*.timeouts.idel", "did you mean 'idle'?"),
        ("[aliases.github]\ncredentials = 'x'", "aliases.github.credentials", "did you mean 'credential'?"),
        (
            "[aliases.github.timeouts]\nx = 1",
            "aliases.github.timeouts.x",
            "known here: connect, first_byte, idle, total",
        ),
        ("[store]\nuri = 'x'", "store.uri", "did you mean 'url'?"),
        ("[log]\nlevle = 'x'", "log.levle", "did you mean 'level'?"),
    ],
)
def test_an_unknown_key_is_named_and_the_right_one_suggested(text: str, key: str, hint: str) -> None:
    error = fault(text)
    assert (error.key, error.message) == (key, "unknown key")
    assert error.hint.startswith(hint)
    assert str(error) == f"{key}: unknown key ({error.hint})"


@pytest.mark.parametrize(
    ("text", "key", "message"),
    [
        ("server = 5", "server", "expected 'object', got 'int'"),
        ("upstreams = []", "upstreams", "expected 'object', got 'array'"),
        ("[server]\nport = 'x'", "server.port", "expected 'int', got 'str'"),
        ("[server]\nport = 1.5", "server.port", "expected 'int', got 'float'"),
        ("[server]\nport = true", "server.port", "expected 'int', got 'bool'"),
        ("[server]\nmetrics_public = 'yes'", "server.metrics_public", "expected 'bool', got 'str'"),
        ("[server]\nport = {a = 1}", "server.port", "expected 'int', got 'object'"),
        (UPSTREAM + "[upstreams.vllm]\ndirect = true", "upstreams.vllm", "missing required field 'base_url'"),
        ("upstreams = {vllm = 'http://x'}", "upstreams.vllm", "expected 'object', got 'str'"),
        (UPSTREAM + "[upstreams.vllm]\nbase_url = 1", "upstreams.vllm.base_url", "expected 'str', got 'int'"),
        (UPSTREAM + "dialects = ['chat', 'x']", "upstreams.openai.dialects[1]", "invalid enum value 'x'"),
        (UPSTREAM + "dialects = 'chat'", "upstreams.openai.dialects", "expected 'array', got 'str'"),
        (UPSTREAM + "network = 'all'", "upstreams.openai.network", "invalid enum value 'all'"),
        (UPSTREAM + "breaker = { failures = 0 }", "upstreams.openai.breaker.failures", "expected 'int' >= 1"),
        (UPSTREAM + "allow_cidrs = [1]", "upstreams.openai.allow_cidrs[0]", "expected 'str', got 'int'"),
        (UPSTREAM + "timeouts = 5", "upstreams.openai.timeouts", "expected 'object', got 'int'"),
        (UPSTREAM + "timeouts = {idle = '5'}", "upstreams.openai.timeouts.idle", "expected 'float', got 'str'"),
        (UPSTREAM + "[models]\nfast = 5", "models.fast", "expected 'str | object', got 'int'"),
        (UPSTREAM + "[models]\nfast = {model = 'x'}", "models.fast", "missing required field 'upstream'"),
        (UPSTREAM + "[models]\n'a.b' = {upstream = 1}", "models.a.b.upstream", "expected 'str', got 'int'"),
        (UPSTREAM + "[aliases.x]\ntags = 'a'", "aliases.x.tags", "expected 'array', got 'str'"),
        (QUIRKS + "{tool_images = 'x'}", "upstreams.openai.quirks.tool_images", "invalid enum value 'x'"),
        (QUIRKS + "{merge_system = 'x'}", "upstreams.openai.quirks.merge_system", "expected 'bool', got 'str'"),
        (QUIRKS + "{default_max_tokens = 0}", "upstreams.openai.quirks.default_max_tokens", "must be more than 0"),
        (QUIRKS + "{efforts = [1]}", "upstreams.openai.quirks.efforts[0]", "expected 'str', got 'int'"),
        (QUIRKS + "{tool_image = 'lift'}", "upstreams.openai.quirks.tool_image", "unknown quirk"),
        (QUIRKS + "{names = {a = 1}}", "upstreams.openai.quirks[...]", "expected 'bool | int | str | array'"),
        ("[store]\nstrict = 1", "store.strict", "expected 'bool', got 'int'"),
        ("[log]\nlevel = 'loud'", "log.level", "invalid enum value 'loud'"),
    ],
)
def test_a_value_of_another_type_is_named(text: str, key: str, message: str) -> None:
    error = fault(text)
    assert error.key == key
    assert message in error.message


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


def test_an_upstream_that_was_probably_meant_is_suggested() -> None:
    assert fault(UPSTREAM + "[models]\nfast = 'opena'").hint == "did you mean 'openai'?"
    assert fault(UPSTREAM + "[models]\nfast = 'xyz'").hint == "define [upstreams.xyz]"


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


LAYERS = [
    Layer("default", {"server": {"port": 1, "drain": 1.0}}),
    Layer("file /x", tomllib.loads("[server]\nport = 2\nhost = 'a'\n" + UPSTREAM + "[models]\nfast = 'openai'")),
    Layer("environment", {"server": {"port": "3"}, "upstreams": {"openai": {"direct": "true"}}}, lax=True),
    Layer("flag", {"server": {"host": "b"}}),
]


def test_a_higher_layer_wins_key_by_key_and_is_shown_as_the_origin() -> None:
    loaded = parse(LAYERS)
    server = loaded.config.server
    assert (server.port, server.host, server.drain) == (3, "b", 1.0)
    assert loaded.config.upstreams["openai"].direct
    assert loaded.origins == {
        "server.port": "environment",
        "server.drain": "default",
        "server.host": "flag",
        "upstreams.openai.base_url": "file /x",
        "upstreams.openai.direct": "environment",
        "models.fast": "file /x",
    }


def test_layers_are_not_changed_by_being_merged() -> None:
    before = [msgspec.json.encode(layer.values) for layer in LAYERS]
    parse(LAYERS)
    parse(LAYERS)
    assert [msgspec.json.encode(layer.values) for layer in LAYERS] == before


def test_a_list_is_replaced_as_a_whole() -> None:
    low = {"aliases": {"x": {"base_url": "http://x", "tags": ["a", "b"]}}}
    high = {"aliases": {"x": {"tags": ["c"]}}}
    assert parse([Layer("a", low), Layer("b", high)]).config.aliases["x"].tags == ("c",)
    assert parse([Layer("a", low)]).config.aliases["x"].tags == ("a", "b")


def test_a_table_and_a_plain_value_replace_one_another_with_their_origins() -> None:
    upstreams = {"a": {"base_url": "http://a"}, "b": {"base_url": "http://b"}}
    table = Layer("table", {"upstreams": upstreams, "models": {"m": {"upstream": "a", "model": "x"}}})
    plain = Layer("plain", {"upstreams": upstreams, "models": {"m": "b"}})

    loaded = parse([table, plain])
    assert loaded.config.models == {"m": "b"}
    assert [(key, origin) for key, origin in loaded.origins.items() if key.startswith("models")] == [
        ("models.m", "plain")
    ]
    loaded = parse([plain, table])
    assert loaded.config.routes()["m"] == Route((Target("a", "x"),))
    assert {key for key in loaded.origins if key.startswith("models")} == {"models.m.upstream", "models.m.model"}


def test_a_fault_of_a_lower_layer_is_found_even_if_a_higher_one_is_sound() -> None:
    with pytest.raises(ConfigError, match=r"server\.prot"):
        parse([Layer("file", {"server": {"prot": 1}}), Layer("flag", {"server": {"port": 1}})])


def test_the_environment_sets_values_of_every_type() -> None:
    values = {
        "server": {"port": "9", "drain": "0.5", "metrics_public": "true", "host": "::1"},
        "upstreams": {"x": {"base_url": "http://x", "allow_cidrs": '["10.0.0.0/8"]', "timeouts": {"idle": "3"}}},
        "models": {"m": "x/y"},
    }
    loaded = parse([Layer("environment", values, lax=True)]).config
    assert (loaded.server.port, loaded.server.drain, loaded.server.metrics_public) == (9, 0.5, True)
    assert loaded.upstreams["x"].timeouts.idle == 3
    assert loaded.models == {"m": "x/y"}
    with pytest.raises(ConfigError, match=r"server\.port: expected 'int', got 'str'"):
        parse([Layer("environment", {"server": {"port": "many"}}, lax=True)])


def test_an_endpoint_may_be_checked_on_its_own() -> None:
    check_endpoint("x", "https://api.example.com", "none", ())
    with pytest.raises(ConfigError) as caught:
        check_endpoint("upstreams.x", "nonsense", "none", ())
    assert caught.value.key == "upstreams.x.base_url"


def conforms(value: Any, rule: dict[str, Any], root: dict[str, Any]) -> bool:
    """Whether `value` is what `rule` of the JSON Schema `root` asks for, by the words that msgspec writes."""
    known = {
        "$ref", "$defs", "anyOf", "type", "enum", "properties", "required", "additionalProperties", "items", "title",
        "default", "description",
    }  # fmt: skip
    assert set(rule) <= known, set(rule) - known
    if "$ref" in rule:
        return conforms(value, root["$defs"][rule["$ref"].rpartition("/")[2]], root)
    if "anyOf" in rule:
        return any(conforms(value, option, root) for option in rule["anyOf"])
    if "enum" in rule:
        return value in rule["enum"]
    match rule.get("type"):
        case "object":
            return isinstance(value, dict) and _object_conforms(value, rule, root)
        case "array":
            return isinstance(value, list) and all(conforms(item, rule["items"], root) for item in value)
        case "integer" | "number" as kind:
            return isinstance(value, int if kind == "integer" else int | float) and not isinstance(value, bool)
        case kind:
            return isinstance(value, {"string": str, "boolean": bool, "null": type(None)}[str(kind)])


def _object_conforms(value: dict[str, Any], rule: dict[str, Any], root: dict[str, Any]) -> bool:
    properties, others = rule.get("properties", {}), rule.get("additionalProperties", True)
    if not set(rule.get("required", ())) <= set(value):
        return False
    for name, item in value.items():
        inner = properties.get(name, others)
        if inner is False or (isinstance(inner, dict) and not conforms(item, inner, root)):
            return False
    return True


def test_the_published_schema_is_that_of_the_configuration() -> None:
    published = schema()
    assert conforms(tomllib.loads(EXAMPLE), published, published)
    assert conforms({}, published, published)
    for wrong in (
        "prot = 1", "[server]\nprot = 1", "[server]\nport = 'x'", "[upstreams.x]", "[log]\nlevel = 'loud'",
        "models = []", UPSTREAM + "network = 'all'", UPSTREAM + "[models]\nfast = 5", UPSTREAM + "timeouts = {x = 1}",
        QUIRKS + "{tool_images = 'x'}", QUIRKS + "{tool_image = 'lift'}",
    ):  # fmt: skip
        assert not conforms(tomllib.loads(wrong), published, published), wrong


def test_an_upstream_has_the_quirks_of_its_profile_and_its_own() -> None:
    text = "profile = 'vllm'\nquirks = {tool_images = 'reject', efforts = ['low'], top_k = false}"
    upstream = load(UPSTREAM + text).upstreams["openai"]
    changed = {"tool_images": "reject", "efforts": ("low",), "top_k": False}
    assert upstream.adapted("x") == msgspec.structs.replace(PROFILES["vllm"], **changed)
    assert load(UPSTREAM).upstreams["openai"].adapted("x") is PROFILES["openai"]
    environment = Layer("environment", {"upstreams": {"openai": {"quirks": {"merge_system": "true"}}}}, lax=True)
    both = parse([Layer("file", tomllib.loads(UPSTREAM + text)), environment]).config.upstreams["openai"].adapted("x")
    assert (both.merge_system, both.tool_images) == (True, "reject")


def test_what_a_route_says_holds_for_what_stands_in_for_it() -> None:
    route = load(UPSTREAM + "[models]\nfast = {upstream = 'openai', allow_unknown = true, fallback = ['openai/x']}")
    assert [target.allow_unknown for target in route.routes()["fast"].targets] == [True, True]


def test_a_configuration_cannot_be_changed_once_it_stands() -> None:
    with pytest.raises(AttributeError):
        Config().server.port = 1  # type: ignore[misc]


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
