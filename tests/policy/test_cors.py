import pytest

from dragoman import errors
from dragoman.errors import ErrorKind, GatewayError
from dragoman.policy.cors import CorsRule, without
from dragoman.policy.resources import Cors

PAGE = b"https://app.example.com"


def rule(**members: object) -> CorsRule:
    made = CorsRule.of(Cors(enabled=True, origins=(PAGE.decode(),), **members))  # type: ignore[arg-type]
    assert made is not None
    return made


def test_a_rule_that_is_off_is_none() -> None:
    assert CorsRule.of(Cors(origins=("*",))) is None


@pytest.mark.parametrize(
    "origin",
    [
        b"https://app.example.com:8443", b"http://app.example.com", b"https://example.com", b"https://APP.example.com",
        b"https://app.example.com/", b"https://app.example.com.evil.com", b"null", b"", b"*", b"\xff",
    ],
)  # fmt: skip
def test_an_origin_is_allowed_exactly(origin: bytes) -> None:
    rule().check(PAGE, "GET")
    with pytest.raises(GatewayError) as refused:
        rule().check(origin, "GET")
    assert refused.value.kind is errors.CORS_ORIGIN_NOT_ALLOWED


def test_a_preflight_gets_back_what_it_asked_for() -> None:
    asked = b"Authorization, content-type"
    assert rule(max_age=60).preflight(PAGE, b"POST", asked) == {
        b"vary": b"Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
        b"access-control-allow-origin": PAGE,
        b"access-control-allow-methods": b"POST",
        b"access-control-allow-headers": asked,
        b"access-control-max-age": b"60",
    }
    assert b"access-control-allow-headers" not in rule().preflight(PAGE, b"GET", None)


@pytest.mark.parametrize(
    ("method", "asked", "kind"),
    [
        (b"TRACE", None, errors.CORS_METHOD_NOT_ALLOWED),
        (b"get", None, errors.CORS_METHOD_NOT_ALLOWED),
        (b"GET", b"x-other", errors.CORS_HEADER_NOT_ALLOWED),
        (b"GET", b"authorization,,content-type", errors.CORS_HEADER_NOT_ALLOWED),
    ],
)
def test_a_preflight_for_more_is_refused(method: bytes, asked: bytes | None, kind: ErrorKind) -> None:
    with pytest.raises(GatewayError) as refused:
        rule().preflight(PAGE, method, asked)
    assert refused.value.kind is kind


def test_credentials_name_their_origin_and_a_wildcard_does_not() -> None:
    with_credentials = rule(credentials=True).answer(PAGE)
    assert with_credentials == {
        b"access-control-allow-origin": PAGE,
        b"access-control-allow-credentials": b"true",
    }
    anybody = CorsRule.of(Cors(enabled=True, origins=("*",), headers=("*",), expose=("x-request-id", "etag")))
    assert anybody is not None
    assert anybody.answer(b"https://else.example.com") == {
        b"access-control-allow-origin": b"*",
        b"access-control-expose-headers": b"x-request-id, etag",
    }
    assert anybody.preflight(PAGE, b"GET", b"x-any")[b"access-control-allow-headers"] == b"x-any"


def test_what_an_upstream_says_to_other_origins_ends_here() -> None:
    given = [(b"access-control-allow-origin", b"*"), (b"etag", b"1")]
    assert without(given) == [(b"etag", b"1")]
