"""Whose responses and conversations are: a line of keys that took the place of one another, and not one of them."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    with op.batch_alter_table("keys") as keys:
        keys.add_column(sa.Column("owner", sa.Text()))
    # Keys that were rotated before have handed over what they had, so each of them owns what it has.
    op.execute("UPDATE keys SET owner = id")
    with op.batch_alter_table("keys") as keys:
        keys.alter_column("owner", nullable=False)
    op.create_index("ix_keys_owner", "keys", ["owner"])
    for table in ("responses", "conversations"):
        op.drop_index(f"ix_{table}_key_id", table)
        op.execute(f"ALTER TABLE {table} RENAME COLUMN key_id TO owner")
        op.create_index(f"ix_{table}_owner", table, ["owner"])
