"""An item's id is its own within a conversation."""

from alembic import op

revision = "0006"
down_revision = "0005"

_TELL_APART = """
UPDATE conversation_items AS later SET item_id = later.item_id || '_' || later.number WHERE EXISTS (
    SELECT 1 FROM conversation_items AS earlier
    WHERE earlier.conversation_id = later.conversation_id AND earlier.item_id = later.item_id
    AND earlier.number < later.number
)
"""


def upgrade() -> None:
    op.execute(_TELL_APART)
    op.drop_index("ix_conversation_items_conversation_id_item_id", "conversation_items")
    op.create_index(
        "uq_conversation_items_conversation_id_item_id",
        "conversation_items",
        ["conversation_id", "item_id"],
        unique=True,
    )
