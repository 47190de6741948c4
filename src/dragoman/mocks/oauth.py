"""An OAuth 2 token endpoint for client credentials (RFC 6749 4.4), and an echo that refuses its first caller."""

import base64
import binascii
from urllib.parse import parse_qs, unquote_plus

from dragoman.mocks import echo
from dragoman.mocks.answer import Answer, json_answer, not_allowed, openai_error, plain_error, with_headers
from dragoman.mocks.request import Request

_EXPIRES_IN = 3600


class OAuth:
    """Counts the tokens it gave out; any client with a secret is known to it."""

    def __init__(self) -> None:
        self._issued = 0
        self._refused = False

    def reset(self) -> None:
        """Forgets what was issued, and refuses the next caller of `echo_once` again."""
        self._issued = 0
        self._refused = False

    def answer(self, request: Request) -> Answer:
        """`POST /oauth2/token`: `mock-token-1`, `mock-token-2` and so on."""
        if request.rest != ("token",):
            return plain_error(404, "Not found")
        if request.method != "POST":
            return not_allowed("POST")
        form = parse_qs(request.body.decode("latin-1"))
        if form.get("grant_type", [""])[0] != "client_credentials":
            return _refusal(400, "unsupported_grant_type", "grant_type must be client_credentials")
        if not _has_client(request, form):
            refusal = _refusal(401, "invalid_client", "client_id and client_secret are required")
            return with_headers(refusal, ("www-authenticate", 'Basic realm="mock"'))
        self._issued += 1
        token = {"access_token": f"mock-token-{self._issued}", "token_type": "Bearer", "expires_in": _EXPIRES_IN}
        scope = form.get("scope", [""])[0]
        return json_answer({**token, "scope": scope} if scope else token, headers=(("cache-control", "no-store"),))

    def echo_once(self, request: Request) -> Answer:
        """A 401 to the first request since the start or a reset, an echo to every later one."""
        if self._refused:
            return echo.answer(request)
        self._refused = True
        return with_headers(openai_error(401, "The token has expired."), ("www-authenticate", "Bearer"))


def _has_client(request: Request, form: dict[str, list[str]]) -> bool:
    scheme, _, credentials = request.header("authorization").partition(" ")
    if scheme.lower() != "basic":
        return bool(form.get("client_id") and form.get("client_secret"))
    try:
        decoded = base64.b64decode(credentials, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return False
    client, _, secret = (unquote_plus(part) for part in decoded.partition(":"))
    return bool(client and secret)


def _refusal(status: int, error: str, description: str) -> Answer:
    return json_answer({"error": error, "error_description": description}, status)
