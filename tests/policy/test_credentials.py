import base64

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman import errors
from dragoman.errors import GatewayError
from dragoman.policy.credentials import Credential, CredentialRule, parse, render, reveal

SECRETS = {
    "env:KEY": "sk-canary-1234567890",
    "env:USER": "aladdin",
    "file:/run/secrets/pass": "open:sesame",
    "env:ODD": 'a"b\\c d&e=f',
    "env:BREAK": "sk-canary\r\nX-Evil: 1",
    "env:ACCENT": "s\u00e9same",
    "env:COLON": "ala:ddin",
}


def credential(text: str) -> Credential:
    return reveal(parse(text), SECRETS.__getitem__)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("bearer env:KEY", CredentialRule("bearer", "", ("env:KEY",))),
        ("  bearer   env:KEY ", CredentialRule("bearer", "", ("env:KEY",))),
        ("header x-api-key env:KEY", CredentialRule("header", "x-api-key", ("env:KEY",))),
        ("query key file:/run/secrets/k", CredentialRule("query", "key", ("file:/run/secrets/k",))),
        ("basic env:USER file:/p", CredentialRule("basic", "", ("env:USER", "file:/p"))),
        ("caller", CredentialRule("caller")),
        ("none", CredentialRule()),
    ],
)
def test_every_form_is_parsed_and_rendered_again(text: str, rule: CredentialRule) -> None:
    assert parse(text) == rule
    assert parse(render(rule)) == rule
    assert render(rule) == " ".join(text.split())


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "is not one of"),
        ("sk-canary-1234567890", "is not one of"),
        ("Bearer env:KEY", "is not one of"),
        ("bearer", "takes 1 words"),
        ("bearer env:A env:B", "takes 1 words"),
        ("basic env:A", "takes 2 words"),
        ("header env:A", "takes 2 words"),
        ("caller env:A", "takes 0 words"),
        ("bearer sk-canary-1234567890", "not the secret"),
        ("bearer value:sk-canary-1234567890", "not the secret"),
        ("bearer env:", "not the secret"),
        ("basic env:A sk-canary-1234567890", "not the secret"),
        ("header x:y env:A", "no header name"),
        ("header Host env:A", "cannot carry"),
        ("header Content-Length env:A", "cannot carry"),
        ("header transfer-encoding env:A", "cannot carry"),
        ("header connection env:A", "cannot carry"),
        ("query a&b env:A", "other characters"),
        ("query a=b env:A", "no query name"),
    ],
)
def test_any_other_form_is_refused_and_never_quotes_a_pasted_secret(text: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault) as caught:
        parse(text)
    assert "canary" not in str(caught.value)


def test_a_bearer_goes_into_authorization() -> None:
    assert credential("bearer env:KEY").header == ("Authorization", "Bearer sk-canary-1234567890")


def test_a_named_header_carries_the_bare_secret() -> None:
    assert credential("header X-Api-Key env:KEY").header == ("X-Api-Key", "sk-canary-1234567890")


def test_basic_joins_user_and_password() -> None:
    header = credential("basic env:USER file:/run/secrets/pass").header
    assert header is not None
    assert header[0] == "Authorization"
    assert base64.b64decode(header[1].removeprefix("Basic ")) == b"aladdin:open:sesame"


@pytest.mark.parametrize(
    ("target", "signed"),
    [
        ("/a", "/a?key=sk-canary-1234567890"),
        ("/a?", "/a?key=sk-canary-1234567890"),
        ("/a?b=c+d&e=%20", "/a?b=c+d&e=%20&key=sk-canary-1234567890"),
        ("/a?key=mine", "/a?key=sk-canary-1234567890"),
        ("/a?x=1&k%65y=mine&y=2&key", "/a?x=1&y=2&key=sk-canary-1234567890"),
        ("/a?keys=1&xkey=2", "/a?keys=1&xkey=2&key=sk-canary-1234567890"),
    ],
)
def test_a_query_credential_is_appended_and_replaces_the_callers_own(target: str, signed: str) -> None:
    assert credential("query key env:KEY").sign(target) == signed


def test_a_query_credential_is_escaped() -> None:
    assert credential("query key env:ODD").sign("/") == "/?key=a%22b%5Cc%20d%26e%3Df"


def test_other_credentials_leave_the_target_alone() -> None:
    for text in ("bearer env:KEY", "caller", "none", "basic env:USER env:KEY", "header a env:KEY"):
        assert credential(text).sign("/a?") == "/a?"


@pytest.mark.parametrize("text", ["bearer env:KEY", "header x-token env:KEY", "query key env:KEY", "none"])
def test_a_callers_keys_do_not_travel_beside_ours(text: str) -> None:
    assert {b"authorization", b"x-api-key", b"api-key", b"x-goog-api-key"} <= credential(text).dropped


def test_a_callers_header_of_the_credentials_name_is_dropped_too() -> None:
    assert b"x-token" in credential("header X-Token env:KEY").dropped


def test_with_caller_the_callers_keys_pass_and_nothing_is_added() -> None:
    found = credential("caller")
    assert (found.header, found.query, found.dropped, found.secrets) == (None, None, frozenset(), ())


@pytest.mark.parametrize(
    ("text", "echoed"),
    [
        ("bearer env:KEY", "sk-canary-1234567890"),
        ("header x env:KEY", "sk-canary-1234567890"),
        ("query key env:KEY", "sk-canary-1234567890"),
        ("query key env:ODD", 'a"b\\c d&e=f'),
        ("query key env:ODD", "a%22b%5Cc%20d%26e%3Df"),
        ("query key env:ODD", "a%22b%5Cc+d%26e%3Df"),
        ("query key env:ODD", msgspec.json.encode('a"b\\c d&e=f')[1:-1].decode()),
        ("basic env:USER file:/run/secrets/pass", "open:sesame"),
        ("basic env:USER file:/run/secrets/pass", "aladdin:open:sesame"),
        ("basic env:USER file:/run/secrets/pass", base64.b64encode(b"aladdin:open:sesame").decode()),
    ],
)
def test_an_echoed_secret_is_blanked_out_wherever_it_stands(text: str, echoed: str) -> None:
    found = credential(text)
    assert found.redact(f"<{echoed}> and {echoed}".encode()) == b"<[redacted]> and [redacted]"


@given(st.binary())
def test_text_without_the_secret_is_left_alone(text: bytes) -> None:
    assert credential("bearer env:KEY").redact(text) == text
    assert credential("none").redact(text) == text


@pytest.mark.parametrize(
    "text", ["bearer env:BREAK", "header x env:BREAK", "bearer env:ACCENT", "basic env:COLON env:KEY"]
)
def test_a_secret_that_cannot_be_sent_is_named_by_its_reference_only(text: str) -> None:
    with pytest.raises(GatewayError, match="holds characters that cannot be sent") as caught:
        credential(text)
    assert caught.value.kind is errors.SECRET_NOT_FOUND
    assert "env:" in caught.value.message
    assert not any(secret in repr(caught.value) for secret in SECRETS.values())


def test_no_repr_shows_a_secret_or_where_it_is() -> None:
    for text in ("bearer env:KEY", "header x-k env:KEY", "query key env:KEY", "basic env:USER file:/run/secrets/pass"):
        shown = repr(parse(text)) + repr(credential(text)) + str(credential(text)) + f"{parse(text)}"
        for secret in (*SECRETS, *SECRETS.values(), "YWxhZGRpb"):
            assert secret not in shown
    assert repr(parse("header x-k env:KEY")) == "CredentialRule(header x-k env:***)"
