from typing import Any

import msgspec
import pytest

from dragoman import errors
from dragoman.errors import GatewayError
from dragoman.policy.auth import (
    ClientCredentials,
    Token,
    parse,
    parse_discovery,
    parse_token,
    refusal,
    token_request,
)
from dragoman.policy.credentials import CredentialRule, reveal
from dragoman.policy.resources import Auth

GRANT = ClientCredentials("https://id.example.com/token", "", "env:ID", "env:SECRET")
OAUTH: dict[str, Any] = {"type": "oauth2", "client_id_ref": "env:ID", "client_secret_ref": "env:SECRET"}


@pytest.mark.parametrize(
    ("auth", "rule"),
    [
        (Auth(), CredentialRule()),
        (Auth(type="bearer", secret_ref="env:K"), CredentialRule("bearer", references=("env:K",))),
        (
            Auth(type="basic", username_ref="env:U", password_ref="file:/p"),
            CredentialRule("basic", references=("env:U", "file:/p")),
        ),
        (
            Auth(type="api_key", header="X-Key", prefix="Key ", secret_ref="env:K"),
            CredentialRule("header", "X-Key", ("env:K",), "Key "),
        ),
        (Auth(type="api_key", query="key", secret_ref="env:K"), CredentialRule("query", "key", ("env:K",))),
        (Auth(**OAUTH, token_endpoint="https://id.example.com/token"), GRANT),
        (
            Auth(**OAUTH, issuer_url="https://id.example.com/", client_auth="basic", scopes=("a", "b")),
            ClientCredentials("", "https://id.example.com", "env:ID", "env:SECRET", "basic", ("a", "b")),
        ),
    ],
)
def test_every_type_says_what_to_send(auth: Auth, rule: object) -> None:
    assert parse(auth) == rule


def test_a_key_goes_behind_its_prefix_and_is_known_by_itself() -> None:
    rule = parse(Auth(type="api_key", header="X-Key", prefix="Key ", secret_ref="env:K"))
    assert isinstance(rule, CredentialRule)
    credential = reveal(rule, {"env:K": "s3cret"}.__getitem__)
    assert credential.header == ("X-Key", "Key s3cret")
    assert credential.redact(b"s3cret") == b"[redacted]"


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"type": "bearer"}, "secret_ref"),
        ({"type": "bearer", "secret_ref": "sk-pasted-by-mistake"}, "secret_ref"),
        ({"type": "bearer", "secret_ref": "env:K", "query": "k"}, "query"),
        ({"type": "none", "secret_ref": "env:K"}, "secret_ref"),
        ({"type": "basic", "username_ref": "env:U"}, "password_ref"),
        ({"type": "api_key", "header": "Host", "secret_ref": "env:K"}, "header"),
        ({"type": "api_key", "query": "a b", "secret_ref": "env:K"}, "query"),
        ({"type": "api_key", "query": "k", "prefix": "Key ", "secret_ref": "env:K"}, "prefix"),
        ({"type": "api_key", "prefix": "a\r\nb: ", "secret_ref": "env:K"}, "prefix"),
        (OAUTH, "token_endpoint"),
        ({**OAUTH, "token_endpoint": "https://a/t", "issuer_url": "https://a"}, "token_endpoint"),
        ({**OAUTH, "token_endpoint": "ftp://a/t"}, "token_endpoint"),
        ({**OAUTH, "issuer_url": "https://user@a"}, "issuer_url"),
        ({**OAUTH, "token_endpoint": "https://a/t", "client_id_ref": ""}, "client_id_ref"),
    ],
)
def test_what_does_not_fit_together_is_refused_by_its_member(members: dict[str, Any], param: str) -> None:
    with pytest.raises(GatewayError) as refused:
        parse(msgspec.convert(members, Auth))
    assert refused.value.kind is errors.INVALID_REQUEST
    assert refused.value.param == param
    assert "pasted" not in refused.value.message


def test_the_form_carries_the_client() -> None:
    headers, body = token_request(GRANT, "me", "s&c")
    assert body == b"grant_type=client_credentials&client_id=me&client_secret=s%26c"
    assert b"authorization" not in headers


