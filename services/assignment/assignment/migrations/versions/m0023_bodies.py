"""Bodies of events in an outbox are not compressed."""

import recobro_events.schema
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    op.execute(recobro_events.schema.UPGRADE)
    op.execute(recobro_events.schema.UPGRADE_AGENCIES)
