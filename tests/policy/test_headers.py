import msgspec
import pytest

from dragoman.errors import GatewayError
from dragoman.policy.headers import (
    CALLER_CREDENTIALS,
    HOP_BY_HOP,
    MODEL_BACK,
    MODEL_PASS,
    RequestRule,
    ResponseRule,
    check_rules,
    response,
    value_of,
)
from dragoman.policy.resources import HeaderRules, Preset
from dragoman.policy.resources import Headers as HeaderSettings


def allowing(*patterns: str, credentials: bool = False) -> RequestRule:
    rules = HeaderRules(passthrough="allowlist", passthrough_allowlist=patterns)
    return RequestRule(rules, credentials=credentials)


GENERIC = RequestRule(HeaderRules())
EVERYTHING = RequestRule(HeaderRules(passthrough="all"))

# RFC 9110, 7.6.1, and the Proxy- fields of RFC 9110, 11.7 and of old.
HOPS = (
    b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade",
    b"proxy-authenticate", b"proxy-authorization",
)  # fmt: skip

NEVER_OUT = (
    *HOPS, b"host", b"content-length", b"expect", b"cookie", b"set-cookie", b"via", b"x-request-id", b"authorization",
    b"x-api-key", b"api-key", b"x-goog-api-key", b"x-dragoman-key", b"x-dragoman-anything", b"x-oagw-target-host",
    b"x-oagw-error-source", b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"x-real-ip",
    b"client-ip", b"x-client-ip", b"true-client-ip", b"cf-connecting-ip", b"x-cluster-client-ip",
    b"x-original-forwarded-for", b"fastly-client-ip",
)  # fmt: skip


def passed(rule: RequestRule, *names: bytes) -> list[bytes]:
    return [name for name, _ in rule.apply([(name, b"x") for name in names])]


@pytest.mark.parametrize("name", NEVER_OUT)
def test_some_headers_never_go_out_whatever_is_configured(name: bytes) -> None:
    for rule in (EVERYTHING, allowing(name.decode()), allowing("*"), GENERIC):
        assert passed(rule, name) == []


def test_hop_by_hop_fields_are_those_of_the_rfc() -> None:
    assert set(HOPS) == HOP_BY_HOP


@pytest.mark.parametrize(
    "name",
    [
        b"accept", b"accept-encoding", b"accept-language", b"cache-control", b"content-type", b"content-encoding",
        b"content-language", b"if-none-match", b"if-modified-since", b"range", b"prefer", b"user-agent",
        b"last-event-id", b"idempotency-key", b"traceparent", b"tracestate", b"openai-beta", b"anthropic-version",
        b"x-github-api-version", b"x-stainless-lang",
    ],
)  # fmt: skip
def test_what_rest_clients_and_sdks_need_passes_by_default(name: bytes) -> None:
    assert passed(GENERIC, name) == [name]


@pytest.mark.parametrize("name", [b"x-custom", b"origin", b"referer", b"x-auth-scheme", b"accepted", b"xaccept", b"if"])
def test_anything_else_passes_only_where_it_is_configured(name: bytes) -> None:
    assert passed(GENERIC, name) == []
    assert passed(EVERYTHING, name) == [name]
    assert passed(allowing(name.decode().upper()), name) == [name]


def test_without_passthrough_only_what_a_body_means_and_the_trace_go_on() -> None:
    rule = RequestRule(HeaderRules(passthrough="none", passthrough_allowlist=("accept",)))
    names = (b"accept", b"content-type", b"content-encoding", b"content-language", b"traceparent", b"tracestate")
    assert passed(rule, *names) == [b"content-type", b"content-encoding", b"traceparent", b"tracestate"]


@pytest.mark.parametrize(
    ("preset", "passing", "stopping"),
    [
        ("openai", (b"openai-organization", b"x-client-request-id", b"x-stainless-os"), (b"anthropic-beta",)),
        ("anthropic", (b"anthropic-version", b"x-stainless-os"), (b"openai-beta", b"x-github-media-type")),
        ("github", (b"x-github-api-version", b"if-none-match"), (b"openai-beta", b"x-stainless-os")),
    ],
)
def test_a_preset_passes_what_its_provider_reads(
    preset: Preset, passing: tuple[bytes, ...], stopping: tuple[bytes, ...]
) -> None:
    rule = RequestRule(HeaderRules(passthrough_allowlist=("x-mine",)), preset)
    assert passed(rule, *passing, *stopping, b"accept", b"x-mine") == [*passing, b"accept", b"x-mine"]


def test_headers_are_removed_then_set_then_added() -> None:
    rules = HeaderRules(set={"X-Set": "1", "Accept": "text/csv"}, add={"X-Set": "2"}, remove=("User-Agent", "x-gone"))
    headers = [(b"accept", b"a"), (b"user-agent", b"u"), (b"x-set", b"0"), (b"x-gone", b"g"), (b"x-kept", b"k")]
    edited = [(b"x-kept", b"k"), (b"x-set", b"1"), (b"accept", b"text/csv"), (b"x-set", b"2")]
    everything = msgspec.structs.replace(rules, passthrough="all")
    assert RequestRule(everything).apply(headers) == edited
    assert ResponseRule(rules).apply(headers) == edited


