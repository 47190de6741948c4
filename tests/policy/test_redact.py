import base64
import json

import pytest

from dragoman.policy.keys import mint
from dragoman.policy.redact import REDACTED, Secret, fields, text

CANARY = "canary-7f3a9c1e5b"
TOKEN = mint(b"\x07" * 32)
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"


def test_a_secret_shows_itself_only_when_asked_by_name() -> None:
    secret = Secret(CANARY)
    shown = f"{secret} {secret!r} {secret!s} {[secret]} { ({'k': secret}) }" + "%s" % secret + format(secret)  # noqa: UP031
    assert CANARY not in shown
    assert secret.reveal() == CANARY


def test_secrets_are_compared_by_value_and_with_nothing_else() -> None:
    assert Secret("a") == Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2


@pytest.mark.parametrize(
    "secret",
    [
        "sk-proj-abcdefgh12345678",
        "sk-ant-api03-abcdefgh12345678",
        TOKEN,
        "pk_live_abcdefgh12345678",
        "rk_live_abcdefgh12345678",
        "ghp_abcdefgh12345678",
        "gho_abcdefgh12345678",
        "ghs_abcdefgh12345678",
        "ghu_abcdefgh12345678",
        "github_pat_abcdefgh12345678",
        "glpat-abcdefgh12345678",
        "gsk_abcdefgh12345678",
        "hf_abcdefgh12345678",
        "xai-abcdefgh12345678",
        "pplx-abcdefgh12345678",
        "xoxb-12345678-abcdefgh",
        "AKIAABCDEFGHIJKLMNOP",
        "AIzaSyA1234567890abcdefghijklmnopqrstuv",
        JWT,
    ],
)
def test_what_has_the_shape_of_a_credential_is_blanked_wherever_it_stands(secret: str) -> None:
    for around in (
        "%s", "the key %s is wrong", '{"key":"%s"}', "key=%s&x=1", "(%s)", "token_%s", "Bearer %s", "a:%s,b", "%s.",
    ):  # fmt: skip
        shown = text(around % secret)
        assert REDACTED in shown
        assert secret[4:] not in shown


@pytest.mark.parametrize(
    ("value", "secret"),
    [
        (f"Authorization: Bearer {CANARY}", CANARY),
        (f"authorization: bearer   {CANARY}", CANARY),
        ("Basic " + base64.b64encode(b"aladdin:opensesame").decode(), "YWxhZGRpbjpvcGVuc2VzYW1l"),
        (f"postgresql://dragoman:{CANARY}@db.internal:5432/x", CANARY),
        (f"redis://:{CANARY}@localhost/0", CANARY),
        (f"GET /v1?key={CANARY}&x=1", CANARY),
        (f"https://a.example/?x=1&api_key={CANARY}", CANARY),
        (f"?access_token={CANARY}", CANARY),
        (f"-----BEGIN PRIVATE KEY-----\n{CANARY}\n-----END PRIVATE KEY-----", CANARY),
    ],
)
def test_what_stands_where_a_credential_stands_is_blanked(value: str, secret: str) -> None:
    assert secret not in text(value)


@pytest.mark.parametrize(
    "harmless",
    [
        "",
        "gpt-4o-mini",
        "The model 'task-force-12345678' does not exist.",
        "claude-sonnet-4-20250514",
        "risk-assessment-model",
        "https://api.openai.com/v1/chat/completions?limit=10&after=x",
        "postgresql://localhost/dragoman",
        "http://host:8080/a@b",
        "req_0123456789abcdef",
        "a basic course in bearer bonds",
        "2025-01-01T00:00:00Z 3fa85f64-5717-4562-b3fc-2c963f66afa6",
        "keyboard=1&monkey=2",
    ],
)
def test_what_is_no_credential_is_left_alone(harmless: str) -> None:
    assert text(harmless) == harmless


@pytest.mark.parametrize(
    "name",
    [
        "authorization", "Authorization", "proxy-authorization", "cookie", "Set-Cookie", "x-api-key", "X_API_KEY",
        "api-key", "apikey", "x-dragoman-key", "x-goog-api-key", "token", "access_token", "refresh-token", "id_token",
        "secret", "client_secret", "password", "passwd", "db_password", "credential", "credentials", "key", "admin_key",
        "private_key", "DRAGOMAN_ADMIN_KEY", "OPENAI_API_KEY", "passphrase",
    ],
)  # fmt: skip
def test_a_field_named_like_a_credential_is_blanked_whatever_it_holds(name: str) -> None:
    for value in (CANARY, CANARY.encode(), 7, [CANARY], {"x": CANARY}, None):
        assert fields({name: value}) == {name: REDACTED}


@pytest.mark.parametrize(
    "name",
    [
        "key_id",
        "tokens",
        "input_tokens",
        "first_token_ms",
        "max_tokens",
        "monkey",
        "keyboard",
        "name",
        "path",
        "secretary",
    ],
)
def test_a_field_of_another_name_is_kept(name: str) -> None:
    assert fields({name: 7}) == {name: 7}


class Odd:
    def __str__(self) -> str:
        return f"Odd(Bearer {CANARY})"


def test_values_are_searched_however_they_are_nested() -> None:
    bearer = f"Bearer {CANARY}"
    event = {
        "a": bearer,
        "b": bearer.encode(),
        "c": [bearer, (bearer, {bearer}), frozenset((bearer,)), bytearray(bearer.encode())],
        "d": {"e": {"password": CANARY}, b"x-api-key": CANARY.encode()},
        "f": Secret(CANARY),
        "g": ValueError(bearer),
        "h": Odd(),
        "headers": [(b"X-Api-Key", CANARY.encode()), ("Cookie", CANARY), (b"accept", b"a/b")],
    }
    shown = fields(event)
    assert CANARY not in repr(shown)
    assert shown["headers"] == [["X-Api-Key", REDACTED], ["Cookie", REDACTED], ["accept", "a/b"]]


def test_numbers_and_nothing_stay_what_they_are() -> None:
    event = {"a": 1, "b": 2.5, "c": True, "d": None, "e": [1, None], "f": {"g": False}}
    assert fields(event) == event


def test_what_is_redacted_can_be_written_as_json() -> None:
    json.dumps(fields({"a": b"\xff", "b": {1, 2}, "c": ValueError("x"), "d": {3: object()}}))
