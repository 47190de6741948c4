import tomllib
from typing import Any

import msgspec
import pytest

from dragoman.config import Config, Layer, parse, schema
from dragoman.errors import ConfigError
from dragoman.policy.routing import Route, Target, Timeouts
from tests.config.texts import EXAMPLE, LAYERS, QUIRKS, UPSTREAM, fault, load


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


@pytest.mark.parametrize(
    ("text", "key", "hint"),
    [
        (
            "prot = 1",
            "prot",
            "known here: agents, aliases, jobs, log, models, outbound, server, store, tenants, upstreams",
        ),
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
