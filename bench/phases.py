"""What is asked of a gateway while it is measured: the phases, and the request that each repeats."""

import json
from dataclasses import dataclass, replace
from typing import Final

UPSTREAM_MODEL: Final = "gpt-4o-mini-2024-07-18"
MODELS: Final = {"gpt-4o-mini": UPSTREAM_MODEL, UPSTREAM_MODEL: UPSTREAM_MODEL}
"""What callers ask for, and what the upstream calls it; its answers bear the dated name, as OpenAI's do."""

CHAT: Final = "/v1/chat/completions"
RESPONSES: Final = "/v1/responses"
MESSAGES: Final = "/v1/messages"
ANSWERED_IN: Final = ("responses", "messages")
"""Dialects that further upstreams of the gateway speak, each alone; the model `DIALECT-model` is there."""
ALIAS_PREFIX: Final = "/api/oagw/v1/proxy/mock"
ALIAS: Final = ALIAS_PREFIX + "/chat/completions"


@dataclass(frozen=True)
class Phase:
    """One kind of load, kept up for `warm_up` and then `seconds`, of which the latter are measured."""

    name: str
    conns: int
    warm_up: float
    seconds: float
    path: str = CHAT
    model: str = "gpt-4o-mini"
    chunks: int = 0
    """Contents of each stream; 0 asks for a buffered answer."""
    gap_us: int = 0
    """Microseconds between them."""
    rate: float = 0.0
    """Requests a second over all connections; 0 lets each send its next when the last is answered."""
    direct: bool = False
    """Whether it is also asked of the mock upstream itself, to tell what a gateway adds."""
    memory: bool = False
    """Whether the process's memory is read under the load, whose streams then outlast it."""
    keeps: bool = False
    """Whether the gateway keeps the response."""

    def for_floor(self) -> "Phase":
        """The load that the floor is measured under, which knows no dialect but Chat's."""
        if self.path not in (RESPONSES, MESSAGES) and self.model in MODELS:
            return self
        return replace(self, path=CHAT, model="gpt-4o-mini")

    def body(self) -> str:
        """The request: about 230 bytes."""
        pace = f" [[n={self.chunks},gap={self.gap_us}]]" if self.chunks else ""
        question = f"Say something of a few sentences about gateways, please.{pace}"
        system = {"role": "system", "content": "You are a helpful assistant."}
        messages = [system, {"role": "user", "content": question}]
        fields: dict[str, object] = {"model": self.model, "temperature": 0.2}
        if self.path == RESPONSES:
            fields |= {"input": messages, "max_output_tokens": 256, "store": self.keeps}
        elif self.path == MESSAGES:
            fields |= {"system": system["content"], "messages": messages[1:], "max_tokens": 256}
        else:
            fields |= {"messages": messages, "max_tokens": 256}
        if self.chunks:
            fields["stream"] = True
        return json.dumps(fields, separators=(",", ":"))

    def shortened(self, factor: float) -> "Phase":
        return replace(self, warm_up=self.warm_up * factor, seconds=self.seconds * factor)


WARM: Final = Phase("warm", 16, 0.5, 1.5)

CALLS: Final = (
    Phase("chat", 48, 0.5, 3),
    Phase("chat-1", 1, 0.5, 2.5, direct=True),
    Phase("chat-paced", 64, 0.5, 2.5, rate=400, direct=True),
    Phase("stream", 100, 1.5, 3, chunks=100, gap_us=20_000),
    Phase("stream-same", 100, 1.5, 3, chunks=100, gap_us=20_000, model=UPSTREAM_MODEL),
    Phase("stream-1", 1, 0.5, 2.5, chunks=4, gap_us=2_000, direct=True),
    Phase("responses-over-chat", 48, 0.5, 2, path=RESPONSES),
    Phase("responses-kept", 48, 0.5, 2, path=RESPONSES, keeps=True),
    Phase("messages-over-chat", 48, 0.5, 2, path=MESSAGES),
    Phase("chat-over-responses", 48, 0.5, 2, model="responses-model"),
    Phase("chat-over-messages", 48, 0.5, 2, model="messages-model"),
    Phase("responses-over-chat-stream", 100, 1.5, 3, chunks=100, gap_us=20_000, path=RESPONSES),
    Phase("messages-over-chat-stream", 100, 1.5, 3, chunks=100, gap_us=20_000, path=MESSAGES),
    Phase("chat-over-responses-stream", 100, 1.5, 3, chunks=100, gap_us=20_000, model="responses-model"),
    Phase("chat-over-messages-stream", 100, 1.5, 3, chunks=100, gap_us=20_000, model="messages-model"),
    Phase("responses-kept-stream", 100, 1.5, 3, chunks=100, gap_us=20_000, path=RESPONSES, keeps=True),
    Phase("responses-stream", 100, 1.5, 3, chunks=100, gap_us=20_000, path=RESPONSES, model="responses-model"),
    Phase("messages-stream", 100, 1.5, 3, chunks=100, gap_us=20_000, path=MESSAGES, model="messages-model"),
    Phase("alias", 48, 0.5, 3, path=ALIAS),
    Phase("alias-stream", 100, 1.5, 3, chunks=100, gap_us=20_000, path=ALIAS),
)
"""Measured in the same processes, one phase after the other."""

OPEN_STREAMS: Final = Phase("footprint", 1000, 3, 3, chunks=300, gap_us=200_000, memory=True)
"""Measured in a process of its own, whose heap nothing else has stretched, together with how it starts."""

NAMES: Final = (*(phase.name for phase in CALLS), OPEN_STREAMS.name)
