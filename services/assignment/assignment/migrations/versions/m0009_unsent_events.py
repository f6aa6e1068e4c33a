"""Events that the log refused have a table, and an outbox refuses events that are too large for the log."""

import recobro_events.schema
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.execute(recobro_events.schema.UPGRADE)
    op.execute(recobro_events.schema.UPGRADE_AGENCIES)
