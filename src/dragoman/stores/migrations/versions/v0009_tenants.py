"""Whose a key is."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    with op.batch_alter_table("keys") as keys:
        keys.add_column(sa.Column("tenant", sa.Text()))
    op.execute("UPDATE keys SET tenant = 'default'")
    with op.batch_alter_table("keys") as keys:
        keys.alter_column("tenant", nullable=False)
