"""The base classes of plugins: what one need not say is said here."""

from collections.abc import Mapping
from typing import ClassVar, Generic, TypeVar

import msgspec

from dragoman.policy.plugins import Failure, Fields, Kind, Reject, Request, Respond, Response


class NoSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of a plugin that has none."""


C = TypeVar("C", bound=msgspec.Struct)


class Plugin(Generic[C]):
    """A plugin with its settings, of the type that `settings_type` names.

    `secrets` has, by member, what the vault holds under those of its settings that end in `_ref`. Whatever is raised
    here is a fault of the configuration. Calls run beside one another: what they share must bear that.
    """

    kind: ClassVar[Kind]
    settings_type: ClassVar[type[msgspec.Struct]] = NoSettings

    def __init__(self, settings: C, secrets: Mapping[str, str]) -> None:
        self.settings = settings
        self.secrets = secrets

    def body_limit(self, content_type: str) -> int:
        """Bytes of a body of this type that it wants to see, at most 1 MiB; 0 for none.

        A body is held back until it is whole, or longer than that; so ask for what you look at only.
        """
        return 0


class Auth(Plugin[C]):
    """Says which headers a call authenticates itself with."""

    kind: ClassVar[Kind] = "auth"

    async def authorize(self, request: Request) -> Fields | Reject:
        """The headers to add; no other plugin sees them."""
        raise NotImplementedError


class Guard(Plugin[C]):
    """Lets calls and answers pass, or rejects them."""

    kind: ClassVar[Kind] = "guard"

    async def on_request(self, request: Request) -> Reject | None:
        """None lets it pass."""
        return None

    async def on_response(self, response: Response) -> Reject | None:
        """None lets it pass."""
        return None


class Transform(Plugin[C]):
    """Changes what passes."""

    kind: ClassVar[Kind] = "transform"

    async def on_request(self, request: Request) -> Request | Reject | Respond | None:
        """What goes out instead; None leaves it as it is, `Respond` answers without the upstream."""
        return None

    async def on_response(self, response: Response) -> Response | Reject | Respond | None:
        """What comes back instead; None leaves it as it is."""
        return None

    async def on_error(self, failure: Failure) -> Reject | Respond | None:
        """What a caller is told where no answer came; None leaves it as it is."""
        return None