def test_basic_escapes_both_parts_before_it_encodes_them() -> None:
    grant = msgspec.structs.replace(GRANT, client_auth="basic", scopes=("read", "write"))
    headers, body = token_request(grant, "me:2", "s&c")
    assert headers[b"authorization"] == b"Basic bWUlM0EyOnMlMjZj"
    assert body == b"grant_type=client_credentials&scope=read+write"


@pytest.mark.parametrize(
    ("expires_in", "lifetime"),
    [
        ("3600", 300.0),
        ("200", 170.0),
        ("30", 0.0),
        ("1", 0.0),
        ('"100"', 70.0),
        ("null", 300.0),
        ("-5", 0.0),
        ('"nan"', 0.0),
    ],
)
def test_a_token_is_kept_for_less_than_it_lives(expires_in: str, lifetime: float) -> None:
    body = f'{{"access_token":"t","token_type":"bearer","expires_in":{expires_in}}}'
    assert parse_token(body.encode()) == Token("t", lifetime)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b'{"access_token":"canary"}',
        b'{"access_token":"canary","token_type":"mac"}',
        b'{"access_token":"canary\\r\\nx: y","token_type":"bearer"}',
        b'{"access_token":"","token_type":"bearer"}',
        b'{"access_token":"canary","token_type":"bearer","expires_in":"soon"}',
    ],
)
def test_anything_but_a_bearer_token_is_refused_without_being_quoted(body: bytes) -> None:
    with pytest.raises(GatewayError) as refused:
        parse_token(body)
    assert refused.value.kind is errors.AUTH_FAILED
    assert "canary" not in refused.value.message


@pytest.mark.parametrize(
    ("status", "body", "kind", "said"),
    [
        (401, b'{"error":"invalid_client","error_description":"canary"}', errors.AUTH_FAILED, "'invalid_client'"),
        (400, b'{"error":"canary"}', errors.AUTH_FAILED, "400"),
        (302, b"canary", errors.AUTH_FAILED, "302"),
        (429, b"canary", errors.DOWNSTREAM_ERROR, "429"),
        (503, b"canary", errors.DOWNSTREAM_ERROR, "503"),
    ],
)
def test_a_refusal_is_ours_and_a_failure_can_be_repeated(
    status: int, body: bytes, kind: errors.ErrorKind, said: str
) -> None:
    error = refusal(status, body)
    assert error.kind is kind
    assert said in error.message and "canary" not in error.message


def test_an_issuer_tells_where_tokens_are() -> None:
    body = b'{"issuer":"https://id.example.com/","token_endpoint":"https://t.example.com/t"}'
    assert parse_discovery("https://id.example.com", 200, body) == "https://t.example.com/t"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, b"{}"),
        (200, b"{}"),
        (200, b'{"issuer":"https://other.example.com","token_endpoint":"https://t.example.com/t"}'),
        (200, b'{"issuer":"https://id.example.com","token_endpoint":"http://t.example.com/t"}'),
        (200, b'{"issuer":"https://id.example.com","token_endpoint":"https://user@t.example.com/t"}'),
    ],
)
def test_another_issuers_document_and_a_plain_endpoint_are_refused(status: int, body: bytes) -> None:
    with pytest.raises(GatewayError) as refused:
        parse_discovery("https://id.example.com", status, body)
    assert refused.value.kind is errors.AUTH_FAILED


def test_a_token_is_kept_apart_by_tenant_and_by_every_word_of_its_grant() -> None:
    other = [msgspec.structs.replace(GRANT, **change) for change in (
        {"client_id_ref": "env:ID2"}, {"client_auth": "basic"}, {"scopes": ("a",)}, {"token_endpoint": "https://b/t"},
    )]  # fmt: skip
    keys = {GRANT.key("a"), GRANT.key("b"), *(grant.key("a") for grant in other)}
    assert len(keys) == 2 + len(other)


def test_no_repr_shows_a_token_or_where_secrets_are() -> None:
    assert "canary" not in repr(Token("canary", 1.0))
    assert "env:" not in repr(GRANT)