def test_an_answer_may_be_told_to_pass_less() -> None:
    headers = [(b"content-type", b"t"), (b"content-length", b"0"), (b"etag", b"e"), (b"x-other", b"o")]
    assert ResponseRule(HeaderRules()).apply(headers) == headers
    assert ResponseRule(HeaderRules(passthrough="none")).apply(headers) == headers[:2]
    allowed = HeaderRules(passthrough="allowlist", passthrough_allowlist=("ETag",))
    assert ResponseRule(allowed).apply(headers) == headers[:3]


@pytest.mark.parametrize(
    "name", ["Connection", "Host", "Via", "X-Request-ID", "X-OAGW-Error-Source", "Sec-WebSocket-Key"]
)
@pytest.mark.parametrize("member", ["set", "add", "remove"])
@pytest.mark.parametrize("way", ["request", "response"])
def test_no_rule_changes_what_is_the_gateways_own(name: str, member: str, way: str) -> None:
    rules = msgspec.convert({way: {member: [name] if member == "remove" else {name: "x"}}}, HeaderSettings)
    with pytest.raises(GatewayError) as caught:
        check_rules(rules)
    assert caught.value.param == f"headers.{way}.{member}"


def test_a_credential_is_no_matter_of_header_rules() -> None:
    with pytest.raises(GatewayError, match="give the upstream one"):
        check_rules(HeaderSettings(request=HeaderRules(set={"Authorization": "Bearer x"})))
    check_rules(HeaderSettings(request=HeaderRules(remove=("authorization",), set={"x-api": "1"})))


def test_a_pattern_is_a_glob_over_the_whole_name() -> None:
    rule = allowing("x-a-*", "x-b?", "x-[cd]")
    assert passed(rule, b"x-a-", b"x-a-1", b"x-a", b"x-b1", b"x-b12", b"x-c", b"x-e", b"my-x-a-1") == [
        b"x-a-",
        b"x-a-1",
        b"x-b1",
        b"x-c",
    ]


def test_order_repeats_and_values_are_kept() -> None:
    headers = [(b"accept", b"a"), (b"x-no", b""), (b"accept", b"b \xff"), (b"range", b"")]
    assert GENERIC.apply(headers) == [(b"accept", b"a"), (b"accept", b"b \xff"), (b"range", b"")]
    assert GENERIC.apply(iter(headers)) == GENERIC.apply(headers)


def test_what_connection_names_ends_with_it() -> None:
    headers = [
        (b"accept", b"a"),
        (b"connection", b"close, X-Secret , accept-language"),
        (b"x-secret", b"s"),
        (b"accept-language", b"de"),
        (b"connection", b"range"),
        (b"range", b"bytes=0-"),
    ]
    assert EVERYTHING.apply(headers) == [(b"accept", b"a")]


def test_the_callers_own_credentials_pass_only_where_the_upstream_takes_them() -> None:
    names = sorted(CALLER_CREDENTIALS)
    assert passed(EVERYTHING, *names) == []
    assert passed(allowing("accept", credentials=True), *names, b"x-dragoman-key", b"cookie", b"accept") == [
        *names,
        b"accept",
    ]


def test_what_is_remembered_of_names_is_bounded_and_changes_no_verdict() -> None:
    rule = allowing("x-even-*")
    for number in range(1000):
        parity = b"x-even-" if number % 2 == 0 else b"x-odd-"
        name = parity + b"%d" % number
        for _ in range(2):
            assert passed(rule, name) == ([name] if number % 2 == 0 else [])
    assert len(rule._known) <= 256


@pytest.mark.parametrize(
    "name",
    [
        *HOPS, b"set-cookie", b"x-request-id", b"date", b"server", b"x-oagw-error-source", b"x-dragoman-loss",
        b"x-ratelimit-remaining", b"alt-svc", b"strict-transport-security",
    ],
)  # fmt: skip
def test_what_an_upstream_says_of_itself_or_in_our_name_does_not_come_back(name: bytes) -> None:
    assert response([(name, b"x"), (b"content-type", b"a/b")]) == [(b"content-type", b"a/b")]


def test_the_rest_of_an_answer_comes_back_as_it_is() -> None:
    headers = [
        (b"content-type", b"a/b"), (b"content-length", b"3"), (b"etag", b'"x"'), (b"location", b"/y"),
        (b"link", b"<z>"), (b"retry-after", b"1"), (b"www-authenticate", b"Basic"), (b"x-custom", b"\xff"),
        (b"x-custom", b""), (b"vary", b"accept"), (b"content-encoding", b"gzip"),
    ]  # fmt: skip
    assert response(headers) == headers


def test_what_the_upstreams_connection_names_does_not_come_back() -> None:
    headers = [(b"connection", b"X-Hop"), (b"x-hop", b"1"), (b"etag", b"1")]
    assert response(headers) == [(b"etag", b"1")]


def test_model_calls_pass_no_credential_and_nothing_of_a_hop() -> None:
    assert not (MODEL_PASS | MODEL_BACK) & {*NEVER_OUT, *CALLER_CREDENTIALS}
    assert b"openai-beta" in MODEL_PASS
    assert b"retry-after" in MODEL_BACK


def test_the_first_value_of_a_header_is_found() -> None:
    headers = [(b"a", b"1"), (b"b", b"2"), (b"a", b"3")]
    assert (value_of(headers, b"a"), value_of(headers, b"c"), value_of([], b"a")) == (b"1", None, None)
