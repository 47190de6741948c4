"""An `auth` table: which credential it asks for, and the OAuth 2 client credentials grant as it travels.

The grant is RFC 6749, 4.4; where its token endpoint is may be left to OpenID Connect Discovery 1.0. Nothing here
fetches or keeps a token.
"""

import hashlib
from base64 import b64encode
from collections.abc import Mapping
from typing import Final, Literal, NamedTuple
from urllib.parse import quote_plus, urlencode

import msgspec

from dragoman import errors
from dragoman.errors import GatewayError
from dragoman.policy import credentials
from dragoman.policy.credentials import CredentialRule
from dragoman.policy.egress import split_base_url
from dragoman.policy.resources import Auth, invalid

MAX_LIFETIME: Final = 300.0
"""Seconds for which a token is kept at most: one that was taken back is not used for longer."""
MARGIN: Final = 30.0
"""Seconds before its end in which a token is no longer used; one that lives no longer is not kept at all."""
DISCOVERY: Final = "/.well-known/openid-configuration"
_REFUSALS: Final = frozenset(  # RFC 6749 5.2
    ("invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type",
     "invalid_scope")
)  # fmt: skip


class ClientCredentials(msgspec.Struct, frozen=True):
    """How to get a token: references only, never a secret."""

    token_endpoint: str
    issuer_url: str
    client_id_ref: str
    client_secret_ref: str
    client_auth: Literal["form", "basic"] = "form"
    scopes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"ClientCredentials({self.token_endpoint or self.issuer_url} ***)"

    def key(self, tenant: str) -> str:
        """What a token of this grant is kept under: nobody else's is found there."""
        digest = hashlib.sha256(msgspec.json.encode(self)).hexdigest()
        return f"{tenant}:{digest}"


class Token(NamedTuple):
    """A bearer token, and how many seconds it may be kept: none if 0."""

    value: str
    lifetime: float

    def __repr__(self) -> str:
        return f"Token(*** for {self.lifetime:g} s)"


class _Granted(msgspec.Struct):
    access_token: str
    token_type: str
    expires_in: float | str | None = None


class _Refused(msgspec.Struct):
    error: str


class _Discovered(msgspec.Struct):
    issuer: str
    token_endpoint: str


_MEMBERS: Final[Mapping[str, frozenset[str]]] = {
    "none": frozenset(),
    "api_key": frozenset(("header", "query", "prefix", "secret_ref")),
    "basic": frozenset(("username_ref", "password_ref")),
    "bearer": frozenset(("secret_ref",)),
    "oauth2": frozenset(
        ("token_endpoint", "issuer_url", "client_id_ref", "client_secret_ref", "client_auth", "scopes")
    ),
    "plugin": frozenset(("plugin",)),
}
_ALWAYS: Final = frozenset(("type", "sharing"))


def parse(auth: Auth) -> CredentialRule | ClientCredentials:
    """What `auth` asks for. Raises `GatewayError` INVALID_REQUEST naming the member, and never quoting a reference."""
    _refuse_members(auth)
    match auth.type:
        case "none":
            return CredentialRule()
        case "bearer":
            return CredentialRule("bearer", references=_references(auth, "secret_ref"))
        case "basic":
            return CredentialRule("basic", references=_references(auth, "username_ref", "password_ref"))
        case "api_key":
            return _api_key(auth)
        case "oauth2":
            return _client_credentials(auth)
        case "plugin":
            if auth.plugin is None:
                raise invalid("plugin", "A credential of type 'plugin' needs to say which.")
            return CredentialRule("plugin")


def _api_key(auth: Auth) -> CredentialRule:
    references = _references(auth, "secret_ref")
    try:
        if not auth.query:
            credentials.check_name("header", auth.header)
            if auth.prefix and not credentials.sendable(auth.prefix + "x"):
                raise invalid("prefix", "The prefix holds a character that no header may carry.")
            return CredentialRule("header", auth.header, references, auth.prefix)
        credentials.check_name("query", auth.query)
    except ValueError as error:
        raise invalid("query" if auth.query else "header", f"The API key {error}.") from None
    if auth.prefix:
        raise invalid("prefix", "A prefix goes before a key in a header, and this one goes into the query.")
    return CredentialRule("query", auth.query, references)


