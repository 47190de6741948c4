"""Plugins as another distribution would bring them, and the means to have it installed for a while."""

import asyncio
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from dragoman.plugins import Auth, Failure, Fields, Guard, Reject, Request, Respond, Response, Transform, installed


class Word(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    word: str = ""
    path: str = ""
    query: str = ""


class Token(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    token_ref: str
    header: str = "authorization"


class Stamp(Transform[Word]):
    """Adds its word to `x-stamps`, out and back, and to what went wrong."""

    settings_type: ClassVar[type[msgspec.Struct]] = Word

    async def on_request(self, request: Request) -> Request:
        return msgspec.structs.replace(request, headers=self._stamped(request.headers))

    async def on_response(self, response: Response) -> Response:
        return msgspec.structs.replace(response, headers=self._stamped(response.headers))

    async def on_error(self, failure: Failure) -> Reject:
        return Reject(failure.status, "STAMPED", f"{self.settings.word}: {failure.code}")

    def _stamped(self, headers: Fields) -> Fields:
        before = dict(headers).get("x-stamps", "")
        return (*(item for item in headers if item[0] != "x-stamps"), ("x-stamps", before + self.settings.word))


class Elsewhere(Transform[Word]):
    """Sends calls to another path, with another query."""

    settings_type: ClassVar[type[msgspec.Struct]] = Word

    async def on_request(self, request: Request) -> Request:
        return msgspec.structs.replace(request, path=self.settings.path, query=self.settings.query)


class Answers(Transform[Word]):
    """Next, reject or respond, as the call's `x-say` has it."""

    settings_type: ClassVar[type[msgspec.Struct]] = Word

    async def on_request(self, request: Request) -> Request | Reject | Respond | None:
        said = dict(request.headers).get("x-say", "next")
        if said == "reject":
            return Reject(418, "NO_COFFEE", "There is no coffee.")
        if said == "respond":
            return Respond(203, (("content-type", "text/plain"), ("x-mine", "yes")), b"by the plugin")
        return None

    async def on_response(self, response: Response) -> Response | Respond | None:
        said = dict(response.request.headers).get("x-say", "next")
        return Respond(200, (), b"later") if said == "respond-later" else None

    async def on_error(self, failure: Failure) -> Respond | None:
        said = dict(failure.request.headers).get("x-say", "next")
        return Respond(200, (("x-stale", "1"),), b"kept") if said == "fall back" else None


class Faulty(Guard[Word]):
    """Fails as its word says."""

    settings_type: ClassVar[type[msgspec.Struct]] = Word

    async def on_request(self, request: Request) -> Reject | None:
        match self.settings.word:
            case "raises":
                raise ValueError("the secret of the plugin")
            case "hangs":
                await asyncio.Event().wait()
            case "babbles":
                return "no"  # type: ignore[return-value]
            case "rejects with 200":
                return Reject(200, "X", "x")
        return None

    async def on_response(self, response: Response) -> Reject | None:
        if self.settings.word == "raises late":
            raise ValueError("late")
        return None


class Trespasser(Transform[Word]):
    """Writes what is not its to write."""

    settings_type: ClassVar[type[msgspec.Struct]] = Word

    async def on_request(self, request: Request) -> Request:
        match self.settings.word:
            case "method":
                return msgspec.structs.replace(request, method="DELETE")
            case "traversal":
                return msgspec.structs.replace(request, path="/a/%2e%2e/b")
            case "relative":
                return msgspec.structs.replace(request, path="x")
            case _ as header:
                name, _, value = header.partition("=")
                return msgspec.structs.replace(request, headers=(*request.headers, (name, value)))


class Keyed(Auth[Token]):
    """Authenticates with a token of the vault's."""

    settings_type: ClassVar[type[msgspec.Struct]] = Token

    async def authorize(self, request: Request) -> Fields | Reject:
        headers = dict(request.headers)
        if headers.get("x-say") == "deny":
            return Reject(401, "NOBODY", "Nobody is known here.")
        if headers.get("x-say") == "crash":
            raise RuntimeError("no")
        return ((self.settings.header, f"Acme {self.secrets['token_ref']}"),)


PLUGINS: Mapping[str, type[Any]] = {
    "acme_stamp": Stamp, "acme_elsewhere": Elsewhere, "acme_answers": Answers, "acme_faulty": Faulty,
    "acme_trespasser": Trespasser, "acme_keyed": Keyed, "acme_nothing": Word,
}  # fmt: skip


@contextmanager
def installing(directory: Path, **further: str) -> Iterator[None]:
    """Has them installed while it lasts; `further` are names and what their entry points say."""
    own = {name: f"{kind.__module__}:{kind.__name__}" for name, kind in PLUGINS.items()}
    info = directory / "acme_plugins-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-plugins\nVersion: 1.0\n")
    points = "\n".join(f"{name} = {value}" for name, value in {**own, **further}.items())
    (info / "entry_points.txt").write_text(f"[{installed.GROUP}]\n{points}\n")
    sys.path.insert(0, str(directory))
    installed.offered.cache_clear()
    try:
        yield
    finally:
        sys.path.remove(str(directory))
        installed.offered.cache_clear()
