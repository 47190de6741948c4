"""Which agent made a call, and while it answered which other."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    for name in ("agent", "parent"):
        op.add_column("reservations", sa.Column(name, sa.Text(), server_default="", nullable=False))
