"""What was kept of responses: `/v1/responses/{id}` and what is below it.

Shapes as in OpenAI's API reference (`GET`, `DELETE`, `/cancel`, `/input_items`). A response of another key does not
exist. `input_items` lists everything that the response was made from, its history included.
"""

import re
from collections.abc import Awaitable, Sequence
from typing import Final

from msgspec import Raw

from dragoman import errors
from dragoman.dialects.responses.continuation import Given, listed
from dragoman.dialects.responses.request import INCLUDABLE, SEALED_REASONING
from dragoman.errors import GatewayError
from dragoman.gateway.background import Background
from dragoman.gateway.call import Call
from dragoman.gateway.continuity import assemble
from dragoman.gateway.query import Page, Query, no_item
from dragoman.policy.keys import Key
from dragoman.ports import Part, ResponseStore, StoredItem, StoredResponse, Window

PREFIX: Final = b"/v1/responses/"
_PATH: Final = re.compile(rb"/v1/responses/([A-Za-z0-9_.:-]{1,256})(?:/(cancel|input_items))?")
_METHODS: Final[dict[str, tuple[str, ...]]] = {
    "": ("GET", "HEAD", "DELETE"),
    "cancel": ("POST",),
    "input_items": ("GET", "HEAD"),
}


class Archive:
    """Answers for kept responses."""

    def __init__(self, responses: ResponseStore, background: Background) -> None:
        self._responses = responses
        self._background = background

    async def answer(self, call: Call, key: Key, ping_every: float) -> None:
        """Raises `GatewayError` RESPONSE_NOT_FOUND, METHOD_NOT_ALLOWED or, for what is asked, INVALID_REQUEST."""
        match = _PATH.fullmatch(call.path)
        if match is None:
            raise GatewayError(errors.NOT_FOUND, f"No such path: {call.route_path}")
        name, below = match[1].decode(), (match[2] or b"").decode()
        methods = _METHODS[below]
        if call.method not in methods:
            allow = {"Allow": ", ".join(methods)}
            raise GatewayError(errors.METHOD_NOT_ALLOWED, f"{call.method} is not for this path.", headers=allow)
        if below == "input_items":
            await self._input_items(call, key, name)
        elif below == "cancel":
            await self._cancel(call, key, name)
        elif call.method == "DELETE":
            await self._delete(call, key, name)
        else:
            await self._get(call, key, name, ping_every)

    async def _get(self, call: Call, key: Key, name: str, ping_every: float) -> None:
        query = Query(call.query, ("include", "include_obfuscation", "starting_after", "stream"))
        after = query.number("starting_after", -1, least=0, most=2**31)
        included = query.choices("include", INCLUDABLE)
        stored, output = await self._find(name, key)
        if not query.flag("stream"):
            found = await self._background.current(stored, output)
            await call.answer_json(assemble(*found, seals=SEALED_REASONING in included))
        elif not stored.background:
            raise GatewayError(errors.INVALID_REQUEST, "Only a background response can be streamed.", param="stream")
        else:
            await self._background.follow(call, stored, after, ping_every)

    async def _delete(self, call: Call, key: Key, name: str) -> None:
        stored, _ = await self._find(name, key)
        if stored.background:
            await self._background.forget(stored)
        if not await self._responses.delete(name, key.owner):
            raise _unknown(name)
        await call.answer_json({"id": name, "object": "response", "deleted": True})

    async def _cancel(self, call: Call, key: Key, name: str) -> None:
        found = await self._find(name, key)
        if not found[0].background:
            raise GatewayError(errors.INVALID_REQUEST, "Only a background response can be cancelled.")
        await call.answer_json(assemble(*await self._background.cancel(*found)))

    async def _input_items(self, call: Call, key: Key, name: str) -> None:
        query = Query(call.query, ("after", "include", "limit", "order"))
        query.choices("include", INCLUDABLE)
        window = query.window()
        found = await read_page(window, self._responses.given(name, key.owner, window))
        if found is None:
            raise _unknown(name)
        await call.answer_json(found)

    async def _find(self, name: str, key: Key) -> tuple[StoredResponse, Sequence[StoredItem]]:
        found = await self._responses.get(name, key.owner)
        if found is None:
            raise _unknown(name)
        return found


async def read_page(window: Window, reading: Awaitable[Part | None]) -> Page | None:
    """The page that a window shows, once the store has read it. Raises `GatewayError` INVALID_REQUEST."""
    try:
        found = await reading
    except LookupError:
        raise no_item(window.after) from None
    return None if found is None else page(found.items, more=found.more)


def page(items: Sequence[StoredItem], *, more: bool) -> Page:
    """Items as they are shown in lists."""
    data = [listed(Given(item.id, Raw(item.value))) for item in items]
    return Page(data, items[0].id if items else None, items[-1].id if items else None, more)


def _unknown(name: str) -> GatewayError:
    return GatewayError(errors.RESPONSE_NOT_FOUND, f"Response with id {name!r} not found.")
