"""The database records that it has worked with its log."""

import recobro_events.schema
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute(recobro_events.schema.UPGRADE)
