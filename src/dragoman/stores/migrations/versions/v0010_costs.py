"""What a call cost, where its upstream says so."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.add_column("settlements", sa.Column("cost_usd", sa.Double()))
