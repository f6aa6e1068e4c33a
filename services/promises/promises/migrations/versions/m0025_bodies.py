"""Bodies of events in an outbox are not compressed."""

import recobro_events.schema
from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    op.execute(recobro_events.schema.UPGRADE)