def _client_credentials(auth: Auth) -> ClientCredentials:
    if bool(auth.token_endpoint) == bool(auth.issuer_url):
        raise invalid("token_endpoint", "OAuth 2 needs either 'token_endpoint' or 'issuer_url'.")
    member = "token_endpoint" if auth.token_endpoint else "issuer_url"
    try:
        split_base_url(auth.token_endpoint or auth.issuer_url)
    except ValueError as error:
        raise invalid(member, f"The URL {error}.") from None
    client_id, client_secret = _references(auth, "client_id_ref", "client_secret_ref")
    issuer = auth.issuer_url.rstrip("/")
    return ClientCredentials(
        auth.token_endpoint, issuer, client_id, client_secret, auth.client_auth, auth.scopes
    )  # fmt: skip


def _references(auth: Auth, *members: str) -> tuple[str, ...]:
    found = tuple(getattr(auth, member) for member in members)
    for member, reference in zip(members, found, strict=True):
        try:
            credentials.check_reference(reference)
        except ValueError as error:
            raise invalid(member, f"A credential of type {auth.type!r} {error}.") from None
    return found


def _refuse_members(auth: Auth) -> None:
    plain = Auth()
    for member in Auth.__struct_fields__:
        if member not in _MEMBERS[auth.type] | _ALWAYS and getattr(auth, member) != getattr(plain, member):
            raise invalid(member, f"{member!r} has no meaning for a credential of type {auth.type!r}.")


def token_request(grant: ClientCredentials, client_id: str, client_secret: str) -> tuple[dict[bytes, bytes], bytes]:
    """Headers and body of the request for a token (RFC 6749, 4.4.2 and 2.3.1)."""
    form = {"grant_type": "client_credentials"}
    headers = {b"content-type": b"application/x-www-form-urlencoded", b"accept": b"application/json"}
    if grant.scopes:
        form["scope"] = " ".join(grant.scopes)
    if grant.client_auth == "form":
        form |= {"client_id": client_id, "client_secret": client_secret}
    else:
        pair = f"{quote_plus(client_id)}:{quote_plus(client_secret)}"
        headers[b"authorization"] = b"Basic " + b64encode(pair.encode())
    return headers, urlencode(form).encode()


def parse_token(body: bytes) -> Token:
    """The token that a token endpoint granted. Raises `GatewayError` AUTH_FAILED, which quotes nothing."""
    try:
        granted = msgspec.json.decode(body, type=_Granted)
        expires = MAX_LIFETIME + MARGIN if granted.expires_in is None else float(granted.expires_in)
    except (msgspec.DecodeError, ValueError):
        raise _failed("granted a token in a form that cannot be read") from None
    if granted.token_type.lower() != "bearer" or not credentials.sendable(granted.access_token):
        raise _failed("granted something else than a bearer token")
    lifetime = expires - MARGIN
    return Token(granted.access_token, min(MAX_LIFETIME, lifetime) if lifetime > 0 else 0.0)


def refusal(status: int, body: bytes) -> GatewayError:
    """What it means that a token endpoint answered otherwise than 200. Of its words only known codes are quoted."""
    if status == 429 or status >= 500:
        return GatewayError(errors.DOWNSTREAM_ERROR, f"The upstream's token endpoint answered {status}.")
    try:
        code = msgspec.json.decode(body, type=_Refused).error
    except msgspec.DecodeError:
        code = ""
    said = f" and {code!r}" if code in _REFUSALS else ""
    return _failed(f"refused our credential with {status}{said}")


def parse_discovery(issuer: str, status: int, body: bytes) -> str:
    """The token endpoint of `issuer`, of its discovery document. Raises `GatewayError` AUTH_FAILED."""
    if status != 200:
        raise refusal(status, b"")
    try:
        found = msgspec.json.decode(body, type=_Discovered)
        endpoint = split_base_url(found.token_endpoint)
    except (msgspec.DecodeError, ValueError):
        raise _failed("is in no discovery document of its issuer") from None
    # OpenID Connect Discovery 4.3: another issuer's document must not be used.
    if found.issuer.rstrip("/") != issuer:
        raise _failed("is in a discovery document of another issuer")
    if issuer.startswith("https:") and endpoint.scheme != "https":
        raise _failed("is said to be where no TLS is")
    return found.token_endpoint


def _failed(what: str) -> GatewayError:
    return GatewayError(errors.AUTH_FAILED, f"The upstream's token endpoint {what}.")
