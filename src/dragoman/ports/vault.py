"""Where credentials of upstreams come from."""

from typing import Protocol


class Vault(Protocol):
    """Resolves a secret reference such as `env:OPENAI_API_KEY` or `file:/run/secrets/key`.

    Raises `GatewayError` SECRET_NOT_FOUND; the message names the reference, never a value.
    """

    def reveal(self, reference: str) -> str: ...
