"""What a Responses call follows on, looked up before it, and what is kept of it after.

The gateway keeps responses itself, whatever upstream answers: an upstream is asked a whole question and told to
keep nothing, so that a chain can go on over any upstream, and a response belongs to the key that made it.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import Raw

from dragoman import errors
from dragoman.dialects import head, sealing
from dragoman.dialects.base import D, Relay
from dragoman.dialects.mapping import Earlier
from dragoman.dialects.responses import compaction, continuation
from dragoman.dialects.responses.continuation import Asked, Given
from dragoman.dialects.responses.kept import KeptAnswer, KeptStream, without_seal
from dragoman.dialects.sealing import Sealer
from dragoman.errors import GatewayError
from dragoman.gateway.clock import new_id
from dragoman.gateway.render import Headers
from dragoman.policy.keys import Key
from dragoman.ports import Clock, ConversationStore, ResponseStore, StoredItem, StoredResponse
from dragoman.wire.chat import Fields, parse_fields, raw, render_fields
from dragoman.wire.common import ErrorBody

PREFIX: Final = "resp_"
_COMPACTED: Final = b'"compaction"'


class Memory:
    """One call that is kept or follows on something kept."""

    __slots__ = ("_fields", "_kept", "_stored", "_taken", "answered", "asked", "earlier", "given", "responses")

    def __init__(
        self,
        fields: Fields,
        asked: Asked,
        given: Sequence[Given],
        stored: StoredResponse,
        responses: ResponseStore,
        taken: frozenset[str],
        earlier: int = 0,
    ) -> None:
        """`taken` are the ids of what stands before the call's own items; `earlier` counts what is said of it."""
        self._fields = fields
        self.earlier = Earlier(earlier, name=_name(asked))
        self._stored = stored
        self._kept = KeptAnswer(_members(asked, stored), seals=asked.seals)
        self.asked = asked
        self.given = given
        self.responses = responses
        self._taken = taken
        self.answered = False

    @property
    def id(self) -> str:
        return self._stored.id

    @property
    def thread(self) -> tuple[str, str]:
        """A conversation goes on from itself; a response from another."""
        asked = self.asked
        if asked.conversation:
            return asked.conversation, asked.conversation
        return asked.previous, self.id if asked.store else ""

    @property
    def members(self) -> Fields:
        """What the response object gets from the gateway."""
        return _members(self.asked, self._stored)

    def queued(self, body: bytes) -> StoredResponse:
        """The row of a response that is made later; `body` is its object."""
        return _replace(self._stored, "queued", body)

    @property
    def headers(self) -> Headers:
        """What the answer's head says of what is kept: here the answer says it itself."""
        return []

    @property
    def body(self) -> bytes:
        """The whole question, as an upstream is asked it."""
        return render_fields(self._fields)

    def answer(self, body: bytes) -> bytes:
        """A whole answer, under our id."""
        return self._kept.answer(body)

    def stream(self, relay: Relay[D]) -> Relay[D]:
        """A streamed answer, under our id."""
        return KeptStream(relay, self._kept)

    def adopt(self, events: Sequence[bytes]) -> list[bytes]:
        """A stream that no upstream made, under our id."""
        return [self._kept.event(event) for event in events]

    def unkept(self, events: Sequence[bytes], error: GatewayError) -> list[bytes]:
        """The last events of a stream that could not be kept."""
        return self._kept.unkept(events, ErrorBody(error.message, error.kind.type, error.param, error.kind.code))

    async def keep(self) -> None:
        """Stores what has come, once it has ended; returns when the next call can read it."""
        kept = self._kept
        if not self.asked.store or not kept.ended or self.answered:
            return
        self.answered = True
        taken = self._taken.union(item.id for item in self.given)
        output = stored_items(continuation.identify(kept.output, new_id, taken))
        try:
            if self.asked.background:
                await self.responses.finish(self.id, kept.status, kept.body, output)
            else:
                stored = _replace(self._stored, kept.status, kept.body)
                await self.responses.add(stored, stored_items(self.given), output)
        except ValueError:
            message = "Another call has brought an item of one of these ids into the conversation meanwhile."
            raise GatewayError(errors.INVALID_REQUEST, message, param="input") from None


