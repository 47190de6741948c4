"""What an agent's run may call, while it lasts, as its caller."""

from dataclasses import dataclass

from msgspec.structs import replace

from dragoman.policy.keys import Key


@dataclass(frozen=True, slots=True)
class Grant:
    """On whose behalf a run makes its calls, and what they are booked under."""

    agent: str
    key_id: str
    call_id: str
    """The call that the run answers."""
    request_id: str
    depth: int
    models: tuple[str, ...]
    """Models that its calls may name beside those of the key."""

    def narrowed(self, key: Key) -> Key:
        """The key as the run has it: what it administers is its caller's own business."""
        models = ("*",) if key.permits_every_model else (*key.models, *self.models)
        aliases = ("*",) if key.admin else key.aliases
        return replace(key, models=models, aliases=aliases, admin=False)
