"""Secrets from the environment: `env:NAME`."""

from collections.abc import Mapping

from dragoman import errors
from dragoman.errors import GatewayError


class EnvVault:
    """`ports.Vault` for references `env:NAME`; the environment is an argument and is read at each call."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def reveal(self, reference: str) -> str:
        name = reference.removeprefix("env:")
        value = self._environ.get(name, "")
        if not value:
            raise GatewayError(
                errors.SECRET_NOT_FOUND, f"Secret {reference!r}: the environment variable is not set or empty."
            )
        return value
