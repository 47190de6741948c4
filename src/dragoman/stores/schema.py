"""The tables, as SQLAlchemy Core sees them; not how they come to be: migrations make every database.

`instances` has a row per start of a gateway, `reservations` and `settlements` a row per call each.
There rows are only ever added, with two exceptions: a key is revoked, and the presumption `lost` gives way
to a settlement that arrives after all. `jobs` has a row per job that changes as the job goes on; what is
large or never changes, its payload and its output, stands in tables of its own. `upstreams` and `routes` are few
and change as their owners please.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

SCHEMA_VERSION: Final = "0010"
"""The newest migration's revision; four digits, so that versions compare as text."""

VERSION_TABLE: Final = "schema_version"
"""Not alembic's default name: another program's migrations may live in the same database."""

metadata: Final = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

keys: Final = Table(
    "keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("hint", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double),
    Column("revoked_at", Double),
    Column("models", Text, nullable=False),  # a JSON array of patterns, as is `aliases`
    Column("aliases", Text, nullable=False),
    Column("admin", Boolean, nullable=False),
    Column("owner", Text, nullable=False),  # the id of the first of the keys that took the place of one another
    Column("tenant", Text, nullable=False),
    Index("ix_keys_owner", "owner"),
)

instances: Final = Table(
    "instances",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("started_at", Double, nullable=False),
    # No call of this instance that was reserved earlier is still open: bounds the search for lost ones.
    Column("open_since", Double, nullable=False),
    # Set once nothing of the instance is open any more: closed in order, or found dead and swept.
    Column("ended_at", Double),
)

reservations: Final = Table(
    "reservations",
    metadata,
    Column("call_id", Text, primary_key=True),
    Column("instance", Integer, ForeignKey("instances.seq"), nullable=False),
    Column("request_id", Text, nullable=False),
    Column("key_id", Text, nullable=False),  # no foreign key: the admin key of the environment has no row
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("upstream", Text, nullable=False),
    Column("reserved_at", Double, nullable=False),
    # Of a call that an agent of the gateway made while it answered another.
    Column("agent", Text, server_default="", nullable=False),
    Column("parent", Text, server_default="", nullable=False),
    CheckConstraint("kind IN ('model', 'alias')", name="kind"),
    # In the order pages are read in, so that a page may start after any (reserved_at, call_id).
    Index("ix_reservations_reserved_at_call_id", "reserved_at", "call_id"),
    Index("ix_reservations_key_id_reserved_at_call_id", "key_id", "reserved_at", "call_id"),
    sqlite_with_rowid=False,  # with ids in order of time, a fifth less space and a tenth less work
)

