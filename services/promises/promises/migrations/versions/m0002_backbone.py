"""Events that cannot be applied are set aside; promises can be republished."""

import chassis.schema
import recobro_events.schema
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute(recobro_events.schema.UPGRADE)
    op.execute(chassis.schema.PRUNED)
