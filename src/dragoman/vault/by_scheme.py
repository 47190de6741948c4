"""One vault over several: the scheme of a reference says which."""

from collections.abc import Mapping

from dragoman import errors
from dragoman.errors import GatewayError
from dragoman.ports import Vault


class SchemeVault:
    """`ports.Vault` that asks the vault of a reference's scheme, `env` in `env:OPENAI_API_KEY`."""

    def __init__(self, vaults: Mapping[str, Vault]) -> None:
        self._vaults = dict(vaults)

    def reveal(self, reference: str) -> str:
        scheme, colon, _ = reference.partition(":")
        vault = self._vaults.get(scheme) if colon else None
        if vault is None:
            # The text may be a secret pasted where its reference belongs, so it is not quoted.
            schemes = ", ".join(f"{known}:" for known in self._vaults)
            raise GatewayError(errors.SECRET_NOT_FOUND, f"A secret reference must begin with one of {schemes}")
        return vault.reveal(reference)
