"""The database remembers that it has been at work with its log."""

import recobro_events.schema
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute(recobro_events.schema.UPGRADE)
