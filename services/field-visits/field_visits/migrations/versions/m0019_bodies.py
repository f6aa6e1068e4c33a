"""Bodies of events in an outbox are not compressed."""

import recobro_events.schema
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.execute(recobro_events.schema.UPGRADE)