settlements: Final = Table(
    "settlements",
    metadata,
    Column("call_id", Text, ForeignKey("reservations.call_id"), primary_key=True),
    Column("state", Text, nullable=False),
    Column("status", Integer, nullable=False),
    Column("settled_at", Double, nullable=False),
    Column("duration_ms", BigInteger, nullable=False),
    Column("first_token_ms", BigInteger),
    Column("upstream", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("error", Text, nullable=False),
    # All null where the upstream reported no usage; where it was estimated, all but the first two.
    Column("input_tokens", BigInteger),
    Column("output_tokens", BigInteger),
    Column("cached_tokens", BigInteger),
    Column("cache_write_tokens", BigInteger),
    Column("reasoning_tokens", BigInteger),
    Column("cost_usd", Double),  # null where the upstream did not say it
    CheckConstraint("state IN ('settled', 'failed', 'cancelled', 'lost')", name="state"),
    sqlite_with_rowid=False,
)

responses: Final = Table(
    "responses",
    metadata,
    Column("id", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("status", Text, nullable=False),
    Column("body", Text, nullable=False),  # the response object without its output
    Column("previous_id", Text),  # no foreign keys: a response may outlive what it followed on
    Column("conversation_id", Text),
    Column("seen", Integer, nullable=False),
    Column("background", Boolean, nullable=False),
    Column("deleted_at", Double),
    Index("ix_responses_created_at", "created_at"),
    Index("ix_responses_previous_id", "previous_id"),
    Index("ix_responses_owner", "owner"),
)

response_items: Final = Table(
    "response_items",
    metadata,
    Column("response_id", Text, ForeignKey("responses.id", ondelete="CASCADE"), primary_key=True),
    Column("side", Integer, primary_key=True),  # 0 its input, 1 its output: the order in which they are read
    Column("number", Integer, primary_key=True),
    Column("item_id", Text, nullable=False),
    Column("value", Text, nullable=False),
    Index("ix_response_items_item_id", "item_id"),
)

conversations: Final = Table(
    "conversations",
    metadata,
    Column("id", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("metadata", Text, nullable=False),  # a JSON object
    Column("length", Integer, nullable=False),  # items ever appended; writers take turns at it
    Column("deleted_at", Double),
    Index("ix_conversations_owner", "owner"),
)

conversation_items: Final = Table(
    "conversation_items",
    metadata,
    Column("conversation_id", Text, ForeignKey("conversations.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("item_id", Text, nullable=False),
    Column("value", Text, nullable=False),
    Index("uq_conversation_items_conversation_id_item_id", "conversation_id", "item_id", unique=True),
    Index("ix_conversation_items_item_id", "item_id"),
)

jobs: Final = Table(
    "jobs",
    metadata,
    Column("seq", Integer, primary_key=True),  # in the order of submission
    Column("id", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("idempotent", Boolean, nullable=False),
    Column("state", Text, nullable=False),
    # Counts the runs, and tells the present one from those before: whoever writes must name it.
    Column("attempt", Integer, nullable=False),
    Column("recorded", BigInteger, nullable=False),  # how many events it has, and the number of the next one
    Column("created_at", Double, nullable=False),
    Column("started_at", Double),
    Column("ended_at", Double),
    Column("error_code", Text, nullable=False),
    Column("error_message", Text, nullable=False),
    Column("cancelling", Boolean, nullable=False),  # asked to end
    # When its run counts as dead unless its gateway says otherwise, by the clock of the database. Null on
    # SQLite, which has one owner: what runs when that one starts is dead.
    Column("lease_until", Double),
    CheckConstraint("state IN ('queued', 'running', 'completed', 'failed', 'cancelled')", name="state"),
    Index("ix_jobs_state_seq", "state", "seq"),
    Index("ix_jobs_owner_seq", "owner", "seq"),
    Index("ix_jobs_ended_at", "ended_at"),
    sqlite_autoincrement=True,  # a number is never used again, or a run of a job that is gone might write to another
)

job_payloads: Final = Table(
    "job_payloads",
    metadata,
    Column("job", Integer, ForeignKey("jobs.seq", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("payload", LargeBinary, nullable=False),
)

job_events: Final = Table(
    "job_events",
    metadata,
    Column("job", Integer, ForeignKey("jobs.seq", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("data", LargeBinary, nullable=False),
    sqlite_with_rowid=False,  # the events of a job stand together, in their order
)

upstreams: Final = Table(
    "upstreams",
    metadata,
    Column("id", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("alias", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
    Column("body", Text, nullable=False),  # as JSON, what does not follow from the other columns
    UniqueConstraint("tenant", "alias"),
)

routes: Final = Table(
    "routes",
    metadata,
    Column("id", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("upstream_id", Text, ForeignKey("upstreams.id", ondelete="CASCADE"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
    Column("body", Text, nullable=False),
    Index("ix_routes_upstream_id", "upstream_id"),
)

route_matches: Final = Table(
    "route_matches",
    metadata,
    # What no two routes of one upstream may have alike: which of them took a call would be chance.
    Column("upstream_id", Text, primary_key=True),
    Column("path", LargeBinary, primary_key=True),
    Column("priority", Integer, primary_key=True, autoincrement=False),
    Column("method", Text, primary_key=True),
    Column("route_id", Text, ForeignKey("routes.id", ondelete="CASCADE"), nullable=False),
    Index("ix_route_matches_route_id", "route_id"),
)

plugins: Final = Table(
    "plugins",
    metadata,
    # Never changed: whoever is bound to one keeps what it was bound to. Bindings stand in the bodies of others.
    Column("id", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("body", Text, nullable=False),
)

resource_revision: Final = Table(
    "resource_revision",
    metadata,
    # One row, which every change of an upstream, a route or a plugin counts up: writers take turns at it, and readers
    # know by it whether what they have read still holds.
    Column("id", Integer, primary_key=True),
    Column("number", BigInteger, nullable=False),
)