class Continuity:
    """Looks up what a call follows on."""

    def __init__(
        self, responses: ResponseStore, conversations: ConversationStore, sealer: Sealer, clock: Clock
    ) -> None:
        self._responses = responses
        self._conversations = conversations
        self._sealer = sealer
        self._clock = clock

    async def begin(self, key: Key, body: bytes) -> Memory | None:
        """The memory of a call, None for one that needs none. Raises `GatewayError`."""
        fields = head.parse(body)
        asked = continuation.parse(fields)
        if not (asked.store or asked.previous or asked.conversation or asked.references or _COMPACTED in body):
            return None
        own = await self._own(key, asked)
        history, stored = await self._follow(key, asked)
        taken = _names(history)
        if asked.store:
            continuation.check_ids(own, taken)
        given = continuation.identify(own, new_id) if asked.store else ()
        before = self._opened(key, _values(history))
        asking = continuation.ask_seals(fields) if asked.store else fields
        whole = continuation.expand(asking, before, self._opened(key, list(map(bytes, own))))
        earlier = sum(map(continuation.speaks, before))
        return Memory(whole, asked, given, stored, self._responses, taken, earlier)

    async def follow(self, key: Key, asked: Asked) -> tuple[Memory, Sequence[bytes]]:
        """The memory of a call in another dialect, and what it follows on. Raises `GatewayError`."""
        history, stored = await self._follow(key, asked)
        given = continuation.identify(asked.items, new_id)
        memory = Memory({}, asked, given, stored, self._responses, _names(history))
        return memory, self._opened(key, _values(history))

    def now(self) -> int:
        return int(self._clock.now())

    async def history(self, key: Key, fields: Fields) -> Sequence[compaction.Placed]:
        """Everything that a request says and follows on, item by item. Raises `GatewayError`."""
        asked = continuation.parse(fields)
        before, _ = await self._follow(key, asked)
        earlier = _name(asked)
        placed = [(earlier, value) for value in self._opened(key, _values(before))]
        for number, item in enumerate(await self._own(key, asked)):
            at = f"input[{number}]"
            placed += [(at, value) for value in self._opened(key, (bytes(item),), number)]
        return placed

    def seal(self, key: Key, short: compaction.Short) -> str:
        """An envelope around a compacted conversation, for the key alone, over any upstream."""
        return sealing.PREFIX + self._sealer.seal(msgspec.json.encode(short), _bound(key))

    async def resume(self, key: Key, response_id: str, body: bytes) -> Memory | None:
        """The memory of a call that was queued, as a stream; None if its response has been deleted since."""
        found = await self._responses.get(response_id, key.owner)
        history = await self._responses.context(response_id, key.owner, output=False)
        if found is None or history is None:
            return None
        fields = {**head.parse(body), "stream": raw(True)}
        asked = continuation.parse(fields)
        whole = continuation.expand(continuation.ask_seals(fields), self._opened(key, _values(history)), ())
        return Memory(whole, asked, (), found[0], self._responses, _names(history))

    async def _own(self, key: Key, asked: Asked) -> Sequence[Raw]:
        """The items of a request, references resolved."""
        found = await self._responses.items(tuple((asked.references or {}).values()), key.owner)
        return continuation.resolve(asked, found)

    def _opened(self, key: Key, values: Sequence[bytes], first: int = 0) -> Sequence[bytes]:
        """Items as an upstream may see them: compactions of ours as what they stand for. Raises `GatewayError`.

        `first` is the number of the first of them in the caller's input.
        """

        def open_envelope(envelope: str) -> bytes | None:
            return self._sealer.open(envelope.removeprefix(sealing.PREFIX), _bound(key))

        opened: list[bytes] = []
        for number, value in enumerate(values, first):
            items = compaction.opened(value, open_envelope)
            if items is None:
                message = "This compaction was not made for this key, or not by this gateway."
                raise GatewayError(errors.INVALID_REQUEST, message, param=f"input[{number}].encrypted_content")
            opened += items
        return opened

    async def _follow(self, key: Key, asked: Asked) -> tuple[Sequence[StoredItem], StoredResponse]:
        """What stands before the call's own items, and the response that will follow on it."""
        history: Sequence[StoredItem] = ()
        seen = 0
        if asked.previous:
            try:
                items = await self._responses.context(asked.previous, key.owner, output=True)
            except GatewayError as error:
                error.param = "previous_response_id"
                raise
            if items is None:
                message = f"Previous response with id {asked.previous!r} not found."
                raise GatewayError(errors.PREVIOUS_RESPONSE_NOT_FOUND, message, param="previous_response_id")
            history = items
        if asked.conversation:
            read = await self._conversations.read(asked.conversation, key.owner)
            if read is None:
                message = f"Conversation with id {asked.conversation!r} not found."
                raise GatewayError(errors.CONVERSATION_NOT_FOUND, message, param="conversation")
            history, seen = read[1], read[0].length
        stored = StoredResponse(
            new_id(PREFIX), key.owner, self._clock.now(), "queued", b"", asked.previous, asked.conversation, seen,
            asked.background,
        )  # fmt: skip
        return history, stored


def assemble(stored: StoredResponse, output: Sequence[StoredItem], *, seals: bool = False) -> Fields:
    """The response object, its output in its place, sealed reasoning only if `seals`."""
    items = [Raw(item.value) if seals else without_seal(Raw(item.value)) for item in output]
    return {**parse_fields(stored.body), "output": raw(items)}


def _name(asked: Asked) -> str:
    """The parameter by which a call names what it follows on."""
    return "conversation" if asked.conversation else "previous_response_id"


def _names(items: Sequence[StoredItem]) -> frozenset[str]:
    return frozenset(item.id for item in items)


def _values(items: Sequence[StoredItem]) -> Sequence[bytes]:
    return [item.value for item in items]


def stored_items(given: Sequence[Given]) -> tuple[StoredItem, ...]:
    return tuple(StoredItem(item.id, bytes(item.value)) for item in given)


def _members(asked: Asked, stored: StoredResponse) -> Fields:
    """What only who keeps a response can say of it."""
    members: Fields = {
        "id": raw(stored.id),
        "previous_response_id": raw(stored.previous_id or None),
        "store": raw(asked.store),
        "background": raw(asked.background),
    }
    if asked.background:
        members["created_at"] = raw(int(stored.created_at))
    if stored.conversation_id:
        members["conversation"] = raw({"id": stored.conversation_id})
    return members


def _bound(key: Key) -> bytes:
    return f"{key.owner}\n{compaction.KIND}".encode()


def _replace(stored: StoredResponse, status: str, body: bytes) -> StoredResponse:
    return msgspec.structs.replace(stored, status=status, body=body)
